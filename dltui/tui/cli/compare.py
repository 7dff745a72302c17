"""`dltui compare`: runs beside one another, as tables and overlaid curves, as JSON, or as files to take home."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dltui.core.errors import RunError, UsageError
from dltui.tui.cli import completion
from dltui.tui.cli.terminal import say, say_json, warn

if TYPE_CHECKING:
    from dltui.core.reader import RunReader


class Goal(click.ParamType):  # type: ignore[type-arg]
    """An accuracy, `0.9` or `90%`; for regression an error."""

    name = "goal"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).strip()
        try:
            number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            raise UsageError(f"--goal wants a value like 0.9 or 90%, got {text!r}") from None
        if not 0 < number < float("inf"):
            raise UsageError(f"--goal must be greater than 0, got {text}")
        return number


@click.command()
@click.argument("runs", nargs=-1, metavar="RUN RUN...", shell_complete=completion.runs)
@click.option("--goal", type=Goal(), metavar="X", help="time to this value, as 0.9 or 90% [what all runs reached]")
@click.option("--to", metavar="DIR", help="write comparison.svg and tables to DIR")
@click.option("--format", "formats", metavar="F,F", default="svg", show_default=True, help="of --to: svg, png, pdf")
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
def compare(runs: tuple[str, ...], goal: float | None, to: str | None, formats: str, as_json: bool) -> int:
    """Compare runs: settings that differ, best values, speed, time to a goal."""
    from dltui.core import compare as core
    from dltui.tui.cli.compare_text import as_object, lines
    from dltui.tui.cli.options import split_list
    from dltui.tui.cli.start import FORMATS

    chosen = split_list(formats, FORMATS, "--format")
    readers = [_reader(text) for text in runs]
    found = core.compare(readers, goal)
    if goal is not None and found.metric == "accuracy" and goal > 1:
        raise UsageError(f"--goal is an accuracy, at most 1 or 100%, got {goal:g}; did you mean {goal:g}%?")
    if not as_json:
        show_on_terminal(lines(found))
    files = _write(readers, Path(to).expanduser().absolute(), chosen, goal) if to else []
    if as_json:
        say_json(as_object(found) | ({"files": files} if to else {}))
    elif to:
        say()
        for file in files:
            say(file)
    return 0


def _reader(text: str) -> RunReader:
    from dltui.core.reader import RunReader
    from dltui.core.rundir import find_run

    reader = RunReader(find_run(text))
    reader.refresh()
    return reader


def show_on_terminal(rows: list[Any]) -> None:
    """Rows of styled text; without a terminal their letters alone."""
    from dltui.tui.cli.terminal import can_show, terminal_output
    from dltui.tui.ink import plain, to_ascii

    if not terminal_output():
        for line in plain(rows):
            say(line.rstrip() if can_show(line) else to_ascii(line).rstrip())
        return
    from rich.console import Console
    from rich.text import Text

    from dltui.tui.cli.compare_text import INKS

    console = Console(markup=False, highlight=False, emoji=False)
    for row in rows:
        spans = [(text if can_show(text) else to_ascii(text), INKS.get(style) or _rich(style)) for text, style in row]
        console.print(Text.assemble(*spans), no_wrap=True, overflow="crop", soft_wrap=True)


def _rich(style: str) -> str:
    """A half block's two pixels in Rich's words; other styles as they are."""
    kind, *colours = style.split(":")
    return f"#{colours[0]} on #{colours[1]}" if kind == "pixel" else style


def _write(readers: list[RunReader], folder: Path, formats: list[str], goal: float | None) -> list[str]:
    """Start the process that draws. Raises UsageError or RunError with its reason."""
    import json

    command = [sys.executable, "-P", "-m", "dltui.exports.comparison", "--to", str(folder), "--json"]
    command += ["--format", ",".join(formats), *(["--goal", repr(goal)] if goal is not None else [])]
    command += ["--", *(str(reader.directory.path) for reader in readers)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1].removeprefix("dltui: ")
        raise UsageError(reason) if done.returncode == 2 else RunError(reason)
    for line in done.stderr.splitlines():
        warn(line)
    return [str(name) for name in json.loads(done.stdout)]
