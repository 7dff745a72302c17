"""`dltui twin NAME`: one model in two frameworks, from the same weights on the same batches, and the difference."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from dltui.core import numbers
from dltui.core.errors import UsageError
from dltui.core.text import plural
from dltui.tui.cli import completion
from dltui.tui.cli.launch import presets
from dltui.tui.cli.launch.model_flags import SETTINGS, TrainCommand, data_options
from dltui.tui.cli.options import FieldOption
from dltui.tui.cli.output import say, say_json, table, warn
from dltui.tui.draw import wording

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, ModelEntry
    from dltui.core.lifecycle.forms.presets import Preset
    from dltui.core.lifecycle.twin import Comparison
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.cli.launch.start import Options


class TwinCommand(TrainCommand):
    """A command with the flags of the model, which both frameworks share."""

    finds = False

    def describe(self, model: ModelEntry) -> str:
        return f"Train {model.name} in two frameworks from the same weights on the same batches, and compare them."


@click.command(cls=TwinCommand, context_settings=SETTINGS)
@click.argument("model", required=False, shell_complete=completion.twins)
@data_options
@click.option("--name", metavar="N", help="first part of the runs' names [twin-MODEL]")
@click.option("--exports", default="exports", show_default=True, metavar="DIR", help="figures go to DIR/<run id>")
@click.option("--plugin", "plugins", multiple=True, metavar="FILE", help="a .py file with a model; repeatable")
@click.option("--plain", is_flag=True, help="one line an epoch, also on a terminal")
@click.option("--json", "as_json", is_flag=True, help="one event per line, the last is the comparison")
@click.pass_context
def twin(context: click.Context, /, model: str | None, **options: Any) -> int:
    """Train a model in two frameworks from the same weights on the same batches, and compare them."""
    from dltui.core.lifecycle.twin import pair
    from dltui.tui.cli.launch.start import Options

    catalog: Catalog = context.obj
    if model is None:
        raise UsageError("twin needs the name of a MODEL that two frameworks have, like cnn")
    pairs = pair(catalog, model)
    fields = [parameter.field.name for parameter in context.command.params if isinstance(parameter, FieldOption)]
    config = {name: value for name in fields if (value := options.pop(name)) is not None}
    used = _fill_in(context, pairs, config, options)
    command = ("dltui", *sys.argv[1:], *presets.flags(used))
    return _train_both(catalog, pairs, config, Options(command=command, **options))


def _fill_in(
    context: click.Context, pair: tuple[ModelEntry, ModelEntry], config: dict[str, Any], options: dict[str, Any]
) -> list[Preset]:
    """Put the presets that both models have alike where no flag was given, say which, and return them."""
    typed = presets.typed_in(context)
    same, apart = presets.shared(pair, context.obj)
    taken = {parameter.name for parameter in context.command.params}
    same = {name: preset for name, preset in same.items() if presets.PARAMETERS.get(name, name) in taken}
    used = presets.fill(same, config, options, typed)
    for line in () if options["as_json"] else presets.lines(used):
        say(line)
    for line in presets.lines([one for one in apart if one.name not in config and not typed(one.name)]):
        warn(f"{line}: not used, both models train alike")
    return used


def _train_both(catalog: Catalog, pair: tuple[ModelEntry, ModelEntry], config: dict[str, Any], options: Options) -> int:
    from dltui.core.lifecycle import twin as run_twin
    from dltui.core.lifecycle.create import check_request, create_run
    from dltui.core.reading.reader import RunReader
    from dltui.core.worker import twin_record
    from dltui.tui.cli.launch import start

    base = options.name if options.name is not None else f"twin-{pair[0].name}"
    requests = [
        replace(start.request(catalog, model, config, options), name=f"{base}-{model.framework}") for model in pair
    ]
    for request in requests:
        # Before hours of the first one, if the second cannot be.
        check_request(request, catalog)
    readers: list[RunReader] = []
    handed: str | None = None
    for request in requests:
        run = create_run(replace(request, twin={"start": handed}), catalog)
        code = start.carry_out(run, options)
        readers.append(RunReader(run))
        if not _finished(readers[-1]):
            _say_alone(run, len(readers) < len(requests), options)
            return code
        handed = str(twin_record.folder(run) / twin_record.START)
    found = run_twin.compare(*readers)
    if options.as_json:
        say_json({"type": "compared", **asdict(found), "speed": found.speed})
        return 0
    for line in lines(found, readers[0].run["config"], catalog):
        say(line)
    return 0


def _finished(reader: RunReader) -> bool:
    reader.refresh()
    return reader.status().name == "finished"


def _say_alone(run: RunDirectory, alone: bool, options: Options) -> None:
    """Report a run without a twin to compare: it was left, or failed."""
    if not options.as_json:
        say(f"no comparison: {run.id} is not finished" + (", its twin was not started" if alone else ""))


def lines(found: Comparison, config: dict[str, Any], catalog: Catalog) -> list[str]:
    """The differences between the runs, a line each."""
    names = [wording.framework_title(side.framework, catalog.backends) for side in (found.first, found.second)]
    rows = [["", *names, "DIFFERENCE"]]
    for title, key in (("test", "test"), ("best validation", "validation")):
        values = [getattr(side, key) for side in (found.first, found.second)]
        cells = [numbers.metric(found.metric, value) for value in values]
        rows.append([f"{title} {found.metric}", *cells, _apart(found.metric, *values)])
    speeds = [f"{numbers.count(side.samples_per_second)} samples/s" for side in (found.first, found.second)]
    ratio = f"{names[1]} is {found.speed:.2f} times as fast" if found.speed else "-"
    rows.append(["training speed", *speeds, ratio])
    rows.append([f"logits of {found.images:,} test samples, equal weights", "", "", _number(found.logits)])
    rows.append(["losses of the first 10 steps, relative", "", "", _number(found.losses_near)])
    rows.append([f"losses of the first {plural(found.steps, 'step')}, relative", "", "", _number(found.losses)])
    if not config.get("dropout"):
        return table(rows)
    return [*table(rows), "dropout is on: each framework drops other values, and losses differ by chance"]


def _apart(metric: str, first: float | None, second: float | None) -> str:
    if first is None or second is None:
        return "-"
    return f"{100 * (second - first):+.2f} points" if metric.endswith("accuracy") else f"{second - first:+.2e}"


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.1e} at most"
