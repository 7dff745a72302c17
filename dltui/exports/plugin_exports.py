"""Draws figures and tables of third-party plugins: each plugin in a separate process, so that a broken plugin costs no
other figure.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.errors import DltuiError
from dltui.core.lifecycle import trust
from dltui.core.text import clean_line
from dltui.core.worker import figures
from dltui.exports.look import USUAL, look

if TYPE_CHECKING:
    from dltui.core.contract import Exporter
    from dltui.core.reading.reader import RunReader

SECONDS = 120.0
"""The time limit in seconds for a plugin's drawing."""
EXPORTERS = "exporters"
"""The key of a source that has the names of its exporters that are drawn."""


def sources(
    reader: RunReader, built_in: Iterable[str], code: trust.Code = trust.AS_NAMED
) -> tuple[list[dict[str, Any]], list[str]]:
    """The sources of third-party exporters, of installed plugins and the run's own plugin files, each with the names of
    those that are drawn, and a line for each exporter that is left out since its name is taken.
    """
    from dltui.core.catalog.assemble import load_catalog

    files = [path for path in trust.files(reader.directory, code) if Path(path).is_file()]
    try:
        catalog = load_catalog(files)
    except DltuiError:
        return [], []
    task, names = reader.run.get("task"), set(built_in)
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for entry in catalog.exporters.values():
        if entry.name not in names and entry.task in (None, task):
            # The entry points of a plugin share its digest; each has exporters of its own.
            key = (entry.source["digest"], tuple(entry.source["entry_points"]))
            found.setdefault(key, {**entry.source, EXPORTERS: []})[EXPORTERS].append(entry.name)
    return list(found.values()), catalog.exporters_left_out()


def draw(source: Mapping[str, Any], run: Path, folder: Path, formats: Sequence[str]) -> str | None:
    """Let a plugin draw into `folder`. Returns a one-line reason when it could not, or None."""
    arguments = [str(run), "--to", str(folder), "--format", ",".join(formats), *_look_words()]
    arguments += ["--source", json.dumps(source)]
    python = str(source.get("python") or sys.executable)
    try:
        problem = figures.start(arguments, python=python, seconds=SECONDS).problem
    except subprocess.TimeoutExpired:
        return f"plugin {_name(source)} drew for more than {SECONDS:.0f} s and was ended"
    return f"plugin {_name(source)}: {clean_line(problem, 300)}" if problem else None


def _look_words() -> list[str]:
    """The words of a command line that ask for figures that look as those of this process."""
    wanted = look()
    width = None if wanted.width == USUAL.width else wanted.width * figures.UNITS["in"]
    dpi = None if wanted.dpi == USUAL.dpi else round(wanted.dpi)
    return figures.Look(wanted.title, width, dpi, "live" if wanted.live_text else None).words()


def load(source: Mapping[str, Any], built_in: Iterable[str]) -> tuple[list[Exporter], list[str]]:
    """A plugin's exporters, in the process that draws them, and a line for each that is refused. Of a source that names
    its exporters only these; another plugin has the names of the others.
    """
    from dltui.core.catalog import describe, plugin_loader

    taken, wanted = set(built_in), source.get(EXPORTERS)
    found: list[Exporter] = []
    problems = []
    for exporter in plugin_loader.load(source).exporters:
        try:
            describe.exporter_record(exporter)
        except DltuiError as error:
            problems.append(f"exporter {clean_line(exporter.name, 80)}: {error}")
        else:
            if exporter.name not in taken and (wanted is None or exporter.name in wanted):
                taken.add(exporter.name)
                found.append(exporter)
    return found, problems


def _name(source: Mapping[str, Any]) -> str:
    return clean_line(source.get("name"), 80)
