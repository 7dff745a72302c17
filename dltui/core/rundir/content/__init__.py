"""Checks that what the files of a run hold is of the types that readers rely on: they may come from another hand."""
