"""Looks inside a Keras model: the outputs of its layers, and what speaks for an answer."""
