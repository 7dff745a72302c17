"""Kinds of kills around a worker: of its processes, of forks, of the drawing of figures, of series of runs."""
