"""The page of a sweep: its trials, the best first, and pictures of what they have found."""
