"""Where text is typed in the form of a new run: the value of a setting, the path of data, the search for a model."""
