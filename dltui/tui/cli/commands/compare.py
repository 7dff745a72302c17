"""`dltui compare`: runs side by side, as tables and overlaid curves, as JSON, or as files."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dltui.core import paths
from dltui.core.errors import UsageError
from dltui.core.worker import figures
from dltui.tui.cli import completion
from dltui.tui.cli.output import can_show, say, say_json, show_on_terminal, terminal_output, warn
from dltui.tui.draw.comparison import blocks, chart, series
from dltui.tui.draw.styled_text import beside

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from dltui.core.analysis.comparison import Comparison
    from dltui.core.analysis.paired import Pair
    from dltui.core.reading.reader import RunReader
    from dltui.tui.draw.styled_text import Row


OF_FORMAT = f"of --to: {figures.FORMATS_TEXT}"


class Goal(click.ParamType):  # type: ignore[type-arg]
    """A parameter type: an accuracy, `0.9` or `90%`; for regression an error."""

    name = "goal"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from dltui.core.analysis.measures.measured import number as parse

        text = str(value).strip()
        number = parse(text)
        if number is None:
            raise UsageError(f"--goal wants a value like 0.9 or 90%, got {text!r}")
        return number


def _limits(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The beginnings of usual limits."""
    from click.shell_completion import CompletionItem

    from dltui.core.analysis.measures.measured import FIGURES, USUAL

    return [CompletionItem(name) for name in (*USUAL, *FIGURES) if name.startswith(incomplete)]


@click.command()
@click.argument("runs", nargs=-1, metavar="RUN RUN...", shell_complete=completion.runs)
@click.option("--goal", type=Goal(), metavar="X", help="time to this value, as 0.9 or 90% [what all runs reached]")
@click.option(
    "--fail-if",
    "limits",
    multiple=True,
    metavar="LIMIT",
    shell_complete=_limits,
    help="exit code 1 when a run is worse than the first by more: 'validation.accuracy -0.5%' or 'step_us +5%'",
)
@click.option("--samples", is_flag=True, help="two runs, sample by sample: which test samples only one has right")
@click.option("--to", metavar="DIR", help="write comparison.svg and tables to DIR")
@click.option("--format", "formats", metavar="F,F", default="svg", show_default=True, help=OF_FORMAT)
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
def compare(
    runs: tuple[str, ...],
    goal: float | None,
    limits: tuple[str, ...],
    samples: bool,
    to: str | None,
    formats: str,
    as_json: bool,
) -> int:
    """Compare runs: settings that differ, best values, speed, time to a goal.

    For --fail-if the first run is the baseline of all others. -X is how far a value may fall, +X how far it may rise:
    with % a part of the baseline's value, without it in the value's own unit. NAME is validation.METRIC, train.METRIC
    (both at the best epoch), test.METRIC, step_us, samples_per_second, train_seconds or parameters.
    """
    from dltui.core.analysis import comparison
    from dltui.core.analysis.measures import limits as judged

    wanted = [judged.parse(text) for text in limits]
    chosen = figures.check_formats(formats.split(","))
    readers = [_reader(text) for text in runs]
    found = comparison.compare(readers, goal)
    failures = judged.check(wanted, readers)
    paired = _paired(readers) if samples else None
    if not as_json:
        show_on_terminal(lines(found) if paired is None else sample_lines(paired))
    files = _write(readers, paths.expanded(to).absolute(), chosen, goal) if to else []
    if as_json:
        judgment = {"failures": [asdict(failure) for failure in failures]} if wanted else {}
        by_sample = {"samples": samples_object(paired)} if paired else {}
        say_json(comparison.as_object(found) | judgment | by_sample | ({"files": files} if to else {}))
    elif to:
        say()
        for file in files:
            say(file)
    for failure in failures:
        warn(f"dltui: {failure.line}")
    return int(bool(failures))


def _paired(readers: Sequence[RunReader]) -> Pair:
    from dltui.core.analysis.paired import pair
    from dltui.tui.cli.hosts import near

    if len(readers) != 2:
        raise UsageError(f"--samples compares two runs, got {len(readers)}")
    for reader in readers:
        near.bring_predictions(reader.directory)
    return pair(*readers)


