"""Reads a run directory: history, curve points, status, progress."""
