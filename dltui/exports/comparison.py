"""Writes the comparison of several runs: `python -P -m dltui.exports.comparison --to DIR RUN_DIR RUN_DIR...`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dltui.core import fs
from dltui.core.analysis.comparison import Comparison, compare
from dltui.core.errors import DltuiError
from dltui.core.numbers import exact
from dltui.core.reading.reader import RunReader
from dltui.core.worker.figures import FORMATS_TEXT, check_formats
from dltui.exports.about import About, command, neutral
from dltui.exports.figures import style
from dltui.exports.figures.comparison import draw_comparison
from dltui.exports.save import save
from dltui.exports.tables.comparison import epochs_csv, runs_csv
from dltui.exports.write import into, say_files


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    try:
        formats = check_formats(arguments.format.split(","))
        readers = [RunReader(path) for path in arguments.runs]
        for reader in readers:
            reader.refresh()
        files = write(compare(readers, arguments.goal), arguments.to, formats)
    except DltuiError as error:
        sys.stderr.write(f"dltui: {error}\n")
        return error.exit_code
    say_files(files, arguments.json)
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -P -m dltui.exports.comparison", description="Writes a comparison of runs."
    )
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN_DIR")
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--format", default="svg", metavar="F,F", help=f"{FORMATS_TEXT} [svg]")
    parser.add_argument("--goal", type=float, metavar="X", help="time to this value [what all runs reached]")
    parser.add_argument("--json", action="store_true", help="print the files as one JSON array")
    return parser.parse_args(argv)


def write(found: Comparison, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write the figure and two tables; all of them or, when the folder cannot be written, none. Raises UsageError."""
    return into(folder, lambda temp: _drafts(found, temp, formats))


def _drafts(found: Comparison, temp: Path, formats: Sequence[str]) -> list[Path]:
    drafts = [temp / f"comparison.{suffix}" for suffix in formats]
    drawn = shown(found)
    with style.applied():
        figure, described = draw_comparison(drawn), about(drawn)
        for draft in drafts:
            save(figure, draft, described)
    for name, table in (("comparison.csv", runs_csv(found)), ("comparison_epochs.csv", epochs_csv(found))):
        fs.write_atomic(temp / name, table.encode("utf-8", "backslashreplace"))
        drafts.append(temp / name)
    return drafts


def shown(found: Comparison) -> Comparison:
    """The comparison as a figure may show it, without the folders of paths."""
    labels = [neutral(entry.label) for entry in found.entries]
    entries = tuple(
        replace(entry, dataset=neutral(entry.dataset), label=label if labels.count(label) == 1 else entry.name)
        for entry, label in zip(found.entries, labels, strict=True)
    )
    return replace(found, entries=entries, differences=neutral(dict(found.differences)))


def about(found: Comparison) -> About:
    """The description of a comparison: the command and dataset of each run, and their differences."""
    models = ", ".join(dict.fromkeys(entry.model for entry in found.entries))
    facts = {f"command of {entry.label}": command(entry.command) for entry in found.entries}
    facts |= {f"dataset fingerprint of {entry.label}": entry.fingerprint for entry in found.entries}
    facts |= {name: ", ".join(exact(value) for value in values) for name, values in found.differences.items()}
    described = f"The validation {found.metric} of {len(found.entries)} runs by epoch and by training time."
    return About.of(f"Comparison of {models}", described, facts)


if __name__ == "__main__":
    sys.exit(main())
