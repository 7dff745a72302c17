"""Writes a learning-rate range test: `python -P -m dltui.exports.learning_rates --to DIR FILE.json`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dltui.core import fs
from dltui.core.errors import DltuiError
from dltui.core.finders.find import Rates
from dltui.core.numbers import exact
from dltui.core.worker.figures import FORMATS_TEXT, check_formats
from dltui.exports.about import About, neutral
from dltui.exports.about import command as neutral_command
from dltui.exports.figures import style
from dltui.exports.figures.learning_rates import draw_learning_rates
from dltui.exports.save import save
from dltui.exports.write import into, say_files

NAME = "learning_rates"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -P -m dltui.exports.learning_rates", description="Writes a learning-rate range test."
    )
    parser.add_argument("result", type=Path, metavar="FILE", help='JSON: {"rates": ..., "command": [...]}')
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--format", default="svg", metavar="F,F", help=f"{FORMATS_TEXT} [svg]")
    parser.add_argument("--json", action="store_true", help="print the files as one JSON array")
    arguments = parser.parse_args(argv)
    result = json.loads(arguments.result.read_text(encoding="utf-8"))
    try:
        formats = check_formats(arguments.format.split(","))
        files = write(Rates.from_json(result["rates"]), result["command"], arguments.to, formats)
    except DltuiError as error:
        sys.stderr.write(f"dltui: {error}\n")
        return error.exit_code
    say_files(files, arguments.json)
    return 0


def write(found: Rates, command: Sequence[str], folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write the figure and its table; both or, when the folder cannot be written, none. Raises UsageError."""
    shown = replace(found, dataset=neutral(found.dataset))

    def draft(temp: Path) -> list[Path]:
        drafts = [temp / f"{NAME}.{suffix}" for suffix in formats]
        with style.applied():
            figure = draw_learning_rates(shown)
            for target in drafts:
                save(figure, target, about(shown, command))
        fs.write_atomic(temp / f"{NAME}.csv", table(found).encode())
        return [*drafts, temp / f"{NAME}.csv"]

    return into(folder, draft)


def table(found: Rates) -> str:
    """The curve as CSV."""
    rows = zip(found.lr, found.loss, found.smooth, strict=True)
    return "lr,loss,smoothed\n" + "".join(f"{exact(lr)},{exact(loss)},{exact(mean)}\n" for lr, loss, mean in rows)


def about(found: Rates, command: Sequence[str]) -> About:
    """The description of a range test: its data, options and the command that takes its proposal."""
    described = f"The loss of {found.model} on {found.dataset} by learning rate: {found.reason}."
    facts = {
        "model": found.model,
        "dataset": found.dataset,
        "batch size": exact(found.batch_size),
        "optimizer": found.optimizer,
        "suggested": "none" if found.suggestion is None else exact(found.suggestion),
        "command": neutral_command(command),
    }
    return About.of(f"Learning rates of {found.model}", described, facts)


if __name__ == "__main__":
    sys.exit(main())
