"""The tables and the weights."""
