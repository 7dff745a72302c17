"""Everything a person at a terminal touches: the full screen and the command line."""

from __future__ import annotations
