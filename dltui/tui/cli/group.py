"""A click group that knows its subcommands by name and imports each one only when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click
from click.core import ParameterSource

from dltui.core.errors import UsageError

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


def check_early(context: click.Context) -> None:
    """Raise UsageError for an option of a group that was typed before its subcommand, where it would do nothing."""
    name = context.invoked_subcommand
    if name is None or not isinstance(context.command, click.Group):
        return
    command = context.command.get_command(context, name)
    own = {option for parameter in (command.params if command else ()) for option in parameter.opts}
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not ParameterSource.COMMANDLINE:
            continue
        flag, whole = parameter.opts[0], f"{context.command_path} {name}"
        if flag in own:
            raise UsageError(f"{flag} comes after the command: {whole} {flag}")
        raise UsageError(f"{flag} belongs to {context.command_path} alone: {whole} has no {flag}")
