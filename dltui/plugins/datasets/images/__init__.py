"""A folder of images as a dataset."""
