"""Live: the same plane, journeys and worlds under a real clock, with real processes, databases and a bus.

Only here, and in what measures, is there a clock, a socket or a thread. `drill.py` rehearses a shutdown:

    switch       issues leases, runs the stages, keeps a log of its own        switch_process.py
    gateway      takes payments, keeps books of its own                        gateway_process.py
    platform     the plane, the worlds, one task for every instance            platform_process.py
    reconciler   settles what was under way, after termination                 reconciler_process.py
    supervisor   starts them, kills, cuts, and audits the books afterwards     drill.py
    guard        ends all of them where the supervisor is killed               guard.py

`docs/live-drill.md` says what is measured, and what a drill on one machine does not show.
"""
