"""Named inputs in PyTorch: the tensors of records, and the layers of models that take sequences."""
