"""`dltui plugins check`: a report of one page on whether a plugin keeps the contract, and what to fix."""

from __future__ import annotations

import click

from dltui.tui.cli.terminal import say, say_json


@click.command("check")
@click.argument("name")
@click.option("--plugin", "files", multiple=True, metavar="FILE", help="a .py file with a plugin; repeatable")
@click.option("--json", "as_json", is_flag=True, help="one JSON array of objects")
def check_plugin(name: str, files: tuple[str, ...], as_json: bool) -> int:
    """Try out whether a plugin (or a .py file, or one model) keeps the contract; exit code 1 when it does not."""
    from dataclasses import asdict
    from pathlib import Path

    from dltui.core.conformance.report import CHECKS, Finding, check

    found: list[Finding] = []
    subject = ""
    for finding in check(name, [Path(file) for file in files]):
        found.append(finding)
        if as_json:
            continue
        if finding.subject != subject:
            subject = finding.subject
            say(subject)
        sign, text = ("ok  ", finding.text) if finding.ok else ("FAIL", "")
        say(f"  {sign} {CHECKS[finding.check]:<43} {text}".rstrip())
        if not finding.ok:
            say(f"       {finding.text}")
    wrong = [finding for finding in found if not finding.ok]
    if as_json:
        say_json([asdict(finding) for finding in found])
    else:
        checks = len({finding.check for finding in wrong})
        say(f"{name}: {checks} of {len(CHECKS)} checks fail" if wrong else f"{name} passes: {len(found)} checks")
    return 1 if wrong else 0
