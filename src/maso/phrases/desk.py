"""Sentences of a research and trading desk, and of any team of agents: notes, filings, tasks, reports."""

from typing import Final

_RESEARCH = """
{company} ({ticker}): {metric} {direction} in the {quarter}.
We looked at {company}, {sector}, after its {quarter} figures.
Note on {ticker}, prepared {isodate} for the {team} team.
Our view on {company} changes little after the call on {date}.
{sector} in {country}: {metric} {direction} while {metric} {direction}.

Revenue came to {currency}{million}, {percent} more than a year ago.
{metric} {direction} by {percent}, which we had expected to be {percent}.
Management guides for {percent} growth and {currency}{million} of investment.
Net debt stands at {currency}{million}, or {small}.{d1} times earnings before interest and tax.
The order book covers {small} months, against {small} in {month} {year}.
Volume in {country} {direction}, price and mix added {percent}.

The driver is {metric}, not {metric}, as some reports have it.
Two thirds of the change come from {country}, the rest from one contract.
A competitor in {city} closed a plant, which helps {metric}.
We see no sign of restocking; channel checks in {city} were mixed.
The comparison with {company} is misleading because of the {quarter} base.

We are fairly confident, since the figures are from the filing, {page}.
Confidence is moderate: one of the two sources is {outlet}.
We could not confirm the figure for {country} and mark it as unknown.
The estimate rests on {small} assumptions, listed in {ref}.
If {metric} is {percent} lower, the conclusion reverses.

Open question: {riskword}.
Next date: {date}, {quarter} trading statement.
-
We leave the estimate for {year} at {currency}{n2}.{d1} a share.
Analyst: {person}, {city}.
"""

_RESEARCH_DE = """
{company} ({ticker}): Zahlen zum Stichtag {isodate}.
Kurznotiz zu {company} nach dem Gespräch in {city} am {datum}.

Der Umsatz lag bei {n2},{d1} Mio. €, der Auftragseingang bei {n2},{d1} Mio. €.
Die Marge hat sich um {small},{d1} Prozentpunkte verändert, vor allem durch Energiekosten.
Die Verschuldung sinkt auf das {small},{d1}-fache des operativen Ergebnisses.

Unsere Einschätzung stützt sich auf den Geschäftsbericht, Seite {n2}, und auf {small} Gespräche.
Offen bleibt, ob die Nachfrage in {city} anhält; dazu fehlen belastbare Daten.
Die Angaben zum Auslandsgeschäft konnten wir nicht bestätigen.

Nächster Termin: {datum}.
-
"""

_FILING = """
Annual report {year}, {company}, {page}.
{company}, interim statement for the {quarter} of {year}.
Extract from filing {ref}, {company}, {isodate}.
Notes to the consolidated statements of {company}, note {small}.

The company recognised revenue of {currency}{million} ({year}: {currency}{million}).
Cost of materials {direction} to {currency}{million}, mainly owing to {country}.
Trade receivables amounted to {currency}{million}, of which {percent} were past due.
Provisions of {currency}{million} relate to {riskword}.
Depreciation on plant in {city} was {currency}{million}.

Borrowings of {currency}{million} mature in {year}; the margin is {small}.{d1} percentage points.
The covenant requires net debt below {small}.{d1} times; the ratio was {small}.{d1}.
A dividend of {currency}{small}.{c2} a share was paid on {isodate}.
The share count was {n2}.{d1} million at the end of {month}.
Commitments for capital expenditure came to {currency}{million}.

The directors consider {riskword} to be the principal uncertainty.
No events after the reporting date require adjustment.
The auditor drew attention to {riskword} without qualifying the opinion.
Segment figures exclude the business in {country}, sold in {month} {year}.

Signed in {city} by {person}.
-
Amounts are rounded; totals may differ.
"""

_MARKET = """
{ticker} opened at {n2}.{c2} and traded between {n2}.{d2} and {n2}.{d2}.
{sector} stocks {direction} by {percent} at {time}.
Volume in {ticker} reached {n2}.{d1} million shares, {small} times the average.
{ticker} last {n2}.{d2}, bid {n2}.{d2}, offer {n2}.{d2}.

The spread to {ticker} {direction} to {small}{d1} basis points.
Sterling {direction}, the krone {direction}; oil was quoted at {n2}.{d2}.
Breadth was weak, {n2} of {n2} members of the index fell.
Implied volatility stands at {n2}.{d1}, against {n2}.{d1} a week ago.
The curve between {small} and {n2} years {direction}.

No company news; {outlet} mentioned {company} at {time}.
Traders in {city} pointed to {company}'s {quarter} statement.
The next release is on {weekday} at {time}.
-

Source timestamp {isodate} {time}, feed {ref}.
Snapshot {ref}, {isodate}, {time}.
"""

