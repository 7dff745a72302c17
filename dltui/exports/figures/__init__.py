"""The figures, one module each, and their common style."""
