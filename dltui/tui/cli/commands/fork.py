"""`dltui fork RUN`: a new run that begins with a checkpoint of another run, with other hyperparameters."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from dltui.core.errors import UsageError
from dltui.core.worker.figures import RUN_FORMATS, RUN_FORMATS_TEXT, check_formats
from dltui.tui.cli import completion
from dltui.tui.cli.launch import launchers
from dltui.tui.cli.launch.model_flags import SETTINGS, TrainCommand, find_model, for_model, plugin_files, value_flags
from dltui.tui.cli.options import FieldOption, code, code_options
from dltui.tui.cli.output import say

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, ModelEntry
    from dltui.core.rundir.directory import RunDirectory

ABOUT = """A new run that begins with a checkpoint of RUN.

It has RUN's weights, optimizer state, random state and position, and what is given here instead of RUN's
hyperparameters: with nothing changed it ends with the weights that RUN ends with. The schedule spans all --epochs, or
--max-time, RUN's included; a learning rate that was set in RUN stays. With another batch size it begins at the start
of the epoch and has a curve of its own; with another optimizer that one starts without a past.
"""


class ForkCommand(TrainCommand):
    """Adds the hyperparameters of the model that the run was trained with."""

    finds = False

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        from dltui.core.catalog.assemble import load_catalog
        from dltui.core.lifecycle import trust
        from dltui.core.rundir.directory import find_run

        if extra.get("resilient_parsing"):
            return click.Command.make_context(self, info_name, args, parent, **extra)
        catalog = load_catalog()
        word = find_model(args, value_flags(self.params, catalog))
        command: TrainCommand = self
        if word is not None:
            run = find_run(word)
            said = code(plugin_files(args), "--trust" in args)
            files = trust.files(run, said)
            catalog = load_catalog(plugins=files) if files else catalog
            trust.replaced(run, catalog, said)
            command = for_model(self, catalog.model(str(run.run()["model"])))
        command = launchers.extended(command, catalog)
        return click.Command.make_context(command, info_name, args, parent, **extra, obj=catalog)

    def describe(self, model: ModelEntry) -> str:
        return ABOUT

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["RUN", "[OPTIONS]"]

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        if self.model is not None:
            super().format_options(context, formatter)
            return
        click.Command.format_options(self, context, formatter)
        formatter.write_text("dltui fork RUN --help lists the hyperparameters of its model.")


@click.command(cls=ForkCommand, context_settings=SETTINGS, help=ABOUT)
@click.argument("run", required=False, shell_complete=completion.runs)
@click.option(
    "--from", "which", type=click.Choice(["last", "best"]), default="last", show_default=True, help="its checkpoint"
)
@click.option("--device", metavar="DEV", shell_complete=completion.devices, help="auto, cpu, cuda:N ... [RUN's]")
@click.option("--name", metavar="N", help="name of the new run [RUN-fork]")
@click.option("--exports", metavar="DIR", help="figures go to DIR/<run id> [beside RUN's]")
@click.option("--format", "formats", metavar="F,F", help=f"{RUN_FORMATS_TEXT} [RUN's]")
@code_options
@launchers.launcher_option
@click.option("--detach", is_flag=True, help="start it and return at once")
@click.option("--plain", is_flag=True, help="one line an epoch, also on a terminal")
@click.option("--json", "as_json", is_flag=True, help="one event per line")
@click.pass_context
def fork(context: click.Context, /, run: str | None, **options: Any) -> int:
    from dltui.core.rundir import launch
    from dltui.core.rundir.directory import find_run
    from dltui.tui.cli.launch import start

    if run is None:
        raise UsageError("fork needs a RUN to begin with; dltui runs lists them")
    fields = [parameter.field.name for parameter in context.command.params if isinstance(parameter, FieldOption)]
    changes = {name: value for name in fields if (value := options.pop(name)) is not None}
    parent = find_run(run)
    usual = launch.chosen(parent.path, parent.run())
    options["launcher"] = launchers.take(context.command.params, options, usual)
    created = _create(parent, context.obj, changes, options)
    if not options["as_json"]:
        origin = created.run()["fork"]
        parent = created.run()["parent"]
        say(f"{created.id} begins with {origin['checkpoint']} of {parent} (step {origin['step']:,})")
    follow = {key: options[key] for key in ("detach", "plain", "as_json")}
    return start.carry_out(created, start.Options(command=(), **follow), fresh=True)


def _create(parent: RunDirectory, catalog: Catalog, changes: dict[str, Any], options: dict[str, Any]) -> RunDirectory:
    from dltui.core.lifecycle import fork as run_fork
    from dltui.core.reading.reader import RunReader

    reader = RunReader(parent)
    reader.refresh()
    request = run_fork.ForkRequest(
        changes=run_fork.changes_of(reader, changes),
        which=options["which"],
        name=options["name"],
        device=options["device"],
        exports=options["exports"],
        formats=check_formats(options["formats"].split(","), RUN_FORMATS) if options["formats"] else None,
        command=("dltui", *sys.argv[1:]),
        code=code(options["plugins"], options["trust"]),
        launcher=options["launcher"],
    )
    return run_fork.fork(reader, request, catalog)