_RISK = """
Risk note {ref} on {company}.
Assessment for {ticker}, position limit {currency}{million}.
Reviewed {isodate}: exposure to {sector} in {country}.
{riskword}: assessment for {company}.

Main concern is {riskword}, followed by {riskword}.
Loss in the stress case is {currency}{million}, or {percent} of the book.
Value at risk {direction} to {currency}{million} at the 99th percentile.
Liquidity: {small} days to unwind at a fifth of volume.
Correlation with {ticker} is 0.{d2}, up from 0.{d2} in {month}.

The input from {team} is {small} days old and was taken as it is.
We did not repeat the calculation of {metric}.
Two of {small} inputs could not be traced to a filing.
Sensitivity: a move of {percent} in {metric} costs {currency}{million}.

Rating unchanged at {small} of 10, outlook to be reviewed on {date}.
Score {n2} of 100; above {n2} a second signature is required.
Recommendation: stay within {currency}{million} until {date}.
Proposed limit {currency}{million}, valid until {isodate}.
"""

_COMPLIANCE = """
Compliance review {ref}, {isodate}.
Review of the note on {company} under {rule}.
File {ref}: draft by {team}, received at {time}.
Second review of {ticker}, requested by {person}.

The sources are stated; {small} of {small} were opened and read.
The recommendation is balanced and names {riskword} as a risk.
No holding of the desk above {percent} was found in {ticker}.
The wording on {metric} has been changed from certain to likely.
The restricted list of {isodate} does not contain {company}.

Rule checked: {rule}. Rule checked: {rule}.
{rule} applies because the client is resident in {country}.
No contact with the {team} team about this name since {date}.
The disclosure on page {n2} is complete.

Result: may be released after the correction on {page}.
Result: released at {time}.
Result: released with the condition that {metric} is footnoted.
Result: back to the author, see comment {small}.

-
Retention until {year}, archive {ref}.
Reviewer {person}, {city}.
"""

_REPORT = """
Section {small}: {sector} in {country}.
Summary for the {team} meeting on {date}.
Part {small}, compiled from {small} notes between {date} and {date}.
Chapter on {company}, version {small}.{d1}.

{metric} {direction} across the group, led by {company}.
Three findings matter: {metric}, {metric} and {riskword}.
{company} and {company} moved in opposite directions.
The picture is consistent with {ref}, with one exception in {country}.

Figures: {currency}{million} in sales, {percent} margin, {n2} thousand tonnes.
Table {small} shows {metric} by country, chart {small} the same since {year}.
Compared with {month}, {metric} {direction} by {percent}.
The weighted average is {n2}.{d1}, the median {n2}.{d1}.

Confidence is stated per finding; none is higher than in its source.
Where notes disagreed, both are shown with their sources.
What we could not verify is listed at the end, {small} items.
The text on {riskword} was shortened, not changed.

Prepared by the {team} team.
Distribution: internal, {city} and {city}.
-
"""

_TASK = """
Please take the {quarter} figures of {company} and work out {metric}.
Next: compare {company} with {company} on {metric}.
Needed by {time}: a short note on {riskword} in {sector}.
Have a look at {ref} and say whether {metric} still holds.
Prepare the part on {country}, about {n2}{d1} words.
Check {small} of the figures in {ref} against the filing.

Use the filing first and {outlet} only as a second source.
The reader is the {team} team, so leave out the basics.
Keep the sources with each figure, with {page} where there is one.
State what is unknown instead of estimating it.
The earlier version is {ref}, of {isodate}.

Units are {currency}million, dates as year, month, day.
The limit is {small} pages and {small} tables.
If a figure is missing, say so and go on.
Report {metric} for {year} and the year before.

-
Background: {metric} {direction} in {month}.
It goes on to {team} afterwards, as {ref}.
Priority {small} of {n2}, case {ref}.
"""

_STATUS = """
{team}: {small} of {n2} items done at {time}.
Queue {n2}, oldest {small} minutes, {time}.
Step {small} finished in {n2} s, reference {ref}.
{ref}: waiting for {team} since {time}.
Checked {n2} inputs, {small} without result.
Heartbeat {time}, load 0.{d2}, {small} retries.

Next run at {time}, job {ref}.
No deviation from plan {ref}.
Handed to {team} with {small} attachments.
Average {n2}.{d1} s, slowest {n2}{d1} s.
Budget used: {n2}.{d2} per cent of {ref}.
"""

_NEWS = """
{city}, {date}. {company} said on {weekday} that {metric} {direction}.
{company} to invest {currency}{million} in {country}, reports {outlet}.
Opinion: why {sector} deserves a second look.
Strike at {company}'s plant in {city} ends after {small} days.

The plant employs {n2}{d1} people and makes parts for {company}.
Analysts had expected {percent}; the shares {direction} by {percent}.
A spokesman, {person}, declined to comment on {riskword}.
The ministry in {country} published new rules on {date}.
Rivals such as {company} may follow within {small} months.

The project is to be finished by {month} {year}.
Residents of {city} welcomed the decision, with reservations.
Earlier this year, {metric} had already {direction}.
The figures could not be checked independently.

Share this article or write to the editors.
Read also: {sector} after {year}.
Updated at {time}.
-
"""

SHAPES: Final[dict[str, tuple[str, ...]]] = {
    "research": (_RESEARCH, _RESEARCH, _RESEARCH, _RESEARCH, _RESEARCH_DE),
    "filing": (_FILING,),
    "market": (_MARKET,),
    "risk": (_RISK,),
    "compliance": (_COMPLIANCE,),
    "report": (_REPORT,),
    "task": (_TASK,),
    "status": (_STATUS,),
    "news": (_NEWS,),
}
