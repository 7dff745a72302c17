"""Families of PyTorch models: libraries whose members are found by name."""
