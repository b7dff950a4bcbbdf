"""Labels: how secret a datum is and whom it must not be believed from, in one integer.

Bits, from the lowest:

    0..2    level, as a thermometer: public 000, internal 001, confidential 011, restricted 111
    3..7    integrity: the untrusted sources in the ancestry (customer, web, rag, mcp, tool)
    8..55   named compartments, in the order in which the fleet file lists them

A thermometer makes the join of two labels a bitwise OR and the clearance test one AND, so a label only
rises under join, and the cost does not grow with the number of compartments. Integrity bits never gate
delivery; they gate what an action's arguments may be determined by (`controls/endorse.py`).

Not handled here: who may lower a label. Declassification is a decision of the plane and is recorded.
"""

from typing import Final

LEVELS: Final = ("public", "internal", "confidential", "restricted")
LEVEL_BITS: Final = {"public": 0b000, "internal": 0b001, "confidential": 0b011, "restricted": 0b111}
LEVEL_MASK: Final = 0b111

SOURCES: Final = ("customer", "web", "rag", "mcp", "tool")
SOURCE_SHIFT: Final = 3
SOURCE_BITS: Final = {name: 1 << (SOURCE_SHIFT + i) for i, name in enumerate(SOURCES)}
SOURCE_MASK: Final = 0b11111 << SOURCE_SHIFT

COMPARTMENT_SHIFT: Final = 8
# A label travels as one unsigned 64-bit msgpack integer, kept below 2**56 so that a JavaScript or
# columnar reader can still add a flag or two without overflow.
MAX_COMPARTMENTS: Final = 48

CONFIDENTIALITY_MASK: Final = LEVEL_MASK | ((1 << MAX_COMPARTMENTS) - 1) << COMPARTMENT_SHIFT


def compartment_bit(index: int) -> int:
    """The bit of the compartment at `index` in the fleet's list; ValueError past the 48th."""
    if not 0 <= index < MAX_COMPARTMENTS:
        raise ValueError(f"compartment number {index} is outside 0 to {MAX_COMPARTMENTS - 1}")
    return 1 << (COMPARTMENT_SHIFT + index)


def exceeds(label: int, clearance: int) -> int:
    """The confidentiality bits of `label` that `clearance` lacks; 0 means the receiver may have it."""
    return label & CONFIDENTIALITY_MASK & ~clearance


def level_name(label: int) -> str:
    return LEVELS[(label & LEVEL_MASK).bit_count()]


def source_names(label: int) -> tuple[str, ...]:
    return tuple(name for name in SOURCES if label & SOURCE_BITS[name])


def label_text(label: int | None, compartments: tuple[str, ...] = ()) -> str:
    """For people: `restricted {pci} <- customer, rag`."""
    if label is None:
        return "unlabelled"
    held = [
        compartments[i] if i < len(compartments) else f"compartment-{i}"
        for i in range(MAX_COMPARTMENTS)
        if label >> (COMPARTMENT_SHIFT + i) & 1
    ]
    text = level_name(label)
    if held:
        text += " {" + ", ".join(held) + "}"
    sources = source_names(label)
    return text + (" <- " + ", ".join(sources) if sources else "")
