"""`dltui doctor`: checks of the installation, with the remedy for each problem."""

from __future__ import annotations

import click

from dltui.tui.cli.output import say, say_json

SIGNS = {"ok": "ok  ", "bad": "BAD ", "absent": "-   "}


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
            say(f"{SIGNS[check.state]} {check.what}: {check.text}")
    if as_json:
        say_json(found)
    return 0 if all(check["ok"] for check in found) else 1
