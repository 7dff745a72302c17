"""A table (CSV) as a dataset."""
