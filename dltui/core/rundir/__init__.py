"""The files of one run: events, checkpoints, heartbeat, commands, locks; how each is written and read safely."""
