"""Lists the models, datasets, frameworks, exporters and loggers: found, asked in a process, described, named."""
