"""Reads image files into rows, in processes or threads, and keeps the rows of files that have not changed."""
