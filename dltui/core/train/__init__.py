"""The one training loop, its plan of batches and learning rates, and what it measures."""
