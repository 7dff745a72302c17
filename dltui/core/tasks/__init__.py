"""The tasks of models. Each has a folder with its definition, which everything asks that differs between tasks."""
