"""Whether the worker of a run lives, and whether it is silent."""
