"""Filled forms that are saved under names."""
