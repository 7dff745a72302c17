"""`dltui doctor`: checks of the installation, with the remedy for each problem."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from dltui.core.text import plural
from dltui.tui.cli.output import say, say_json, show_on_terminal, terminal_output

if TYPE_CHECKING:
    from dltui.core.checks.doctor import Check

SIGNS = {"ok": ("ok  ", "good"), "bad": ("BAD ", "bad"), "absent": ("-   ", "dim")}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON array of objects")
def doctor(as_json: bool) -> int:
    """Check interpreters, frameworks, plugins, data, devices, folders and the terminal.

    What is not installed is said, but only what is here and does not work makes the exit code 1.
    """
    found = []
    for check in _all(waiting=terminal_output() and not as_json):
        found.append({"what": check.what, "ok": check.state != "bad", "state": check.state, "text": check.text})
        if not as_json:
            sign, style = SIGNS[check.state]
            show_on_terminal([[(sign, style), (f" {check.what}: {check.text}", "")]])
    broken = [str(check["what"]) for check in found if not check["ok"]]
    if as_json:
        say_json(found)
    else:
        works = f"{plural(len(found), 'check')}, all is well"
        say(f"{len(broken)} of {plural(len(found), 'check')} failed: {', '.join(broken)}" if broken else works)
    return 1 if broken else 0


def _all(waiting: bool) -> Iterator[Check]:
    """The checks of core, then that of the terminal; with `waiting` a line is shown until each is known."""
    from dltui.core.checks.doctor import checks

    remaining = checks()
    while True:
        if waiting:
            sys.stdout.write("     looking ...\r")
            sys.stdout.flush()
        check = next(remaining, None)
        if waiting:
            sys.stdout.write("\x1b[K")
        if check is None:
            break
        yield check
    yield _terminal()


def _terminal() -> Check:
    """A check that tells how the screen will use this terminal, by its environment variables."""
    from dltui.core.checks.doctor import Check
    from dltui.core.text import clean_line
    from dltui.tui.terminal.capabilities import examine
    from dltui.tui.terminal.theme_colors import DARK_256, LIGHT_256, PLAIN

    seen = examine(os.environ)
    many = "256 colors" if seen.theme in (DARK_256, LIGHT_256) else "24-bit colors"
    parts = [f"TERM={clean_line(os.environ.get('TERM', '-'), 40)}"]
    parts.append("no colors" if not seen.color else "16 colors" if seen.theme == PLAIN else many)
    parts.append("letters only" if seen.ascii else "UTF-8")
    if os.environ.get("TMUX"):
        parts.append("tmux passes notifications on with: set -g allow-passthrough on")
    return Check("terminal", "ok", ", ".join(parts))
