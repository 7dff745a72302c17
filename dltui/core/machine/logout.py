"""Detects machines that end a user's processes at logout, which no detaching survives: systemd's KillUserProcesses."""

from __future__ import annotations

import subprocess
from pathlib import Path

_BOOTED = Path("/run/systemd/system")
_SECONDS = 2.0


def warning(user: str) -> str:
    """A warning with its remedy; empty when processes stay, or when it cannot be known.

    https://www.freedesktop.org/software/systemd/man/latest/logind.conf.html
    """
    if not _BOOTED.is_dir():
        return ""
    if _ask("show", "--property=KillUserProcesses") != "KillUserProcesses=yes":
        return ""
    if _ask("show-user", user, "--property=Linger") == "Linger=yes":
        return ""
    return "this machine ends your processes at logout, runs too; to keep them: loginctl enable-linger"


def _ask(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["loginctl", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
