"""The pictures of a sweep, drawn from its run directories alone."""
