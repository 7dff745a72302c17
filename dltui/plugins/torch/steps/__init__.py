"""Training steps in PyTorch: what is computed in one, and the ways to run many."""
