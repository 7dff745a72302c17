"""The form of a new run in a small terminal."""
