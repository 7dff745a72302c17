"""Which models, datasets, frameworks, exporters and loggers there are: found, asked in a process, described, named."""
