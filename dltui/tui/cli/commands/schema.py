"""`dltui schema`: the JSON schema of what a run writes, for programs that read it."""

from __future__ import annotations

import click

from dltui.tui.cli.output import say


@click.command()
@click.argument("what", type=click.Choice(["events"]), default="events")
def schema(what: str) -> int:
    """Print the JSON schema of a line of a run's events.jsonl, which `dltui train --json` prints too."""
    import json

    from dltui.core.reading.event_schema import schema as of_events

    for line in json.dumps(of_events(), indent=1).splitlines():
        say(line)
    return 0
