"""The inputs of models: what kinds there are, how they are stored, and how they are shown."""
