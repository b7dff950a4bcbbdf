"""Experiments of stress dimensions: real controls set up and driven at one point."""
