"""What a person does with a run: create, start, fork, resume, repeat with other seeds, kill, delete, use its model."""
