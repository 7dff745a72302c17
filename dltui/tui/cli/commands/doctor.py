"""`dltui doctor`: what works here, what does not, and what to do about it."""

from __future__ import annotations

import click

from dltui.tui.cli.output import say_json, show_on_terminal

SIGNS = {"ok": ("ok  ", "good"), "bad": ("BAD ", "bad"), "absent": ("-   ", "dim")}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON array of objects")
def doctor(as_json: bool) -> int:
    """Check interpreters, frameworks, plugins, data, devices and folders.

    What is not installed is said, but only what is here and does not work makes the exit code 1.
    """
    from dltui.core.checks.doctor import checks

    found = []
    for check in checks():
        found.append({"what": check.what, "ok": check.state != "bad", "state": check.state, "text": check.text})
        if not as_json:
            sign, style = SIGNS[check.state]
            show_on_terminal([[(sign, style), (f" {check.what}: {check.text}", "")]])
    if as_json:
        say_json(found)
    return 0 if all(check["ok"] for check in found) else 1
