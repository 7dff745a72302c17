"""Runs as tools for an agent: what may be read, and, where it is allowed, what may be changed."""
