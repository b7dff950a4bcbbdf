"""Check digits and number plans: the arithmetic that tells a value from a number that looks like one.

Every function takes plain ASCII text that a caller has already stripped of separators and answers yes
or no. The plans are facts published by the networks and registries; where a plan is open-ended the
narrower, issued part is used, because every digit of slack costs false alarms on order numbers.

Not handled: whether a card or person exists.
"""

from __future__ import annotations

import re
from typing import Final

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812 check digit."""
    total = 0
    for char in digits[-1::-2]:
        total += ord(char) - 48
    for char in digits[-2::-2]:
        total += _DOUBLED[ord(char) - 48]
    return total % 10 == 0


# (lowest prefix, highest prefix, allowed lengths). Prefixes of one row have the same number of digits.
_PLANS: Final = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),  # Mastercard 2-series
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("300", "305", (14, 16, 19)),  # Diners Club
    ("3095", "3095", (14, 16, 19)),
    ("36", "36", (14, 16, 19)),
    ("38", "39", (14, 16, 19)),
    ("6011", "6011", (16, 19)),  # Discover
    ("644", "649", (16, 19)),
    ("65", "65", (16, 19)),
    ("3528", "3589", (16, 19)),  # JCB
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
    ("8100", "8171", (16, 19)),
    ("5018", "5018", (13, 14, 15, 16, 17, 18, 19)),  # Maestro
    ("5020", "5020", (13, 14, 15, 16, 17, 18, 19)),
    ("5038", "5038", (13, 14, 15, 16, 17, 18, 19)),
    ("5612", "5612", (16,)),
    ("5893", "5893", (13, 14, 15, 16, 17, 18, 19)),
    ("6304", "6304", (13, 14, 15, 16, 17, 18, 19)),
    ("6331", "6334", (16, 18, 19)),  # Switch and Solo, now Maestro
    ("6390", "6390", (13, 14, 15, 16, 17, 18, 19)),
    ("6759", "6759", (13, 14, 15, 16, 17, 18, 19)),
    ("676", "677", (13, 14, 15, 16, 17, 18, 19)),
    ("2200", "2204", (16, 17, 18, 19)),  # Mir
    ("60", "60", (16,)),  # RuPay
    ("82", "82", (16,)),
    ("508", "508", (16,)),
    ("353", "353", (16,)),
    ("356", "356", (16,)),
    ("9792", "9792", (16,)),  # Troy
    ("5019", "5019", (16,)),  # Dankort
    ("5060", "5061", (16, 18, 19)),  # Verve
    ("5078", "5079", (16, 18, 19)),
    ("6500", "6500", (16, 18, 19)),
    ("5066", "5067", (16,)),  # Elo
    ("509", "509", (16,)),
    ("6277", "6278", (16,)),
    ("6362", "6363", (16,)),
    ("6516", "6516", (16,)),
    ("6550", "6550", (16,)),
    ("6062", "6062", (13, 16, 19)),  # Hipercard
    ("3841", "3841", (16, 19)),
    ("637", "637", (16,)),  # InstaPayment and Hipercard
    ("636", "636", (16, 17, 18, 19)),  # InterPayment
    ("8600", "8600", (16,)),  # Uzcard
    ("9860", "9860", (16,)),  # Humo
    ("2205", "2205", (16,)),  # Borica
    ("9704", "9704", (16, 19)),  # Napas
    ("5614", "5614", (16,)),  # Uzcard co-badged
)


def _plan_table() -> dict[str, frozenset[int]]:
    """Four-digit prefix to allowed lengths: one dict lookup per candidate."""
    table: dict[str, frozenset[int]] = {}
    for low, high, lengths in _PLANS:
        span = 10 ** (4 - len(low))
        for prefix in range(int(low) * span, (int(high) + 1) * span):
            key = f"{prefix:04d}"
            table[key] = table.get(key, frozenset()) | frozenset(lengths)
    return table


_LENGTHS: Final = _plan_table()
_NO_LENGTHS: Final[frozenset[int]] = frozenset()
# First two digits of any plan: the cheap test before anything is joined.
PLAN_STARTS: Final = frozenset(prefix[:2] for prefix in _LENGTHS)


def is_card(digits: str) -> bool:
    """13 to 19 digits, a network's prefix and length, Luhn, and not one digit repeated."""
    if len(digits) not in _LENGTHS.get(digits[:4], _NO_LENGTHS):
        return False
    return luhn(digits) and len(frozenset(digits)) > 1


# IBAN registry, release 99: country and total length.
_IBAN_TEXT: Final = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 "
    "EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 "
    "IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 "
    "NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 "
    "SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
IBAN_LENGTHS: Final = {item[:2]: int(item[2:]) for item in _IBAN_TEXT.split()}


def is_iban(compact: str) -> bool:
    """Upper-case letters and digits without separators: the country's length, and 1 modulo 97."""
    if IBAN_LENGTHS.get(compact[:2]) != len(compact) or not compact.isalnum():
        return False
    rearranged = compact[4:] + compact[:4]
    return int("".join(str(int(char, 36)) for char in rearranged)) % 97 == 1


