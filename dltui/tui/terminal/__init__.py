"""The terminal itself: what it can show, its colors, what is sent to it, and the viewer's settings."""
