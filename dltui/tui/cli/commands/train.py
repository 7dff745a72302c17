"""`dltui train MODEL`: its options are made from the catalog, so that every model has its own flags and help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dltui.core.errors import UsageError
from dltui.core.worker.figures import RUN_FORMATS_TEXT
from dltui.tui.cli import completion
from dltui.tui.cli.launch import launchers
from dltui.tui.cli.launch.model_flags import SETTINGS, WORDS, data_options, plugin_option
from dltui.tui.cli.launch.other_host import HostedTrain
from dltui.tui.cli.options import FieldOption
from dltui.tui.cli.output import say, warn

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog


@click.command(cls=HostedTrain, context_settings=SETTINGS)
@click.argument("model", required=False, shell_complete=completion.models)
@data_options
@click.option("--host", metavar="HOST", help="train on another host, over ssh: with what is installed and lies there")
@click.option("--name", metavar="N", help="name of the run [two random words]")
@click.option(
    "--like",
    metavar="RUN",
    shell_complete=completion.runs,
    help="as RUN was: its model, data and hyperparameters; flags replace them",
)
@click.option("--seeds", default=None, metavar="S,S", help="one run a seed, one after the other, shown as one group")
@click.option("--exports", default="exports", show_default=True, metavar="DIR", help="figures go to DIR/<run id>")
@click.option("--format", "formats", default="svg", show_default=True, metavar="F,F", help=RUN_FORMATS_TEXT)
@plugin_option
@click.option(
    "--log",
    "loggers",
    multiple=True,
    metavar="L[=OPTION]",
    help="follow the run: tensorboard, mlflow, wandb, trackio, webhook=URL, command='WORDS'; webhook=env:NAME and "
    "webhook=file:PATH keep the secret elsewhere; repeatable",
)
@click.option("--share", type=click.Choice(["group"]), help="let your group watch the run: dltui attach PATH")
@launchers.launcher_option
@click.option("--detach", is_flag=True, help="start it and return at once")
@click.option(
    "--queue", is_flag=True, help="return at once; it starts when its device is free, first come, first served"
)
@click.option("--plain", is_flag=True, help="one line an epoch, also on a terminal")
@click.option("--json", "as_json", is_flag=True, help="one event per line")
@click.option("--debug", is_flag=True, help="train in the foreground: tracebacks, breakpoint()")
@click.option("--dry-run", is_flag=True, help="two steps, an evaluation and every export, in a temporary place")
@click.pass_context
def train(context: click.Context, /, model: str | None, **options: Any) -> int:
    """Train a model."""
    from dltui.tui.cli.launch import presets, start

    catalog: Catalog = context.obj
    if model is None:
        families = (f"{family}:NAME" for family in catalog.families)
        names = ", ".join((*catalog.models, *families)) or "none found; see dltui plugins list"
        raise UsageError(f"train needs a MODEL: {names}")
    entry = catalog.model(model)
    catalog.check_taken(options["plugins"], entry.id, options["dataset"])
    if options["dataset"]:
        # What is refused for a file that could not be loaded tells of it by itself.
        catalog.dataset(options["dataset"])
    for where, reason in catalog.problems_of(options["plugins"]):
        warn(f"plugin {where}: {reason}")
    fields = [parameter.field.name for parameter in context.command.params if isinstance(parameter, FieldOption)]
    options.pop("like")
    options.pop("host")
    options["launcher"] = launchers.take(context.command.params, options)
    given = {name: options.pop(name) for name in fields}
    config = {name: value for name, value in given.items() if value is not None}
    used = presets.fill_in(context, entry, catalog, config, options)
    if not options["as_json"]:
        for line in presets.lines(used):
            say(line)
    command = (*context.meta[WORDS], *presets.flags(used))
    chosen = start.Options(command=command, **options)
    if chosen.seeds is not None:
        from dltui.tui.cli.launch import seeds

        return seeds.start_all(catalog, entry, config, chosen)
    return start.start(catalog, entry, config, chosen)
