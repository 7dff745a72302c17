"""Evaluates finished or running runs: evaluation, comparison, verdict, suggestion, groups, forecast."""
