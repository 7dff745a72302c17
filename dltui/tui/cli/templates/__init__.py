"""Templates of files for users: a plugin package, a prediction script."""
