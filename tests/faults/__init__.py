"""Faults on purpose in a whole installation, and what became of each mail."""
