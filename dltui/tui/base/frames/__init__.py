"""Textual's app, with less before its first frame, and which cells of a page are sent to the terminal."""
