"""The evidence log: what happened, in an order and in words that nobody can change unseen.

`log.py` makes the bytes, `store.py` puts them on disk, `recover.py` picks up after a crash, `verify.py`
says whether the log still holds. `docs/evidence-format.md` has the layout and what verifying proves.
"""
