"""What finished or running runs tell: evaluation, comparison, verdict, suggestion, groups, forecast."""
