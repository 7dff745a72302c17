"""The page with the form of a new run."""
