"""Sweeps: trials that are full runs, started by a detached process that may end and begin again at any time."""
