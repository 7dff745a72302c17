"""Starts runs by launchers, and asks what has become of what these have started."""
