"""Writes the pages of the documentation that say what the code says: `python docs/make_reference.py`.

docs/commands.md has the help of every command, docs/hyperparameters.md those of every model in the box.
"""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import click

from dltui.core.catalog.assemble import Catalog, load_catalog
from dltui.core.catalog.fields import FieldSpec
from dltui.core.numbers import exact
from dltui.tui.cli.main import SECTIONS, cli, run

HERE = Path(__file__).parent
NOTE = "Written by `python docs/make_reference.py`; what it says comes from the code."


def commands_page() -> str:
    """The help of every command, in the order in which `dltui --help` lists them."""
    parts = ["# Commands", NOTE, _block(_help())]
    for section, names in SECTIONS.items():
        parts.append(f"## {section}")
        for name in names:
            command = cli.get_command(click.Context(cli), name)
            assert command is not None
            for words in (name, *(f"{name} {sub}" for sub in getattr(command, "commands", ()))):
                parts += [f"### dltui {words}", _block(_help(*words.split()))]
    return "\n\n".join(parts) + "\n"


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


def main() -> None:
    os.environ |= {"DLTUI_THIRD_PARTY": "0", "COLUMNS": "100"}
    (HERE / "commands.md").write_text(commands_page(), encoding="utf-8")
    (HERE / "hyperparameters.md").write_text(hyperparameters_page(load_catalog()), encoding="utf-8")


if __name__ == "__main__":
    main()
