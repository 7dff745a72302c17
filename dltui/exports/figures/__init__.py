"""The figures, a module each, and their common style."""
