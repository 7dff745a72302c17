"""The terminal itself: what it can show, its colours, what is sent to it, and the viewer's settings."""