def is_ssn(digits: str) -> bool:
    """US social security number: areas 000, 666 and 900 up, group 00 and serial 0000 were never issued."""
    area = digits[:3]
    if area in ("000", "666") or area[0] == "9" or digits[3:5] == "00" or digits[5:] == "0000":
        return False
    return digits not in ("123456789", "078051120", "219099999") and len(frozenset(digits)) > 1


_NINO_NOT: Final = frozenset(("BG", "GB", "NK", "KN", "TN", "NT", "ZZ"))


def is_nino(compact: str) -> bool:
    """UK national insurance number: prefix rules, no check digit."""
    return compact[:2] not in _NINO_NOT


def is_dni(compact: str) -> bool:
    """Spanish DNI (8 digits and a letter) or NIE (X, Y or Z first): letter by modulo 23."""
    digits = compact[:-1].translate({88: "0", 89: "1", 90: "2"})
    return digits.isdigit() and "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23] == compact[-1]


_CF_ODD_LETTERS: Final = (
    1,
    0,
    5,
    7,
    9,
    13,
    15,
    17,
    19,
    21,
    2,
    4,
    18,
    20,
    11,
    3,
    6,
    8,
    12,
    14,
    16,
    10,
    22,
    25,
    24,
    23,
)
_CF_ODD: Final = {chr(65 + i): value for i, value in enumerate(_CF_ODD_LETTERS)} | {
    str(i): value for i, value in enumerate(_CF_ODD_LETTERS[:10])
}


def is_codice_fiscale(compact: str) -> bool:
    """Italian tax code: the sixteenth character checks the other fifteen."""
    total = sum(_CF_ODD[char] for char in compact[0:15:2])
    total += sum(int(char, 36) - (10 if char.isalpha() else 0) for char in compact[1:15:2])
    return compact[15] == chr(65 + total % 26)


def is_insee(digits: str) -> bool:
    """French social security number: 13 digits and 97 minus their remainder."""
    return digits[0] in "12" and 97 - int(digits[:13]) % 97 == int(digits[13:15])


def is_cpf(digits: str) -> bool:
    """Brazilian CPF: two check digits modulo 11."""
    if len(frozenset(digits)) == 1:
        return False
    for size in (9, 10):
        total = sum((size + 1 - i) * int(digits[i]) for i in range(size))
        if (total * 10 % 11) % 10 != int(digits[size]):
            return False
    return True


def is_steuer_id(digits: str) -> bool:
    """German tax identification number: ISO 7064 mod 11,10, first digit not zero."""
    if digits[0] == "0":
        return False
    product = 10
    for char in digits[:10]:
        total = (int(char) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[10])


_CN_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CN_BIRTH: Final = re.compile(r"(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")


def is_china_id(compact: str) -> bool:
    """Chinese resident identity number: a birth date and ISO 7064 mod 11,2."""
    if compact[0] in "0789" or not _CN_BIRTH.fullmatch(compact[6:14]):
        return False
    total = sum(weight * int(char) for weight, char in zip(_CN_WEIGHTS, compact[:17], strict=True))
    return "10X98765432"[total % 11] == compact[17]


_VERHOEFF_D: Final = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_VERHOEFF_P: Final = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415",
    "7046913258",
)  # fmt: skip


def is_aadhaar(digits: str) -> bool:
    """Indian Aadhaar: 12 digits, the first 2 to 9, Verhoeff check digit."""
    if digits[0] in "01":
        return False
    check = 0
    for position, char in enumerate(reversed(digits)):
        check = int(_VERHOEFF_D[check][int(_VERHOEFF_P[position % 8][int(char)])])
    return check == 0


def _weighted(digits: str, weights: tuple[int, ...]) -> int:
    return sum(weight * int(char) for weight, char in zip(weights, digits, strict=False))


def is_pesel(digits: str) -> bool:
    """Polish PESEL: a month of one of five centuries, weights modulo 10."""
    if not 1 <= int(digits[2:4]) % 20 <= 12:
        return False
    return (10 - _weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10) % 10 == int(digits[10])


def is_bsn(digits: str) -> bool:
    """Dutch BSN: the eleven test."""
    return int(digits) > 0 and _weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def is_nhs(digits: str) -> bool:
    """UK NHS number: modulo 11."""
    check = 11 - _weighted(digits, (10, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return check != 10 and check % 11 == int(digits[9])


def is_nric(compact: str) -> bool:
    """Singapore NRIC and FIN: weights modulo 11 into a letter table."""
    total = _weighted(compact[1:8], (2, 7, 6, 5, 4, 3, 2)) + (4 if compact[0] in "TG" else 0)
    table = "JZIHGFEDCBA" if compact[0] in "ST" else "XWUTRQPNMLK"
    return table[total % 11] == compact[8]
