"""The page of a run in a small terminal."""
