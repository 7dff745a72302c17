"""The operations on runs: create, start, fork, resume, repeat with other seeds, kill, delete, use the model."""
