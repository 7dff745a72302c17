"""A worker that waits for its device: queued, or because it has given the device back."""
