"""The adversaries mixed into every simulated run: what attackers do, and what it would mean if it worked."""
