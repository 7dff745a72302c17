"""Filled forms of a new run."""
