"""Sequences of numbers: the user's own, and waves in noise."""
