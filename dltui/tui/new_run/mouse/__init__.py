"""The mouse in the form of a new run."""
