"""Whether this installation, and a plugin, keep the promises: `dltui doctor` and `dltui plugins check`."""
