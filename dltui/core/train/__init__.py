"""The training loop, its plan of batches and learning rates, and its metrics."""
