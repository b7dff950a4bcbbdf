"""Made-up values for the scanner's tests: card numbers of every network, IBANs, national ids, secrets."""

from __future__ import annotations

import random
from typing import Final

from maso.scan.validators import IBAN_LENGTHS, luhn

# network: prefixes and length, written down from the networks' own pages, not from the code under test
NETWORKS: Final = {
    "visa": (("4",), 16),
    "visa13": (("4",), 13),
    "visa19": (("4",), 19),
    "mastercard": (("51", "52", "53", "54", "55"), 16),
    "mastercard2": (("2221", "2300", "2501", "2720"), 16),
    "amex": (("34", "37"), 15),
    "diners": (("300", "305", "36", "38"), 14),
    "discover": (("6011", "644", "65"), 16),
    "jcb": (("3528", "3589"), 16),
    "unionpay": (("62",), 16),
    "unionpay19": (("62",), 19),
    "maestro": (("5018", "6759", "6761"), 16),
    "maestro13": (("5038",), 13),
    "mir": (("2200", "2204"), 16),
    "rupay": (("60", "508"), 16),
    "troy": (("9792",), 16),
    "elo": (("5067", "6363"), 16),
    "verve": (("5061",), 16),
}
GROUPS: Final = {13: (4, 4, 4, 1), 14: (4, 6, 4), 15: (4, 6, 5), 16: (4, 4, 4, 4), 19: (4, 4, 4, 4, 3)}


def card(rng: random.Random, network: str) -> str:
    prefixes, length = NETWORKS[network]
    body = rng.choice(prefixes)
    body += "".join(rng.choice("0123456789") for _ in range(length - 1 - len(body)))
    return next(body + check for check in "0123456789" if luhn(body + check))


def any_card(rng: random.Random) -> str:
    return card(rng, rng.choice(sorted(NETWORKS)))


def grouped(number: str, separator: str) -> str:
    parts, at = [], 0
    for size in GROUPS[len(number)]:
        parts.append(number[at : at + size])
        at += size
    return separator.join(parts)


def iban(rng: random.Random, country: str) -> str:
    body = "".join(rng.choice("0123456789") for _ in range(IBAN_LENGTHS[country] - 4))
    number = int("".join(str(int(c, 36)) for c in body + country + "00"))
    return f"{country}{98 - number % 97:02d}{body}"


def ssn(rng: random.Random) -> str:
    area = rng.choice([*range(1, 666), *range(667, 900)])
    return f"{area:03d}-{rng.randint(1, 99):02d}-{rng.randint(1, 9999):04d}"


def token(rng: random.Random, size: int) -> str:
    return "".join(rng.choice("ABCDEFGHJKMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789") for _ in range(size))
