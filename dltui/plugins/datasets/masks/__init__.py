"""A folder of images and their masks as a dataset."""
