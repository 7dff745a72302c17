"""Writes a run's figures and tables: `python -P -m dltui.exports RUN_DIR [--to DIR] [--format svg,png] [--json]`."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from dltui.core.contract import Exporter
from dltui.core.errors import DltuiError, RunError, UsageError
from dltui.core.reader import RunReader
from dltui.core.text import clean_line
from dltui.exports import dltui_exporters
from dltui.exports.save import FORMATS


def write(reader: RunReader, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Draw everything that fits the run into `folder` and return the files. Each appears whole or not at all.

    Raises UsageError when the folder cannot be written, RunError when an exporter fails; what was written stays.
    """
    written = []
    with _workshop(folder) as temp:
        for exporter in _exporters(reader):
            suffixes = [exporter.suffix] if exporter.kind == "table" else formats
            for suffix in suffixes:
                draft = temp / f"{exporter.name}.{suffix}"
                _draw(exporter, reader, draft)
                if draft.exists():
                    written.append(draft.replace(folder / draft.name))
    return written


def _exporters(reader: RunReader) -> list[Exporter]:
    """The built-in ones and those that come with the run's model, that fit its task."""
    found = dltui_exporters()
    source = reader.run.get("model_source") or {}
    if source.get("kind") == "file" or source.get("name") not in ("dltui", None):
        from dltui.core import manager

        known = {exporter.name for exporter in found}
        found += [exporter for exporter in manager.load(source).exporters if exporter.name not in known]
    return [exporter for exporter in found if exporter.task in (None, reader.run.get("task"))]


def _draw(exporter: Exporter, reader: RunReader, draft: Path) -> None:
    try:
        exporter.draw(reader, draft)
    except DltuiError:
        raise
    except OSError as error:
        raise UsageError(f"cannot write {draft.name}: {error.strerror or error}; choose another folder") from error
    except Exception as error:
        import traceback

        traceback.print_exc()
        reason = clean_line(f"{type(error).__name__}: {error}", 300)
        raise RunError(f"cannot draw {draft.name}: {reason}") from error


@contextlib.contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """A hidden folder beside the files' final places, gone afterwards."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temp = Path(tempfile.mkdtemp(prefix=".dltui-", dir=folder))
    except OSError as error:
        raise UsageError(
            f"cannot write figures to {clean_line(folder)}: {error.strerror}; choose another folder"
        ) from error
    try:
        yield temp
    finally:
        shutil.rmtree(temp, ignore_errors=True)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -P -m dltui.exports")
    parser.add_argument("run", type=Path, metavar="RUN_DIR")
    parser.add_argument("--to", type=Path, metavar="DIR")
    parser.add_argument("--format", metavar="F,F")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    try:
        reader = RunReader(arguments.run)
        reader.refresh()
        formats = arguments.format.split(",") if arguments.format else reader.run.get("formats") or ["svg"]
        unknown = [name for name in formats if name not in FORMATS]
        if unknown:
            raise UsageError(f'no figure format "{clean_line(unknown[0], 40)}"; there is {", ".join(FORMATS)}')
        files = write(reader, arguments.to or Path(reader.run["exports"]), list(dict.fromkeys(formats)))
    except DltuiError as error:
        sys.stderr.write(f"dltui: {error}\n")
        return error.exit_code
    names = [str(path) for path in files]
    sys.stdout.write(json.dumps(names) + "\n" if arguments.json else "".join(f"{clean_line(name)}\n" for name in names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
