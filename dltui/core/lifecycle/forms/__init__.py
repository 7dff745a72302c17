"""The values that a new run begins with: presets of the settings, saved forms, the schema of the settings."""
