"""The word of another host about a run whose directory here is a copy that is kept up to date: only where its worker
runs can be told whether it lives. A directory with such a word is a mirror; who mirrors it takes commands from its
control folder to the original.
"""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dltui.core import fs
from dltui.core.numbers import no_number
from dltui.core.text import clean_line

FILE = "mirror.json"
FRESH_SECONDS = 30.0
"""A mirror of which nothing was heard for longer is kept up to date by nobody."""
_MOST_BYTES = 64 * 1024
_READ: dict[str, Any] = {"str": clean_line, "float": float, "bool": bool}


@dataclass(frozen=True)
class Told:
    """What another host said of a run: its status there. `alive` is true while its worker lives, `heard` the unix time
    at which the host was last heard of, `problem` the reason why it is not heard of any more.
    """

    host: str
    status: str
    why: str = ""
    phase: str = ""
    since: float = 0.0
    alive: bool = False
    heard: float = 0.0
    problem: str = ""

    def silence(self, now: float) -> str:
        """The reason why the word is an old one; "" while the host is heard of."""
        if self.problem:
            return f"{self.host} does not answer: {self.problem}"
        quiet = now - self.heard
        return f"nothing heard of {self.host} for {quiet:.0f} s" if quiet > FRESH_SECONDS else ""


_KINDS = {field.name: _READ[str(field.type)] for field in dataclasses.fields(Told)}


def read(run_dir: Path) -> Told | None:
    """The word about a mirrored run; None for a run of this host."""
    try:
        content = json.loads(fs.read_limited(run_dir / FILE, _MOST_BYTES), parse_constant=no_number)
        return Told(**{name: kind(content[name]) for name, kind in _KINDS.items()})
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def write(run_dir: Path, told: Told) -> None:
    """Leave the word in a mirror. Raises OSError."""
    content = dataclasses.asdict(told) | {"heard": told.heard or time.time()}
    fs.write_atomic(run_dir / FILE, json.dumps(content, allow_nan=False).encode("ascii"), sync=False)
