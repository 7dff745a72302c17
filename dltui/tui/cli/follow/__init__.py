"""What is printed while a run goes on, and how a command is sent and awaited."""
