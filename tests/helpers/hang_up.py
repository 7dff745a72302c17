"""Takes the terminal away from what runs on it, as a dropped connection does."""

from __future__ import annotations

from typing import Any


def hang_up(child: Any) -> None:
    """Close the terminal of a pexpect child, by its file: pexpect closes that again when the child is thrown away, and
    the number of a descriptor may belong to something else by then.
    """
    child.ptyproc.fileobj.close()
