"""Looks inside a PyTorch module: the outputs of its layers, and what speaks for an answer."""
