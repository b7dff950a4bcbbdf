"""The 80 questions that a stress test of MASO asks, in maso's words, each with the dimension that answers it.

`F` is the test of breadth (many different agents), `E` the test of depth (few types, many instances); `F2.1`
is the first question of the second dimension of breadth. A question whose dimension is not there yet is
reported as not checked; it is never answered from prose.
"""

from typing import Final, NamedTuple


class Asked(NamedTuple):
    """One question: its id, its words and the id of the dimension that answers it."""

    id: str
    words: str
    dimension: str


# The dimension of each group of questions, whether it is written yet or not.
DIMENSIONS: Final = {
    "F1": "epistemics", "F2": "delegation", "F3": "pace", "F4": "observability", "F5": "providers",
    "F6": "data-boundaries", "F7": "shutdown", "F8": "attacks",
    "E1": "observability", "E2": "judging", "E3": "oversight", "E4": "identity", "E5": "card-data",
    "E6": "pace", "E7": "shutdown", "E8": "attacks", "E9": "economy",
}  # fmt: skip

_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "F1": (
        "How many handoffs lie at most between a data source and an external output?",
        "Is confidence still worth anything after that many handoffs?",
        "Does the consensus gate look at where data came from, or only at which model spoke?",
        "From which depth on is a checkpoint needed that goes back to primary sources?",
    ),
    "F2": (
        "How many delegation paths are really in use?",
        "Can the policy engine decide delegations within the latency budget?",
        "Are transitive permission paths found by a tool, and which are there?",
        "From how many agents on must rules between agents become rules between roles or clusters?",
    ),
    "F3": (
        "Which clusters produce data that which other clusters consume?",
        "What happens to each consumer when its producer is in Alternate, Contingency or Emergency?",
        "Do cluster orchestrators know each other's PACE state, or does each act alone?",
        "Does a producer's Contingency cascade by itself, or does each consumer assess it?",
        "In which order do clusters recover?",
    ),
    "F4": (
        "How many messages flow at steady state and at peak?",
        "Can observation process them within the latency budget?",
        "How many alerts come, and can the team review what escalates?",
        "From which volume on must messages be sampled, and what does sampling risk?",
        "What does full observation cost, compared with the agents themselves?",
    ),
    "F5": (
        "Which share of agents and which clusters depend on each provider?",
        "What share fails with the largest provider, and is the control plane in it?",
        "Do the agents that manage PACE run on another provider than the task agents?",
        "From which concentration on must task and control plane use separate providers?",
    ),
    "F6": (
        "How many information barriers are there?",
        "How many pairs of agents cross them?",
        "Is scanning every message viable at this volume, or must the bus be segmented?",
        "Does derived data inherit the restriction of what it was made from?",
    ),
    "F7": (
        "How long is it at most from the kill switch to the last agent's last action?",
        "What work is in flight at any moment, and what if it is abandoned?",
        "Is a controlled halt needed instead of an immediate kill?",
        "Does the kill switch work when the agents' own platform does not?",
    ),
    "F8": (
        "Were attacks tested in combination, or one by one only?",
        "How many distinct attack paths of three steps are there?",
        "Do the controls see chains, or only single steps?",
        "From which size on is a tool for attack paths worth its cost?",
    ),
    "E1": (
        "Can metrics be aggregated by type over all instances?",
        "Do anomaly thresholds work for a population, or for single agents only?",
        "Can one deviating instance among thousands be found and isolated?",
        "What do storage and computation of all instances' telemetry cost?",
    ),
    "E2": (
        "What does judging every action cost at full volume?",
        "Which actions cannot be undone, and must all be judged?",
        "At which sampling rate is detection lost, for each type?",
        "Can the guardrails carry what is not judged?",
    ),
    "E3": (
        "How many escalations a minute come at peak?",
        "Can the reviewers handle them?",
        "What does a missed violation cost, for each type?",
        "Which types can run on guardrails alone?",
    ),
    "E4": (
        "Is identity bound to the pod, and not shared by a node?",
        "Has each agent type a role of its own with no more tools than it needs?",
        "Can a compromised instance reach another customer's session?",
        "Does a longest session duration limit how long a credential lives?",
    ),
    "E5": (
        "Which agent types are in PCI scope, and have others been exposed?",
        "Do the schemas between agents carry only what each receiver needs?",
        "Does the audit log mask card data, or is it in scope itself?",
        "What happens when a customer pastes a card number into a chat?",
    ),
    "E6": (
        "Are failures of an instance told from failures of its type?",
        "Which signal moves a whole type to its next PACE phase?",
        "What does the customer see in Contingency and in Emergency, for each type?",
        "Is the type's transition automatic, or does a person decide?",
        "How do the instances come back: all at once, or in steps?",
    ),
    "E7": (
        "How many financial transactions are in flight at most?",
        "Can the gateway confirm or cancel all of them within the drain window?",
        "Does the kill switch work independently of the container platform?",
        "What are customers told during a graduated shutdown?",
    ),
    "E8": (
        "How likely does a targeted injection escape the judge's sampling?",
        "Is retrieved knowledge checked before use, and how soon is poison found?",
        "Do messages between types keep instructions from crossing?",
        "Is security weaker during a graduated shutdown, and what is done about it?",
    ),
    "E9": (
        "Can the team tell in real time whether volume or cost per interaction drives the bill?",
        "Does attribution reach the agent type, the action and the component?",
        "Can cost be attributed to its root cause?",
        "Who decides to lower judge sampling?",
        "How long does that decision take?",
        "Are there runbooks, approved beforehand, for each budget threshold?",
        "At which point does the system revert to operation without AI, and on whose authority?",
        "Can anybody lower judging of critical actions without approval?",
        "Has the loss of detection by cheaper models been measured?",
        "Are economic breakers independent of security breakers?",
        "From which ratio of cost to revenue on is there no net value?",
        "At which point does reverting to commerce without AI give the better margin?",
        "What happens to the roadmap if the peak yields nothing to reinvest?",
    ),
}

QUESTIONS: Final = tuple(
    Asked(f"{group}.{number}", words, DIMENSIONS[group])
    for group, all_words in _WORDS.items()
    for number, words in enumerate(all_words, 1)
)
BY_ID: Final = {asked.id: asked for asked in QUESTIONS}
