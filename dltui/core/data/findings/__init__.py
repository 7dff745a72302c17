"""Looks for what is wrong with data before it is trained on: duplicates, leakage, odd images, uneven classes."""
