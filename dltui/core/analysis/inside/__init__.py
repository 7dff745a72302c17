"""Looks inside a model that was tested: what in an image speaks for an answer, and how it sorts the samples."""
