"""The user interface on a terminal: the full screen and the command line."""

from __future__ import annotations
