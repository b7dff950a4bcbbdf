"""The checkers: independent eyes on the invariants, on in every simulated run."""
