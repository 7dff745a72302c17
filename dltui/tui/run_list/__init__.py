"""The page with all runs."""
