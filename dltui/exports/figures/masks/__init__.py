"""Figures of a segmentation: its classes, and its worst masks."""
