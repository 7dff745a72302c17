"""`dltui predict`: answers of a trained model about images, texts, sequences and rows of tables."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any

import click

from dltui.core import paths
from dltui.core.errors import UsageError
from dltui.core.numbers import metric, output
from dltui.core.text import clean_line
from dltui.tui.cli import completion
from dltui.tui.cli.options import code, code_options
from dltui.tui.cli.output import say, say_json


@click.command()
@click.argument("run", shell_complete=completion.runs)
@click.argument("images", nargs=-1, required=True, metavar="FILE...", shell_complete=completion.files)
@code_options
@click.option("--masks", metavar="DIR", help="of a segmentation: write the predicted masks to DIR, as palette PNGs")
@click.option("--json", "as_json", is_flag=True, help="one JSON array of objects")
def predict(
    run: str, images: tuple[str, ...], plugins: tuple[str, ...], trust: bool, masks: str | None, as_json: bool
) -> int:
    """Tell the classes of images, texts, sequences or the rows of a table, by the weights that were best on validation;
    they are prepared as in training.
    """
    from pathlib import Path

    from dltui.core.lifecycle.trained_model import ask
    from dltui.core.rundir.directory import find_run

    for name in images:
        _check_file(name)
    found = find_run(run)
    question: dict[str, Any] = {"predict": [str(Path(name).absolute()) for name in images]}
    if masks is not None:
        task = clean_line(found.run().get("task"), 60)
        if task != "segmentation":
            raise UsageError(f"--masks is for runs of segmentation, {found.id} is one of {task}; leave it out")
        question["masks"] = str(paths.expanded(masks).absolute())
    rows = ask(found, question, code(plugins, trust))["rows"]
    for place, row in enumerate(rows):
        row["image"] = name = images[row.pop("file", place)]
        if not as_json:
            line = f" line {row['line']}" if "line" in row else ""
            say(f"{name}{line}: {_told(row)}")
    if as_json:
        say_json(rows)
    return 0


def _check_file(name: str) -> None:
    """Raises UsageError for what is no regular file: the process that has the model opens it once more."""
    shown = clean_line(name)
    try:
        kind = os.stat(name).st_mode  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise UsageError(f"no such file: {shown}") from None
    except OSError as error:
        raise UsageError(f"cannot read {shown}: {clean_line(error.strerror).lower()}") from None
    if stat.S_ISDIR(kind):
        raise UsageError(f"{shown} is a folder, predict takes files; name those in it: {shown.rstrip('/')}/*")
    if not stat.S_ISREG(kind):
        raise UsageError(f"{shown} is a pipe or a device, predict takes files; write it into one first")


def _told(row: Mapping[str, Any]) -> str:
    """The answer about an image: its likeliest classes, the labels that apply, the share of each class in its mask, or
    the numbers of a regression.
    """
    if "best" in row:
        return ", ".join(f"{one['class']} {metric('accuracy', one['probability'])}" for one in row["best"])
    if "shares" in row:
        shares = [f"{name} {metric('accuracy', share)}" for name, share in row["shares"].items()]
        return ", ".join([*shares, *([row["mask"]] if "mask" in row else [])])
    if "labels" in row:
        chances = row["probabilities"]
        return ", ".join(f"{label} {metric('accuracy', chances[label])}" for label in row["labels"]) or "no label"
    return " ".join(map(output, row["outputs"]))
