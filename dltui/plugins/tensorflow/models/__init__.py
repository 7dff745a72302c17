"""The built-in TensorFlow models."""
