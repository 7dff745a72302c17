"""Optimizers: PyTorch's own, Lion and Muon, with a state that is complete before the first step."""
