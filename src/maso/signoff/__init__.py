"""The sign-off: a person accepts what a stress run found, item by item, and signs the findings' digest.

`items.py` says what can be accepted, `record.py` makes and checks one signed record, `chain.py` judges all
records of a directory together, `files.py` reads and places them, `keys.py` seals a person's key.
docs/adr/0014-sign-off.md says what a sign-off proves and what it does not.
"""

from maso.signoff.files import read_signatures

__all__ = ["read_signatures"]
