"""What a worker looks at before the first step of an attempt."""
