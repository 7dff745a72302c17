"""Figures of a segmentation."""
