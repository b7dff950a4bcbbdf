"""How a stress test is conducted: sweeps, searches, adaptations, spread over processes, cached by content."""
