"""The terminal: its capabilities, its colors, the output to it, and the user's settings."""
