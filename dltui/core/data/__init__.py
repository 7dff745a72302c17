"""Turns a dataset plugin into prepared arrays: found, downloaded once, checked, stored and streamed."""
