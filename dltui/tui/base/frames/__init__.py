"""Which cells of a page are sent to the terminal."""
