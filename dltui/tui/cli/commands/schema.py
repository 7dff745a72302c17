"""`dltui schema`: JSON schemas, for programs that read what a run writes and for editors of settings."""

from __future__ import annotations

from typing import Any

import click

from dltui.tui.cli.output import say


@click.command()
@click.argument("what", type=click.Choice(["events", "settings", "project"]), default="events")
def schema(what: str) -> int:
    """Print a JSON schema: of a line of a run's events.jsonl, which `dltui train --json` prints too; of the settings
    file; or of a project's `dltui.toml`, with the hyperparameters of the models that are installed.
    """
    import json

    for line in json.dumps(_schema(what), indent=1).splitlines():
        say(line)
    return 0


def _schema(what: str) -> dict[str, Any]:
    if what == "events":
        from dltui.core.reading.json_schema import schema as of_events

        return of_events()
    from dltui.core.catalog.assemble import load_catalog
    from dltui.core.lifecycle.forms.settings_schema import schema as of_settings
    from dltui.tui.terminal.settings import CHOICES

    return of_settings(load_catalog(), CHOICES if what == "settings" else None)
