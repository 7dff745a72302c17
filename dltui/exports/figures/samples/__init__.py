"""Samples that are no images, as figures."""
