"""From a run directory to what is known of the run: history, curve points, status, progress."""
