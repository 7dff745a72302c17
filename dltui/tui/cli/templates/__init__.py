"""Files that dltui writes for people: a plugin package, a prediction script."""
