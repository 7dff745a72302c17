"""Figures of a look inside a model: what speaks for its answers, and how it sorts the samples."""
