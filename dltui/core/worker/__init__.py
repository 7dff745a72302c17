"""The process that trains one run: its turn at the device, its attempt, its journal, its loggers."""
