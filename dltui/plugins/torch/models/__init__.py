"""The built-in PyTorch models."""
