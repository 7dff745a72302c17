"""The charts of a run: its axes, its series, the fit of a regression."""
