"""Looks inside a trained model, in a process with its framework."""
