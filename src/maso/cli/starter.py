"""The fleet file that `maso init` writes: three agents of a small shop, complete enough to be run.

It shows each part that a fleet needs once: ports, schemas, actions with guarded arguments, types with
clearances and budgets, links, one delegation, and one journey that an honest session takes. A test loads it.
"""

from typing import Final

STARTER: Final = """\
# A fleet of three agents for a small shop: one answers questions, one takes orders, one takes payments.
# Change it into yours. `maso check FILE` says what is wrong, and what is legal; `maso run FILE` runs it.

fleet: my-fleet
kind: depth             # one set of these agents for each session; `breadth` is many different agents
about: a small shop with an adviser, an order desk and a payment agent
size: 20                # sessions at the same time

# Who is not cleared for a compartment never receives what carries it.
compartments:
  - {id: pci, about: cardholder data}
  - {id: pii, about: who the customer is}

# What happens when the scan finds such data on a link that says nothing else: `raise` the label, and the
# clearance decides; `refuse`; `redact`; `ignore`.
dlp:
  policy:
    {pan: raise, cvv: raise, secret: refuse, iban: raise, national_id: raise, email: raise, phone: raise}
  compartments: {pan: pci, cvv: pci, iban: pii, national_id: pii, email: pii, phone: pii}

# The shape of everything that is sent: exactly these fields. `text` and `fact` fill them in a simulation.
schemas:
  - id: chat
    fields: {text: {type: text, max: 2000, text: question}}
  - id: card_form       # the only shape in which a card number may stand
    fields: {card: {type: card}, cvv: {type: id, max: 4}}
  - id: search
    fields: {query: {type: text, max: 400, text: question}}
  - id: found
    fields:
      sku: {type: id, max: 32}
      price_minor: {type: money, max: 10000000}
      passages: {type: documents, max: 8, text: product}
  - id: reply
    fields: {text: {type: text, max: 2000, text: advice}}
  - id: proposal
    fields:
      sku: {type: id, max: 32, fact: sku}
      quantity: {type: int, min: 1, max: 99, fact: quantity}
      reason: {type: text, max: 600, text: advice}
  - id: reservation
    fields: {sku: {type: id, max: 32, fact: sku}, quantity: {type: int, min: 1, max: 99, fact: quantity}}
  - id: reserved
    fields: {basket_id: {type: id, max: 32}, total_minor: {type: money, max: 100000000}}
  - id: order
    fields:
      basket_id: {type: id, max: 32, fact: basket_id}
      total_minor: {type: money, max: 100000000, fact: total_minor}
  - id: ordered
    fields: {order_id: {type: id, max: 32}}
  - id: payment
    fields:
      order_id: {type: id, max: 32, fact: order_id}
      amount_minor: {type: money, max: 100000000, fact: order_total_minor}
  - id: paid
    fields: {authorisation_id: {type: id, max: 32}}
  - id: receipt         # strict: no field of it can hold a card number, so it may leave `pci` behind
    fields:
      status: {type: enum, values: [authorised, declined]}
      amount_minor: {type: money, max: 100000000, fact: authorised_minor}
  - id: noted
    fields: {record_id: {type: id, max: 32}}

# Where something from outside enters. `source` marks whom it must not be believed from.
ports:
  - id: customer_chat
    source: customer
    label: {level: confidential}
    clearance: {level: confidential, compartments: [pii]}
    external: true
  - id: card_entry
    source: customer
    label: {level: confidential, compartments: [pci]}
    external: true
  - id: catalogue
    source: rag
    label: {level: internal}
    clearance: {level: confidential}
    signed: true        # what was not signed at ingestion is refused at retrieval
    fresh_minutes_max: 60
  - {id: shop, source: tool, label: {level: internal}, clearance: {level: confidential, compartments: [pii]}}
  - id: gateway
    source: tool
    label: {level: confidential}
    clearance: {level: confidential, compartments: [pci, pii]}

# What agents can do. For a privileged action, each argument lists the untrusted `sources` that may
# determine it; with any other behind it, everybody in `endorsed_by` must vouch for exactly this action.
actions:
  - {id: catalogue.search, port: catalogue, schema: search, operation: shop.search, answer: found}
  - {id: customer.tell, port: customer_chat, schema: reply, answer: noted}
  - id: stock.reserve
    port: shop
    schema: reservation
    operation: shop.stock_reserve
    privileged: true
    arguments:
      sku: {sources: [customer], endorsed_by: [facts]}
      quantity: {sources: [customer], endorsed_by: [facts]}
    answer: reserved
  - id: order.create
    port: shop
    schema: order
    operation: shop.order_create
    risk: high
    privileged: true
    judge: 1.0
    arguments:
      basket_id: {endorsed_by: [customer, facts]}
      total_minor: {endorsed_by: [customer, facts]}
    answer: ordered
  - id: payment.authorise
    port: gateway
    schema: payment
    operation: shop.payment_authorise
    risk: critical
    irreversible: true
    privileged: true
    needs_contract: true    # never on the payment agent's own initiative
    judge: 1.0              # a critical action is always judged; less is refused
    arguments:
      order_id: {endorsed_by: [customer, facts]}
      amount_minor: {endorsed_by: [customer, facts]}
    answer: paid

types:
  - id: adviser
    role: answers questions about products
    clearance: {level: confidential}
    actions: [catalogue.search, customer.tell]
    budgets: {turns: 40, tokens: 30000, retries: 3, same_message: 5}
  - id: orders
    role: reserves stock and creates orders
    clearance: {level: confidential, compartments: [pii]}
    risk: high
    actions: [stock.reserve, order.create]
    may_request: [payment.authorise]    # may have it done, by contract; cannot do it
    budgets: {turns: 40, tokens: 30000, retries: 3, same_message: 5}
  - id: payment
    role: takes payments
    clearance: {level: confidential, compartments: [pci, pii]}
    risk: critical
    judge: 1.0
    actions: [payment.authorise]
    budgets: {turns: 20, tokens: 10000, retries: 3, same_message: 5}

# Who may send what to whom. What is not here does not go.
links:
  - from: customer_chat
    to: adviser
    schema: chat
    dlp: {pan: redact, cvv: redact, email: redact, phone: redact, iban: redact, national_id: redact}
  - {from: card_entry, to: payment, schema: card_form}
  - {from: adviser, to: orders, schema: proposal}
  - {from: orders, to: payment, schema: payment, kinds: [data, delegation]}
  - from: payment
    to: orders
    schema: receipt
    declassify: [pci]
    owner: head of payments
    dlp: {pan: refuse, cvv: refuse}

delegations:
  - {from: orders, to: payment, actions: [payment.authorise], minutes_max: 15}

# What honest sessions do. Without journeys, they walk the links at random.
workload:
  session_minutes: 5
  journeys:
    - id: purchase
      share: 0.4
      steps:
        - {from: customer_chat, to: adviser}
        - {from: adviser, action: catalogue.search}
        - {from: adviser, action: customer.tell}
        - {from: adviser, to: orders}
        - {from: orders, action: stock.reserve}
        - {confirm: order.create}
        - {from: orders, action: order.create}
        - {from: orders, to: payment, kind: delegation, delegate: [payment.authorise]}
        - {from: card_entry, to: payment}
        - {confirm: payment.authorise}
        - {from: payment, action: payment.authorise, under: orders}
        - {from: payment, to: orders}
    - id: question
      share: 0.6
      steps:
        - repeat: 3
          steps:
            - {from: customer_chat, to: adviser}
            - {from: adviser, action: catalogue.search}
            - {from: adviser, action: customer.tell}
"""
