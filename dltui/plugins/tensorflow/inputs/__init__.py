"""Named inputs in TensorFlow: the tensors of records, and the layers of models that take sequences."""
