"""A dry run of what the form says: 20 batches, evaluation and figures in a process of its own, nothing is kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from dltui.core.errors import UsageError

# A dry run has a place of its own for them.
PLACES = ("--exports", "--name")


def try_out(command: Sequence[str]) -> None:
    """Carry out `dltui train ...` with `--dry-run`. Raises UsageError with the line that says what went wrong."""
    words = [sys.executable, "-P", "-m", "dltui", *_anywhere(command[1:]), "--dry-run"]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        reasons = [line for line in said if not line.startswith(("dry run", "take them home"))]
        raise UsageError(f"it does not work: {reasons[-1].strip() if reasons else f'exit code {done.returncode}'}")


def _anywhere(words: Sequence[str]) -> list[str]:
    """Without the places that the run itself would have."""
    pairs = zip(words, ["", *words], strict=False)
    return [word for word, before in pairs if word not in PLACES and before not in PLACES]
