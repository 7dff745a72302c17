"""Proves a run: trains it again, compares every loss and the weights, and writes what a repetition needs."""
