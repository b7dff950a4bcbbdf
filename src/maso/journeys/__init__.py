"""Journeys: what honest sessions do, move by move, whoever drives them: virtual time or a real clock.

`workloads.py` says how much there is and at which pace, `scripts.py` compiles a fleet's journeys (or
`walks.py` finds some), `payloads.py` writes what is said, `actors.py` is the speaker's side of an instance,
and `sessions.py` plays it all against a driver (`driving.py` says what that is).
"""
