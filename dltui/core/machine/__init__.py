"""The computer that dltui runs on: processes, devices, memory, load, sandbox and the repairs that it suggests."""
