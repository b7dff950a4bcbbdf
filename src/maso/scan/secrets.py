"""Keys and tokens: forms that issuers publish, and assignments of something random to a telling name.

Two families. An *issued* form carries its own mark (a prefix, a header) and needs no context. A *named*
one is a run of random characters assigned to a name such as a vendor, `token` or `password`; it needs
an assignment sign, enough entropy, and not to be a placeholder.

Hyperscan finds the place, a Python expression at that place finds the exact extent.

Not handled: a random run without a mark or a name; passwords that are words.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Final

import hyperscan

# (expression without look-around, caseless). Marks, alphabets and lengths are the issuers' published facts.
_ISSUED: Final[tuple[tuple[str, bool], ...]] = (
    (r"(?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA|A3T[A-Z0-9])[A-Z2-7]{16}", False),
    (r"A3T[A-Z0-9]{17}", False),
    (r"AIza[0-9A-Za-z_-]{35}", False),
    (r"ya29\.[0-9A-Za-z_-]{20,}", False),
    (r"GOCSPX-[0-9A-Za-z_-]{20,}", False),
    (r"gh[pousr]_[0-9A-Za-z]{30,}", False),
    (r"github_pat_[0-9A-Za-z_]{30,}", False),
    (r"gl(?:pat|cbt|dt|ffct|ft|imt|agent|oas|ptt|rt|soat|rtr)-[0-9A-Za-z_.=-]{16,}", False),
    (r"GR1348941[0-9A-Za-z_-]{16,}", False),
    (r"_gitlab_session=[0-9a-z]{20,}", False),
    (r"xox[abeoprs](?:\.xox[bp])?-[0-9A-Za-z-]{10,}", False),
    (r"xapp-[0-9]-[0-9A-Z]+-[0-9]+-[0-9a-z]+", True),
    (r"hooks.slack.com/(?:services|workflows|triggers)/[0-9A-Za-z+/]{20,}", False),
    (r"(?:sk|rk|pk)_(?:test|live|prod)_[0-9A-Za-z]{10,}", False),
    (r"whsec_[0-9A-Za-z]{20,}", False),
    (r"sk-ant-(?:api|admin)[0-9]{2}-[0-9A-Za-z_-]{30,}", False),
    (r"sk-(?:proj-|svcacct-|admin-|or-)?[0-9A-Za-z_-]{20,}", False),
    (r"eyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{6,}", False),
    (r"ey[0-9A-Za-z]{17,}\.ey[0-9A-Za-z/\\_-]{17,}\.", False),
    (r"eyJrIjoi[0-9A-Za-z]{40,}", False),
    (r"(?:ZXlK|bGV5)[0-9A-Za-z+/_-]{40,}", False),
    (r"-----BEGIN[ A-Z0-9_-]{0,100}PRIVATE KEY", False),
    (r"PuTTY-User-Key-File-[0-9]", False),
    (r"AGE-SECRET-KEY-1[0-9A-Z]{50,}", False),
    (r"A3-[0-9A-Z]{6}-(?:[0-9A-Z]{11}|[0-9A-Z]{6}-[0-9A-Z]{5})-[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{5}", False),
    (r"ops_eyJ[0-9A-Za-z+/]{50,}", False),
    (r"p8e-[0-9a-z]{32}", True),
    (r"LTAI[0-9a-z]{20}", True),
    (r"AKC[0-9A-Za-z]{50,}", False),
    (r"cmVmd[0-9A-Za-z]{50,}", False),
    (
        r"(?:sc|ext|scauth|authress)_[0-9a-z]{5,30}\.[0-9a-z]{4,6}\.(?:acc)[_-][0-9a-z-]{10,32}\.[0-9a-z+/_=-]{30,}",
        True,
    ),
    (r"ABSK[0-9A-Za-z+/]{60,}", False),
    (r"bedrock-api-key-[0-9A-Za-z+/=]{16,}", False),
    (r"[0-9A-Za-z_~.]{3}[0-9]Q~[0-9A-Za-z_~.-]{31,34}", False),
    (r"4b1d[0-9A-Za-z]{38}", False),
    (r"CLOJARS_[0-9a-z]{60}", True),
    (r"v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}", False),
    (r"CCIPAT_[0-9A-Za-z_]{20,}", False),
    (r"dapi[0-9a-f]{32}", False),
    (r"do[opr]_v1_[0-9a-f]{40,}", False),
    (r"dp\.(?:pt|st|ct|sa|scim|audit)\.[0-9a-z.]{40,}", True),
    (r"duffel_(?:test|live)_[0-9a-z_=-]{40,}", True),
    (r"dt0[a-z][0-9]{2}\.[0-9a-z]{24}\.[0-9a-z]{60,}", True),
    (r"EZ[AT]K[0-9a-z]{50,}", True),
    (r"[0-9]{15,16}(?:\||%7C|%23|%)[0-9a-z_-]{27,40}", True),
    (r"EAA[MC][0-9a-z]{60,}", True),
    (r"FLW(?:PUBK|SECK)_TEST-[0-9a-h]{12,}", True),
    (r"fo1_[0-9A-Za-z_]{40,}", False),
    (r"fm[12][ar]?_[0-9A-Za-z+/]{60,}", False),
    (r"fio-u-[0-9a-z_=-]{60,}", True),
    (r"gl(?:c|sa)_[0-9A-Za-z+/_]{20,}", False),
    (r"pat\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z]{20,}", False),
    (r"sat\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z]{20,}", False),
    (r"[0-9a-z]{14}\.atlasv1\.[0-9a-z_=-]{50,}", True),
    (r"HRKU-AA[0-9A-Za-z_-]{50,}", False),
    (r"hf_[A-Za-z]{34}", False),
    (r"api_org_[A-Za-z]{34}", False),
    (r"ico-[0-9A-Za-z]{32}", False),
    (r"s-s4t2(?:ud|af)-[0-9a-f]{60,}", True),
    (r"lin_api_[0-9a-z]{40}", True),
    (r"[0-9A-Za-z]{6}_[0-9A-Za-z]{29}_mmk", False),
    (r"key-[0-9a-f]{32}", False),
    (r"[ps]k\.[0-9a-z]{50,}\.[0-9a-z]{20,}", True),
    (r"[0-9a-z]+\.webhook\.office\.com/webhookb2/[0-9a-z@/-]{40,}", True),
    (r"NR(?:AK|JS|II|AA)-[0-9a-z-]{19,}", True),
    (r"ntn_[0-9]{11}[0-9A-Za-z]{32,}", False),
    (r"npm_[0-9a-z]{36}", True),
    (r"pypi-AgE[0-9A-Za-z_-]{40,}", False),
    (r"API-[0-9A-Z]{26}", False),
    (r"sha256~[0-9A-Za-z_-]{43}", False),
    (r"pplx-[0-9A-Za-z]{40,}", False),
    (r"pscale_(?:tkn|oauth|pw)_[0-9a-z_.=-]{30,}", True),
    (r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}", True),
    (r"pnu_[0-9a-z]{36}", True),
    (r"pul-[0-9a-f]{40}", False),
    (r"rdme_[0-9a-z]{70}", False),
    (r"rubygems_[0-9a-f]{48}", False),
    (r"tk-us-[0-9A-Za-z_-]{48}", False),
    (r"SG\.[0-9a-z_=.-]{60,}", True),
    (r"xkeysib-[0-9a-f]{64}-[0-9a-z]{16}", True),
    (r"sntry[su]_[0-9A-Za-z+/=_]{50,}", False),
    (r"sm_[aps]at_[0-9A-Za-z]{16}", False),
    (r"shippo_(?:live|test)_[0-9a-f]{40}", True),
    (r"shp(?:at|ca|pa|ss)_[0-9a-f]{32}", True),
    (r"sgp_(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40}", True),
    (r"(?:EAAA|sq0atp-|sq0csp-)[0-9A-Za-z_-]{22,}", False),
    (r"SK[0-9a-fA-F]{32}", False),
    (r"[0-9]{5,16}:A[0-9a-z_-]{34}", True),
    (r"hv[sb]\.[0-9A-Za-z_-]{24,}", False),
    (r"(?:^|[^0-9A-Za-z])s\.[0-9a-z]{24}", True),
    (r"AQVN[0-9A-Za-z_-]{35,}", False),
    (r"YC[0-9A-Za-z_-]{38}", False),
    (r"t1\.[0-9A-Z_a-z-]+=?=?\.[0-9A-Z_a-z-]{86}", False),
    (r"tfp_[0-9a-z_.=-]{50,}", True),
    (r"[0-9a-h]{32}-[0-9a-h]{8}-[0-9a-h]{8}", False),
    (r"[0-9a-f]{32}-us[0-9]{1,2}", False),
    (r"(?:access|public|secret)-(?:sandbox|development|production)-[0-9a-f-]{36}", True),
    (
        r"(?:jdbc|mongodb(?:\+srv)?|postgres(?:ql)?|mysql|redis|amqp|ftp|https?)://[^\s:/@\"]{1,64}:[^\s:/@\"]{3,64}@[a-z0-9]",
        True,
    ),
    (r"https?://[0-9a-f]{8}:[0-9a-f]{8}@", True),
    (r"AccountKey=[0-9A-Za-z+/=]{40,}", False),
    (r"(?:bearer|basic) [0-9a-z_.=+/-]{20,}", True),
    (r"key ?= ?[\"'\\]{0,3}[a-z]{0,10}password[\"'\\]{1,3}\s{0,99}value ?= ?[\"'\\]{1,3}[^\"]{8,}", True),
    (r"secret_key[\"'\\]{0,3}\s{0,9}=>\s{0,99}[\"'\\]{1,3}sk_[^ ]{20,}", True),
    (r"contribsys[^:]{0,60}[0-9a-f]{8}:[0-9a-f]{8}", True),
    (r"AAAAAAAAAA[0-9A-Za-z%]{60,}", False),
)

_VENDORS: Final = (
    "adafruit adobe airtable algolia alibaba asana atlassian jira beamer bitbucket bittrex meraki "
    "cloudflare codecov cohere coinbase confluent contentful curl datadog databricks dnkey "
    "discord droneci dropbox etsy facebook fastly finicity finnhub flickr freshbooks gcp github gitlab "
    "gitter gocardless heroku hubspot intercom jfrog artifactory bintray xray kraken kucoin "
    "launchdarkly linear linkedin linked_in linked-in lob looker mailchimp mailgun mapbox mattermost "
    "maxmind messagebird message-bird message_bird netlify new_relic new-relic newrelic nytimes "
    "newyorktimes new-york-times okta openai plaid privateai private_ai private-ai rapidapi sendbird "
    "sendgrid sentry contribsys snyk sonar square squarespace stripe sumo telegr travis trello twilio "
    "twitch twitter typeform yandex zendesk aws azure slack segment pagerduty shopify rollbar postmark "
)
_NAMES: Final = (
    r"secret|token|passw(?:or)?d|passwd|passphrase|pwd|api[_-]?key|apikey|access[_-]?key|private[_-]?key|auth[_-]?key"
    r"|encryption[_-]?key|signing[_-]?key|client[_-]?secret|authorization|credentials?|account[_-]?key|connection[_-]?string"
    r"|[^a-z]key"
)
_ASSIGN: Final = r"(?:=>|\|\||:{1,3}=|\?=|[:=>,])"
_VALUE: Final = r"[0-9A-Za-z_=.+/~!@#$%^*-]"
_EVERY_NAME: Final = rf"(?:{_NAMES}|{'|'.join(_VENDORS.split())})"
# The named family as the first pass sees it: unbounded repeats and one pattern a name, because Hyperscan
# finds 120 patterns that begin with a literal in a quarter of the time of one with 120 alternatives.
_TAIL: Final = rf"[0-9a-z_. -]*[\s'\"\\]*{_ASSIGN}[\s'\"`=\\]*"
NAMES: Final = (*_NAMES.split("|"), *_VENDORS.split())

ISSUED_PATTERNS: Final[tuple[tuple[str, int], ...]] = tuple(
    (expression, hyperscan.HS_FLAG_CASELESS if caseless else 0) for expression, caseless in _ISSUED
)
_NOT_INSIDE: Final = "(?:^|[^0-9A-Za-z+/_-])"
FIRST_PATTERNS: Final[tuple[tuple[str, int], ...]] = (
    # `issued_at` takes a short mark only where a token begins; one signature in 100 has this one inside.
    *((_NOT_INSIDE + e if e.startswith("YC") else e, flags) for e, flags in ISSUED_PATTERNS),
    *((rf"{name}{_TAIL}{_VALUE}*[0-9]", hyperscan.HS_FLAG_CASELESS) for name in NAMES),
)

_EXACT: Final = tuple(
    re.compile(expression, re.IGNORECASE if caseless else 0) for expression, caseless in _ISSUED
)
_NAMED: Final = re.compile(
    rf"(?i)(?P<name>{_EVERY_NAME})[0-9a-z_. -]{{0,40}}?[\s'\"\\]{{0,8}}{_ASSIGN}"
    rf"[\s'\"`=\\]{{0,12}}(?P<value>{_VALUE}{{8,200}})"
)
_PLACEHOLDER: Final = re.compile(
    r"(?i)example|changeme|your[-_]?|placeholder|xxxx|\*\*\*|<|redacted|dummy|sample|test[-_]?key|todo|none|null|undefined"
    r"|env\b|process\.|os\.|\$\{|vault"
)
_PLAIN_NUMBER: Final = re.compile(r"[0-9.,:/_-]+")
_INSIDE: Final = re.compile(r"[0-9A-Za-z+/_-]")
_SHORT_MARK: Final = re.compile(
    r"sk-|SK|YC|EAA|AKC|API-|key-|A[0-9A-Z]{3}[A-Z2-7]|[ps]k\.|ey|LTAI|AQVN|4b1d|hf_|[0-9a-h]{32}"
)
_UNSPEAKABLE: Final = re.compile(r"(?i)[bcdfghjklmnpqrstvwxz]{4}|^[^aeiouy]+$|[jqxvz][bcdfgjkmpqtvwxz]")
_WORDY: Final = re.compile(r"[A-Z]?[a-z]{3,}|[A-Z]{5,}")
_LOGIN: Final = re.compile(r"(?i)passw|pwd|passphrase|secret")
MIN_NAMED: Final = 14  # characters of a random run that a vendor's or key's name is given
MIN_LOGIN: Final = 8  # passwords are shorter
MIN_ENTROPY_BITS: Final = 3.0  # per character; English words of this length have about 2.8, random hex 3.6


def entropy_bits(value: str) -> float:
    """Shannon entropy per character, bits."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values())


