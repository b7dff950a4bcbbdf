"""Worlds: the outside that agents act on, as state machines without I/O.

`base.py` says what a world is; `shop.py`, `desk.py` and `ledger.py` are the three there are. Time is an
argument, randomness is a stream that is handed in, and everything that must survive goes through a small
storage protocol, so that the same code can run on a database.
"""
