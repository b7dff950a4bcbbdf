"""The fleet file that `maso init` writes: small, complete, commented, and the example of the guide."""

from typing import Final

TEMPLATE: Final = """\
# A help desk with four agents. Change the names and figures to yours, then: maso check THIS-FILE
# Everything that may stand here is explained in docs/fleet-files.md.

fleet: help-desk
kind: breadth                # every agent is listed; `depth` is a few types, once per customer session
about: answers questions and pays refunds
tier: 2                      # 1 supervised, 2 managed, 3 autonomous

compartments:                # who is not cleared for it never receives it
  - {id: personal, about: who the customer is}
  - {id: bank_data, about: accounts and cards, barrier: true}

dlp:                         # what is done about data that is found in a text
  policy: {pan: refuse, cvv: refuse, secret: refuse, email: raise, phone: raise, iban: raise}
  compartments: {email: personal, phone: personal, iban: bank_data}

providers:                   # prices need a source
  - id: provider-a
    usd_per_million_input_tokens: 0.5
    usd_per_million_output_tokens: 2.0
    price_source: our contract of January
  - {id: provider-b}

schemas:                     # the shape of every payload: exactly these fields, nothing more
  - id: question
    fields:
      text: {type: text, max: 2000, text: question}
  - id: facts
    fields:
      order_id: {type: id, max: 32, fact: order_id}
      text: {type: text, max: 2000, text: product}
  - id: refund_request
    fields:
      order_id: {type: id, max: 32, fact: order_id}
      amount_minor: {type: money, max: 50000, fact: refund_minor}
  - id: refund_result        # cannot carry an account number: so it may leave `bank_data` behind
    fields:
      status: {type: enum, values: [paid, refused]}
      amount_minor: {type: money, max: 50000, fact: refund_minor}
  - id: search
    fields:
      text: {type: text, max: 400, text: question}
  - id: passages
    fields:
      record_id: {type: id, max: 32}
      passages: {type: documents, max: 5, text: product}
  - id: reply
    fields:
      text: {type: text, max: 2000, text: reply}
  - id: refund_done
    fields:
      order_id: {type: id, max: 32}
      refund_id: {type: id, max: 32}
      refunded_minor: {type: money, max: 50000}
  - id: report
    fields:
      state: {type: enum, values: [idle, working, stuck]}

ports:                       # where something from outside enters or leaves, and how far it is believed
  - id: chat
    source: customer         # what comes from here may not determine a privileged action by itself
    label: {level: confidential}
    clearance: {level: confidential, compartments: [personal]}
    external: true
  - id: handbook
    source: rag
    clearance: {level: confidential, compartments: [personal]}
    signed: true
    fresh_minutes_max: 1440
  - id: bank
    source: tool
    label: {level: confidential, compartments: [bank_data]}
    clearance: {level: restricted, compartments: [personal, bank_data]}
    external: true

actions:                     # what an agent can do to the world, always through a port
  - {id: handbook.search, port: handbook, schema: search, answer: passages}
  - {id: customer.answer, port: chat, schema: reply}
  - id: refund.pay
    port: bank
    schema: refund_request
    operation: shop.payment_refund
    risk: critical
    irreversible: true
    privileged: true         # each argument says what may determine it, and who must vouch for it otherwise
    needs_contract: true     # only for somebody who passed the authority on
    judge: 1.0               # a critical action is always judged; the loader insists
    arguments:
      order_id: {endorsed_by: [customer, facts]}
      amount_minor: {endorsed_by: [customer, facts]}
    answer: refund_done

types:
  - id: front_desk
    role: talks to the customer
    risk: medium
    provider: provider-a
    clearance: {level: confidential, compartments: [personal]}
    actions: [customer.answer]
    may_request: [refund.pay]     # may have it done by others, not do it
    judge: 0.1
    budgets: {turns: 60, tokens: 50000, usd: 0.2, retries: 3, same_message: 5}
    session_minutes_max: 60
  - id: researcher
    role: looks things up in the handbook
    risk: medium
    provider: provider-a
    clearance: {level: confidential, compartments: [personal]}
    actions: [handbook.search]
    judge: 0.05
    budgets: {turns: 60, tokens: 50000, usd: 0.2, retries: 3, same_message: 5}
    session_minutes_max: 60
  - id: cashier
    role: pays refunds
    risk: critical
    provider: provider-a
    clearance: {level: confidential, compartments: [personal, bank_data]}
    actions: [refund.pay]
    judge: 1.0
    budgets: {turns: 30, tokens: 20000, usd: 0.1, retries: 3, same_message: 5}
    session_minutes_max: 30
  - id: supervisor
    role: watches the desk
    risk: high
    plane: control           # it manages; so it runs on another provider than those that it manages
    provider: provider-b
    clearance: {level: confidential, compartments: [personal]}
    budgets: {turns: 200, tokens: 50000, usd: 0.2, same_message: 100}
    session_minutes_max: 480

links:                       # who may send what to whom; what is not here is refused
  - {from: chat, to: front_desk, schema: question, dlp: {pan: redact, iban: redact}}
  - {from: front_desk, to: researcher, schema: question}
  - {from: researcher, to: front_desk, schema: facts}
  - {from: front_desk, to: cashier, schema: refund_request, kinds: [delegation]}
  - from: cashier
    to: front_desk
    schema: refund_result
    declassify: [bank_data]
    owner: head of finance   # somebody answers for every declassification
    dlp: {iban: refuse}
  - {from: front_desk, to: supervisor, schema: report}

delegations:                 # who may pass which authority to whom, for how long
  - {from: front_desk, to: cashier, actions: [refund.pay], minutes_max: 10, output: refund_result}

workload:                    # what honest sessions do; the loader checks that each step can succeed
  session_minutes: 15
  messages_per_agent_minute: 2
  journeys:
    - id: question
      share: 0.8
      steps:
        - repeat: 3
          steps:
            - {from: chat, to: front_desk}
            - {from: front_desk, to: researcher}
            - {from: researcher, action: handbook.search}
            - {from: researcher, to: front_desk}
            - {from: front_desk, action: customer.answer}
    - id: refund
      share: 0.2
      steps:
        - {from: chat, to: front_desk}
        - {from: front_desk, to: cashier, kind: delegation, delegate: [refund.pay]}
        - {confirm: refund.pay}
        - {from: cashier, action: refund.pay, under: front_desk}
        - {from: cashier, to: front_desk}
        - {from: front_desk, action: customer.answer}
        - {from: front_desk, to: supervisor}

shutdown:
  - {stage: halt, seconds_max: 0, about: no new questions}
  - {stage: drain, seconds_max: 30, about: refunds under way are completed}
  - {stage: terminate, seconds_max: 10}
  - {stage: reconcile, seconds_max: 120, about: refunds are compared with the bank}

switch:                      # an agent acts by short leases: who cannot hear the switch stops when one ends
  lease_ms: 6000
  renew_ms: 2000
  drift_ms: 100              # how far any clock may be off
  second_person_seconds: 300 # so long an order waits for its second person; then all stays frozen

judge: {provider: provider-b, usd_per_call: 0.002, latency_ms_median: 500, price_source: our contract}

governance:
  budget_usd_per_day: 50
  budget_steps:
    - {share: 0.75, step: warn, owner: head of support}
    - {share: 1.0, step: hard_stop, owner: head of finance, runbook: people answer}
  decision_rights: {sampling_rate_change: AI governance committee}
  risk_owner: chief risk officer

target: {size: 4, provider_share_max: 0.8}
"""


def template() -> str:
    """The text that `maso init` writes; it loads without a mistake."""
    return TEMPLATE
