"""Prints a run while it goes on, and sends commands to it."""
