"""Finds values for a run before there is one: a learning rate, a batch size."""
