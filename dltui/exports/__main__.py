"""Writes a run's figures and tables: `python -P -m dltui.exports RUN_DIR [--to DIR] [--format svg,png] [--json]`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from dltui.core.errors import DltuiError, RunError
from dltui.core.lifecycle import trust
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import notes, place
from dltui.core.worker.figures import RUN_FORMATS, RUN_FORMATS_TEXT, check_formats, millimeters
from dltui.exports.look import USUAL, Look, looking
from dltui.exports.write import say_files, write


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    _settle()
    try:
        reader = RunReader(arguments.run)
        reader.refresh()
        source = json.loads(arguments.source) if arguments.source else None
        asked = arguments.format.split(",") if arguments.format else reader.run.get("formats") or ["svg"]
        code = trust.Code(tuple(arguments.plugin), arguments.trust)
        folder = arguments.to or place.exports_folder(reader.directory)
        with looking(_look(arguments)):
            done = write(reader, folder, check_formats(asked, RUN_FORMATS), source, code)
        if source is None:
            notes.figures_done(reader.directory, folder, done.files)
    except DltuiError as error:
        return _refuse(error)
    say_files(done.files, arguments.json)
    return _refuse(RunError("; ".join(done.problems))) if done.problems else 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -P -m dltui.exports", description="Writes a run's figures and tables."
    )
    parser.add_argument("run", type=Path, metavar="RUN_DIR")
    parser.add_argument("--to", type=Path, metavar="DIR", help="folder to write to [the run's own]")
    parser.add_argument("--format", metavar="F,F", help=f"{RUN_FORMATS_TEXT} [as the run was started]")
    parser.add_argument("--json", action="store_true", help="print the files as one JSON array")
    parser.add_argument("--plugin", action="append", default=[], metavar="FILE", help="in place of the run's own")
    parser.add_argument("--trust", action="store_true", help="also plugin files that another user's run names")
    parser.add_argument("--no-title", action="store_true", help="figures without a heading, for a caption of yours")
    parser.add_argument("--width", metavar="W", help="of figures, as 85mm or 175mm")
    parser.add_argument("--dpi", type=int, metavar="N", help="pixels an inch of PNGs")
    parser.add_argument("--text", choices=("paths", "live"), help="text of SVGs: outlines, or text")
    parser.add_argument("--source", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def _look(arguments: argparse.Namespace) -> Look:
    """The wishes about figures. Raises UsageError."""
    return Look(
        not arguments.no_title,
        millimeters(arguments.width) / 25.4 if arguments.width else USUAL.width,
        arguments.dpi or USUAL.dpi,
        arguments.text == "live",
    )


def _settle() -> None:
    """Make figures independent of the environment, and exit cleanly on signals, so that no half-written
    folder stays.
    """
    os.environ.pop("MPLBACKEND", None)

    def leave(signum: int, frame: FrameType | None) -> None:
        sys.exit(128 + signum)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, leave)


def _refuse(error: DltuiError) -> int:
    sys.stderr.write(f"dltui: {error}\n")
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
