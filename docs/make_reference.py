"""Writes the pages of the documentation that say what the code says: `python docs/make_reference.py`.

docs/commands.md has the help of every command, docs/hyperparameters.md those of every model in the box, docs/lookup.md
variables, exit codes, hooks and events, docs/dltui.1 is the page of `man dltui`, docs/*.schema.json are JSON schemas.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from dltui.core.catalog.assemble import Catalog, load_catalog
from dltui.core.catalog.fields import FieldSpec
from dltui.core.contract.hooks import HOOKS, Hooks
from dltui.core.lifecycle.forms.settings_schema import schema as settings_schema
from dltui.core.numbers import exact
from dltui.core.reading.json_schema import schema as event_schema
from dltui.core.rundir.events import EVENTS
from dltui.core.version import __version__
from dltui.tui.cli.interface import EXIT_CODES, VARIABLES
from dltui.tui.cli.main import SECTIONS, cli, run

HERE = Path(__file__).parent
NOTE = "Written by `python docs/make_reference.py`; what it says comes from the code."


def commands_page() -> str:
    """The help of every command, in the order in which `dltui --help` lists them."""
    parts = ["# Commands", NOTE, _block(_help())]
    for section, names in SECTIONS.items():
        parts.append(f"## {section}")
        for words in _commands(names):
            parts += [f"### dltui {words}", _block(_help(*words.split()))]
    return "\n\n".join(parts) + "\n"


def _commands(names: Iterable[str]) -> Iterator[str]:
    """The commands of these names, each followed by its own commands."""
    for name in names:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        yield name
        yield from (f"{name} {sub}" for sub in getattr(command, "commands", ()))


def _help(*words: str) -> str:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert run([*words, "--help"]) == 0
    return said.getvalue()


def _block(text: str) -> str:
    return f"```\n{text.rstrip()}\n```"


def hyperparameters_page(catalog: Catalog) -> str:
    """The hyperparameters that all models in the box share, and those that only some have."""
    models = [entry for entry in catalog.models.values() if entry.source.get("name") == "dltui"]
    fields = {entry.id: {spec.name: spec for spec in entry.fields} for entry in models}
    first = next(iter(fields.values()))
    shared = [name for name in first if all(name in found for found in fields.values())]
    parts = [
        "# Hyperparameters",
        NOTE,
        "Each is a flag of `dltui train`, a field of New run, and a name for the settings file. "
        "[options.md](options.md) says what they do.",
        "## All models",
        _table(shared, fields),
    ]
    for name in dict.fromkeys(entry.name for entry in models):
        mine = {entry.id: fields[entry.id] for entry in models if entry.name == name}
        own = list(dict.fromkeys(field for found in mine.values() for field in found if field not in shared))
        if own:
            parts += [f"## {name}", _table(own, mine)]
    return "\n\n".join(parts) + "\n"


def _table(names: list[str], fields: dict[str, dict[str, FieldSpec]]) -> str:
    lines = ["| option | default | what it is |", "|---|---|---|"]
    for name in names:
        specs = {model: found[name] for model, found in fields.items() if name in found}
        spec = next(iter(specs.values()))
        may_be = spec.range_text()
        text = f"{spec.description}{f' ({may_be})' if may_be else ''}".replace("|", "\\|")
        lines.append(f"| `{spec.flag}` | {_defaults(specs)} | {text} |")
    return "\n".join(lines)


def _defaults(specs: dict[str, FieldSpec]) -> str:
    """The default of most models, and others with the models that have them."""
    by_value: dict[str, list[str]] = {}
    for model, spec in specs.items():
        by_value.setdefault(exact(spec.default), []).append(model)
    common = max(by_value, key=lambda value: len(by_value[value]))
    others = [f"{value} ({', '.join(models)})" for value, models in by_value.items() if value != common]
    return "; ".join([common, *others])


def lookup_page() -> str:
    """Variables, exit codes, hooks and events."""
    variables = [(f"`{one.name}`", one.means, one.default) for one in VARIABLES]
    hooks = [(f"`{name}`", inspect.getdoc(getattr(Hooks, name)) or "", f"`{_returned(name)}`") for name in HOOKS]
    parts = [
        "# Variables, exit codes, hooks, events",
        NOTE,
        "## Environment variables",
        _rows(("variable", "means", "default"), variables),
        "## Exit codes",
        _rows(("exit code", "means"), [(str(code), text) for code, text in EXIT_CODES]),
        "## Hooks",
        "A [plugin](plugins.md) implements those that it needs; each returns a list.",
        _rows(("hook", "gives", "returns"), hooks),
        "## Events",
        "The lines of a run's `events.jsonl`; [events.md](events.md) says how to read them.",
        events_table(),
    ]
    return "\n\n".join(parts) + "\n"


def _returned(hook: str) -> str:
    return str(inspect.signature(getattr(Hooks, hook)).return_annotation)


def events_table() -> str:
    """The events with the first sentence about each, and their fields."""
    rows = []
    for name, event in EVENTS.items():
        text = " ".join((event.__doc__ or "").split()).split(". ")[0].rstrip(".")
        rows.append((f"`{name}`", text, ", ".join(f"`{one.name}`" for one in dataclasses.fields(event))))
    return _rows(("type", "says", "fields"), rows)


def _rows(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def man_page() -> str:
    """The page of `man dltui`: every command with its help, exit codes, variables and files."""
    first, *about = _help().split("\n\n")
    parts = [
        f'.TH DLTUI 1 "" "dltui {__version__}" "User Commands"',
        ".SH NAME\ndltui \\- train deep-learning models from a terminal",
        f".SH SYNOPSIS\n{_verbatim(first.removeprefix('Usage: '))}",
        f".SH DESCRIPTION\n{_verbatim((chr(10) * 2).join(about[:2]))}",
    ]
    for section, names in SECTIONS.items():
        parts.append(f".SH {section.upper()}")
        parts += [f".SS dltui {words}\n{_verbatim(_help(*words.split()))}" for words in _commands(names)]
    parts.append(".SH EXIT STATUS\n" + "\n".join(_entry(str(code), text) for code, text in EXIT_CODES))
    variables = "\n".join(
        _entry(one.name, f"{one.means}{f' [{one.default}]' if one.default else ''}") for one in VARIABLES
    )
    parts.append(f".SH ENVIRONMENT\n{variables}")
    return "\n".join(parts) + "\n"


def _verbatim(text: str) -> str:
    return f".nf\n{_roff(text.rstrip())}\n.fi"


def _entry(name: str, text: str) -> str:
    return f".TP\n.B {_roff(name)}\n{_roff(text.replace('`', ''))}"


def _roff(text: str) -> str:
    """Text as roff shows it as it is: backslashes and hyphens, and no line that is taken for a request."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", escaped, flags=re.MULTILINE)


def schemas(catalog: Catalog) -> dict[str, dict[str, Any]]:
    """The JSON schemas by the name of their file."""
    return {"events.schema.json": event_schema(), "dltui.toml.schema.json": settings_schema(catalog)}


def pages(catalog: Catalog) -> dict[str, str]:
    """The text of each file that is written."""
    made = {
        "commands.md": commands_page(),
        "hyperparameters.md": hyperparameters_page(catalog),
        "lookup.md": lookup_page(),
        "dltui.1": man_page(),
    }
    return made | {name: json.dumps(schema, indent=1) + "\n" for name, schema in schemas(catalog).items()}


def main() -> None:
    os.environ |= {"DLTUI_THIRD_PARTY": "0", "COLUMNS": "100"}
    for name, text in pages(load_catalog()).items():
        (HERE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
