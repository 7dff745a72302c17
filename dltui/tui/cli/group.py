"""A click group that knows its subcommands by name and imports each one only when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

Section = Mapping[str, tuple[str, str]]
"""Command name -> (module, help line)."""


class LazyGroup(click.Group):
    """A group that shows its help from a table, so that `--help` and a typing error import no subcommand."""

    def __init__(self, *args: Any, sections: Mapping[str, Section], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sections = sections
        self.table = {name: entry for section in sections.values() for name, entry in section.items()}

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in self.table:
            return None
        module, attribute = f"dltui.tui.cli.{self.table[name][0]}".split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.table:
            raise click.UsageError(unknown("command", args[0], list(self.table)), context)
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(len(name) for name in self.table)
        for title, section in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, (_, text) in section.items()])


def unknown(kind: str, word: str, choices: list[str]) -> str:
    """The error for an unknown command: `no command "trian"; did you mean train?`"""
    from dltui.core.text import suggest

    return f'no {kind} "{word}"; {suggest(word, choices) or "dltui --help lists what there is"}'
