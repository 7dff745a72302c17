"""`dltui find-lr MODEL`: a learning-rate range test with the options of a run, its curve, and the proposed rate."""

from __future__ import annotations

import json
import math
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dltui.core import paths
from dltui.core.errors import RunError, UsageError
from dltui.core.numbers import exact
from dltui.core.worker import figures
from dltui.tui.cli import completion
from dltui.tui.cli.launch.model_flags import SETTINGS, WORDS, TrainCommand, data_options, plugin_option
from dltui.tui.cli.options import FieldOption
from dltui.tui.cli.output import can_show, say, say_json, show_on_terminal, terminal_output

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, ModelEntry
    from dltui.core.finders.find import Rates
    from dltui.core.lifecycle.create import RunRequest
    from dltui.tui.draw.styled_text import Row

OF_FORMAT = f"of --to: {figures.FORMATS_TEXT}"
CHART_ROWS = 16
WIDEST = 120
OWN = {"--steps": 1, "--lowest": 1, "--highest": 1, "--to": 1, "--format": 1, "--lr": 1, "--json": 0}
"""Options that the command of the run does not have, or has anew, with their numbers of words."""


class FindCommand(TrainCommand):
    """A command with the flags of the model, as `train` has them."""

    def describe(self, model: ModelEntry) -> str:
        return f"Test learning rates with {model.id} for seconds to a minute, and propose one. No run is left."


@click.command(cls=FindCommand, context_settings=SETTINGS)
@click.argument("model", required=False, shell_complete=completion.models)
@data_options
@click.option(
    "--like", metavar="RUN", shell_complete=completion.runs, help="with model, data and hyperparameters of RUN"
)
@plugin_option
@click.option("--steps", type=click.IntRange(10, 100_000), metavar="N", help="steps [100, fewer where they are slow]")
@click.option("--lowest", type=float, metavar="X", help="first rate [1e-6]")
@click.option("--highest", type=float, metavar="X", help="last rate [10]")
@click.option("--to", metavar="DIR", shell_complete=completion.folders, help="write learning_rates.svg and .csv to DIR")
@click.option("--format", "formats", metavar="F,F", default="svg", show_default=True, help=OF_FORMAT)
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
@click.pass_context
def find_lr(context: click.Context, /, model: str | None, **options: Any) -> int:
    """Test learning rates with a model for seconds to a minute, and propose one. No run is left.

    The rate grows exponentially from step to step with the batches and all options of the run, until the loss diverges.
    """
    catalog: Catalog = context.obj
    if model is None:
        raise UsageError("find-lr needs a MODEL; dltui models lists them")
    entry = catalog.model(model)
    catalog.check_taken(options["plugins"], entry.id, options["dataset"])
    own = {name: options.pop(name) for name in ("steps", "lowest", "highest", "to", "as_json")}
    options.pop("like")
    formats = figures.check_formats(options["formats"].split(","))
    asked, found = _find(_request(context, entry, options, own["as_json"]), catalog, own)
    command = _take(asked.command, found)
    files = _write(found, command, paths.expanded(own["to"]).absolute(), formats) if own["to"] else []
    if own["as_json"]:
        say_json({**found.to_json(), "reason": found.reason, "command": command, "files": files})
        return 0
    show_on_terminal(lines(found))
    say(shlex.join(command))
    for file in files:
        say(file)
    return 0


def _request(context: click.Context, model: ModelEntry, options: dict[str, Any], quiet: bool) -> RunRequest:
    """The request of the run that the options describe."""
    from dltui.tui.cli.launch import presets, start

    catalog: Catalog = context.obj
    fields = [parameter.field.name for parameter in context.command.params if isinstance(parameter, FieldOption)]
    config = {name: value for name in fields if (value := options.pop(name)) is not None}
    used = presets.fill_in(context, model, catalog, config, options)
    for line in () if quiet else presets.lines(used):
        say(line)
    # Where figures of the run would go has no part in this.
    options.pop("exports", None)
    command = (*_of_run(context.meta[WORDS]), *presets.flags([preset for preset in used if preset.name != "format"]))
    return start.request(catalog, model, config, start.Options(command=command, **{**options, "formats": "svg"}))


def _of_run(words: Sequence[str]) -> list[str]:
    """The command line of the run, without its learning rate."""
    rest, found = iter(words), []
    for word in rest:
        flag, equals, _ = word.partition("=")
        if flag not in OWN:
            found.append("train" if word == "find-lr" and "train" not in found else word)
        elif OWN[flag] and not equals:
            next(rest, None)
    return found


def _take(command: Sequence[str], found: Rates) -> list[str]:
    """The command line of the run with the proposed rate, or without one."""
    return [*command, *(() if found.suggestion is None else ("--lr", exact(found.suggestion)))]


def _find(request: RunRequest, catalog: Catalog, own: dict[str, Any]) -> tuple[RunRequest, Rates]:
    """Settle the request and test its rates, with progress on standard error."""
    from dltui.core.finders.find import Finder
    from dltui.core.finders.rate_range import RateRange, ends
    from dltui.tui.cli.launch.data_progress import teller

    extent = RateRange(own["steps"] or 0, own["lowest"], own["highest"])
    # Refused before a batch size is looked for.
    lowest, highest = ends(extent, catalog.model(request.model).field("lr"))
    tell = teller()

    def point(lr: float, loss: float) -> None:
        done = math.log(lr / lowest) / math.log(highest / lowest)
        tell(f"testing learning rates: {100 * done:.0f} %, {lr:.1g}, loss {loss:.4g}")

    finder = Finder(tell, point)
    request = finder.settled(request, catalog)
    for note in () if own["as_json"] else request.notes:
        say(note)
    found = finder.rates(request, catalog, extent)
    # Leaves the line of the progress empty.
    tell("")
    return request, found


def lines(found: Rates) -> list[Row]:
    """The chart, and below it the proposal in a line."""
    from dltui.tui.draw.chart import draw
    from dltui.tui.draw.printed import pieces
    from dltui.tui.draw.styled_text import Look
    from dltui.tui.new_run import rate_chart

    columns = min(shutil.get_terminal_size((100, 24)).columns, WIDEST)
    look = Look(ascii=not can_show("●★⣿┤"), mono=not terminal_output())
    rows: list[Row] = [[(rate_chart.heading(found), "heading")]]
    rows += draw(rate_chart.chart(found), columns - 1, CHART_ROWS, look)
    told = pieces(rate_chart.proposal(found), columns - 1)
    return [*rows, *([(line, "dim" if place else "bold")] for place, line in enumerate(told))]


def _write(found: Rates, command: Sequence[str], folder: Path, formats: Sequence[str]) -> list[str]:
    """Start the process that draws. Raises UsageError or RunError with its reason."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump({"rates": found.to_json(), "command": list(command)}, file)
        file.flush()
        arguments = ["--to", str(folder), "--json", "--format", ",".join(formats), file.name]
        done = figures.start(arguments, module="dltui.exports.learning_rates")
    if done.problem:
        raise UsageError(done.problem) if done.code == 2 else RunError(done.problem)
    return [str(name) for name in json.loads(done.output)]
