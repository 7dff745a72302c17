"""The engine: plugins, configuration, data, the training loop and the run directory. No screen, no framework."""
