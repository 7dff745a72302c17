"""Options of training that are more than a number: their checks, and what they mean for a run."""
