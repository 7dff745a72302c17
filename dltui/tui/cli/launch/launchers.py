"""The options by which a run is started otherwise: `--launcher NAME --NAME KEY=VALUE,...`, made from the catalog."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dltui.core.errors import UsageError
from dltui.core.rundir.launch import DEFAULT, Chosen
from dltui.tui.cli import completion
from dltui.tui.cli.options import METAVARS, FieldType, field_help
from dltui.tui.cli.output import visible

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, LauncherEntry
    from dltui.core.catalog.fields import FieldSpec

C = TypeVar("C", bound=click.Command)

PARAMETER = "launcher"
launcher_option = click.option(
    "--launcher",
    metavar="NAME",
    shell_complete=completion.launchers,
    help="start it by local (a process of this machine), slurm, ray or a plugin's; --NAME KEY=VALUE,... sets options "
    "of it; `dltui doctor` lists them",
)


class LauncherOption(click.Option):
    """`--slurm KEY=VALUE,...`: all options of a launcher in one word."""

    def __init__(self, entry: LauncherEntry) -> None:
        names = ", ".join(field.name for field in entry.fields)
        text = visible(f"with --launcher {entry.name}: {names}; {entry.summary}")
        super().__init__([f"--{entry.name}", _parameter(entry.name)], multiple=True, metavar="KEY=VALUE,...", help=text)
        self.entry = entry


class LauncherFlag(click.Option):
    """An option of a launcher that has a flag of its own."""

    def __init__(self, entry: LauncherEntry, field: FieldSpec) -> None:
        metavar = visible("|".join(field.choices)) if field.choices else METAVARS.get(field.type, "VALUE")
        text = f"{visible(f'with --launcher {entry.name}:')} {field_help(field)}"
        super().__init__(
            [field.flag, _parameter(f"{entry.name}.{field.name}")], type=FieldType(field), metavar=metavar, help=text
        )
        self.entry, self.field = entry, field


class LaunchCommand(click.Command):
    """A command whose run may be started by a launcher."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if any(word.startswith("-") and word.split("=")[0] not in self._known() for word in args):
            from dltui.core.catalog.assemble import load_catalog

            found = completion.kept_catalog(()) if extra.get("resilient_parsing") else load_catalog()
            return super(LaunchCommand, extended(self, found)).make_context(info_name, args, parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def _known(self) -> set[str]:
        return {name for parameter in self.params for name in parameter.opts} - {f"--{PARAMETER}", "--help"}


def extended(command: C, catalog: Catalog) -> C:
    """The command with the options of all launchers, if it lets a launcher be chosen."""
    if not any(parameter.name == PARAMETER for parameter in command.params):
        return command
    found = copy.copy(command)
    taken = {name for parameter in command.params for name in parameter.opts}
    found.params = [*command.params, *(option for option in options(catalog) if option.opts[0] not in taken)]
    return found


def options(catalog: Catalog) -> list[LauncherOption | LauncherFlag]:
    """The options of all launchers that have any."""
    found: list[LauncherOption | LauncherFlag] = []
    for entry in catalog.launchers.values():
        if entry.fields:
            found.append(LauncherOption(entry))
        found += [LauncherFlag(entry, field) for field in entry.fields if field.name in entry.flags]
    return found


def value_flags(catalog: Catalog) -> set[str]:
    """The flags of launchers, which all take a value."""
    return {option.opts[0] for option in options(catalog)}


def take(parameters: Iterable[click.Parameter], values: dict[str, Any], usual: Chosen | None = None) -> Chosen | None:
    """Take the launcher out of the values of a command: the `usual` one, with changed options, where none is named;
    None where nothing is said of it. Raises UsageError.
    """
    name = values.pop(PARAMETER, None)
    given: dict[str, dict[str, Any]] = {}
    for parameter in parameters:
        if isinstance(parameter, LauncherOption):
            found = _pairs(parameter.entry, values.pop(str(parameter.name), None) or ())
        elif isinstance(parameter, LauncherFlag):
            value = values.pop(str(parameter.name), None)
            found = {} if value is None else {parameter.field.name: value}
        else:
            continue
        if found:
            given.setdefault(parameter.entry.name, {}).update(found)
    return _chosen(name, given, usual)


def _chosen(name: str | None, given: Mapping[str, Mapping[str, Any]], usual: Chosen | None) -> Chosen | None:
    wanted = name or (usual.name if usual else DEFAULT)
    foreign = next((other for other in given if other != wanted), None)
    if foreign is not None:
        raise UsageError(f"--{foreign} KEY=VALUE goes with --launcher {foreign}")
    if name is None and not given:
        return None
    kept = usual.options if usual is not None and usual.name == wanted else {}
    return Chosen(wanted, {**kept, **given.get(wanted, {})})


def _pairs(entry: LauncherEntry, words: Sequence[str]) -> dict[str, Any]:
    """The options in words like `partition=gpu,time=60`; a part without `=` belongs to the value before it."""
    from dltui.core.catalog.fields import key_values

    pairs: list[str] = []
    for word in words:
        for number, part in enumerate(word.split(",")):
            if "=" in part or not number:
                pairs.append(part)
            else:
                pairs[-1] += f",{part}"
    wrong = next((pair for pair in pairs if "=" not in pair), None)
    if wrong is not None:
        raise UsageError(f"--{entry.name} wants KEY=VALUE,KEY=VALUE, got {wrong!r}")
    return key_values(pairs, entry.fields, f"launcher {entry.name}")


def _parameter(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "_", f"{PARAMETER}_{name}")
