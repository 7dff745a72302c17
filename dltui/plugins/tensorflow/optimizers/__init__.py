"""Optimizers in the formulas of PyTorch and of their papers; or a Keras optimizer that a model brings."""