def sample_lines(found: Pair) -> list[Row]:
    """The samples that one run alone has right, those with the most confident mistakes."""
    from dltui.tui.pages import paired_rows as paired

    width = min(shutil.get_terminal_size((100, 24)).columns, WIDEST)
    rows = [*paired.counts(found, width)]
    for side in (0, 1):
        rows += [[], *paired.listed(found, side, width, MOST_SAMPLES)]
    return rows


def samples_object(found: Pair) -> dict[str, Any]:
    """The object of `--json` for two runs sample by sample."""
    sides = [
        [{**asdict(sample), "true": found.name(sample.true), "said": found.name(sample.said)} for sample in side]
        for side in (found.first, found.second)
    ]
    only = [[{key: value for key, value in one.items() if key != "image"} for one in side] for side in sides]
    counts = {"total": found.total, "both_right": found.both, "both_wrong": found.neither}
    return {**counts, "only_first_right": only[0], "only_second_right": only[1], "mcnemar_p": found.p}


def _reader(text: str) -> RunReader:
    from dltui.core.reading.reader import RunReader
    from dltui.tui.cli.follow.sending import found_run

    reader = RunReader(found_run(text))
    reader.refresh()
    return reader


def _write(readers: list[RunReader], folder: Path, formats: list[str], goal: float | None) -> list[str]:
    """Start the process that draws. Raises UsageError or RunError with its reason."""
    files, remarks = figures.draw_comparison([reader.directory.path for reader in readers], folder, formats, goal)
    for line in remarks:
        warn(line)
    return files


MARKS = "●◆■▲▼★"
LETTERS = "abcdefghijkl"
WIDEST = 140
MOST_SAMPLES = 10
CHART_ROWS = 14


def lines(found: Comparison, columns: int | None = None) -> list[Row]:
    """The comparison as lines with a column per run: results and settings that differ; then curves and caveats."""
    columns = min(columns or shutil.get_terminal_size((100, 24)).columns, WIDEST)
    rows: list[Row] = [[(_heading(found), "heading")]]
    run_colors = [(style(place), mark(place)) for place in range(len(found.entries))]
    parts = blocks(found, columns, run_colors)
    for block in parts:
        rows += [[], *block]
    marked = any(text.endswith("*") for block in parts for row in block for text, _ in row)
    rows += [[(line, "bold")] for line in series(found)]
    rows.append([("* the best of its row", "dim")] if marked else [])
    rows += [[], *_charts(found, columns)] if any(entry.best for entry in found.entries) else []
    return rows + [[(f"note: {note}", "dim")] for note in found.notes]


def style(place: int) -> str:
    """The style word of a run's color."""
    return f"run{place % 6}"


def mark(place: int) -> str:
    """The mark of a run's curve; a letter where no other sign can be shown."""
    return MARKS[place % len(MARKS)] if can_show(MARKS + "⣿┤") else LETTERS[place]


def _heading(found: Comparison) -> str:
    models = ", ".join(dict.fromkeys(entry.model for entry in found.entries))
    return f"{models} on {', '.join(dict.fromkeys(entry.dataset for entry in found.entries))}"


def _charts(found: Comparison, columns: int) -> list[Row]:
    """A chart of the metric, beside it the loss where there is room for both."""
    from dltui.tui.draw.chart import draw
    from dltui.tui.draw.styled_text import Look

    look = Look(ascii=not can_show(MARKS + "⣿┤"), mono=not terminal_output())
    run_colors = [(style(place), mark(place)) for place in range(len(found.entries))]
    charts = [chart(found, name, run_colors) for name in found.metrics]
    if len(charts) == 1 or columns < 90:
        return [row for one in charts for row in draw(one, columns - 1, CHART_ROWS, look)]
    half = (columns - 1) // 2
    return beside([(draw(one, half - 1, CHART_ROWS, look), half) for one in charts], CHART_ROWS)
