"""maso: a fleet of AI agents, run through its real security controls at any size.

Everything below the drivers (`sim`, `live`) is plain data and pure functions: events in, effects out, the
time an argument. What runs in a simulation is therefore the code that runs live.
"""

__version__ = "0.1.0"