def issued_at(pattern: int, text: str, start: int) -> tuple[int, int] | None:
    """The exact extent of an issued form that Hyperscan saw beginning at `start`."""
    if start and _INSIDE.match(text, start - 1) and _SHORT_MARK.match(text, start):
        return None  # random base64 contains such a mark every few thousand characters
    match = _EXACT[pattern].match(text, start)
    return match.span() if match else None


def named_at(text: str, start: int) -> tuple[int, int] | None:
    """The extent of a random value that is assigned to the telling name at `start`."""
    match = _NAMED.match(text, start)
    if match is None or text[match.end() : match.end() + 1] == "(":  # a call, not a value
        return None
    return match.span("value") if _is_random(match["name"], match["value"]) else None


NAME_PATTERN: Final = (_EVERY_NAME, hyperscan.HS_FLAG_CASELESS)


def _is_random(name: str, value: str) -> bool:
    value = value.strip("'\"=.,")
    login = _LOGIN.search(name) is not None
    if len(value) < (MIN_LOGIN if login else MIN_NAMED) or _PLACEHOLDER.search(value):
        return False
    if (
        _PLAIN_NUMBER.fullmatch(value)
        or value.startswith("//")
        or "://" in value
        or ("@" in value and not login)
    ):
        return False
    if not any("0" <= char <= "9" for char in value) or not any(char.isalpha() for char in value):
        return False
    words = sum(len(word) for word in _WORDY.findall(value) if not _UNSPEAKABLE.search(word))
    if entropy_bits(value) < (2.5 if login else MIN_ENTROPY_BITS):
        return False
    return words * 3 <= len(value) * 2 or (len(value) >= 20 and words * 4 <= len(value) * 3)
