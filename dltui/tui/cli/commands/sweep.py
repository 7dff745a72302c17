"""`dltui sweep MODEL --lr 0.01..0.3:log --trials 20`, and `dltui sweep list|show|resume|stop|export|pin|rm NAME`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dltui.core.analysis.trials import plan as plans
from dltui.core.errors import UsageError
from dltui.core.text import clean_line
from dltui.core.worker.figures import RUN_FORMATS_TEXT
from dltui.tui.cli import completion
from dltui.tui.cli.launch import launchers, leading, ranges
from dltui.tui.cli.launch.model_flags import SETTINGS, WORDS, TrainCommand, data_options, plugin_option
from dltui.tui.cli.options import FieldOption
from dltui.tui.cli.output import say, say_json, say_table, warn

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, ModelEntry
    from dltui.core.lifecycle.forms.presets import Preset


class SweepCommand(TrainCommand):
    """The command that begins a sweep: the options of the model take ranges."""

    finds = False
    option = ranges.RangeOption

    def describe(self, model: ModelEntry) -> str:
        return f"Search hyperparameters of {model.id}: {model.summary}"


class SweepGroup(click.Group):
    """`dltui sweep`: a model begins a sweep, another word is about one that there is."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if not args or args[0] in self.commands or args[0] in ("-h", "--help"):
            return super().make_context(info_name, args, parent, **extra)
        return begin.make_context(info_name, args, parent, **extra)


@click.group(cls=SweepGroup, invoke_without_command=True, context_settings=SETTINGS)
@click.pass_context
def sweep(context: click.Context) -> int | None:
    """Search hyperparameters: dltui sweep MODEL --lr 0.01..0.3:log --batch-size 64,256 --trials 20.

    LOW..HIGH is a range, :log makes it even over orders of magnitude, commas separate choices. A trial is a run like
    any other. `dltui sweep MODEL --help` lists the options; without anything, the sweeps are listed.
    """
    return None if context.invoked_subcommand is not None else _list(False)


@click.command(cls=SweepCommand, context_settings=SETTINGS)
@click.argument("model", required=False, shell_complete=completion.models)
@data_options
@click.option("--name", metavar="N", help="name of the sweep, with which those of its trials begin [two random words]")
@click.option("--trials", type=int, default=None, metavar="N", help=f"how many [{plans.TRIALS}; of a grid: all]")
@click.option(
    "--sampler",
    type=click.Choice(plans.SAMPLERS),
    default="random",
    show_default=True,
    help="how the values of trials are chosen; tpe and gp learn from the results (pip install 'dltui[sweep]')",
)
@click.option(
    "--pruner",
    type=click.Choice(plans.PRUNERS),
    help=f"which trials are ended early [{plans.PRUNER}; with --max-time: none]",
)
@click.option("--parallel", type=int, default=1, show_default=True, metavar="N", help="trials at once")
@click.option(
    "--reduction", type=int, default=plans.REDUCTION, show_default=True, metavar="N", help="one of N goes on at a rung"
)
@click.option("--min-epochs", type=int, default=0, metavar="N", help="epochs of the first rung [by the epochs]")
@click.option("--confirm", type=int, default=0, metavar="N", help="train the winner again with N other seeds")
@click.option("--vary", multiple=True, metavar="NAME=RANGE", help="as the flag of NAME, also for yes,no; repeatable")
@click.option("--exports", default="exports", show_default=True, metavar="DIR", help="figures go to DIR/<run id>")
@click.option("--format", "formats", default="none", show_default=True, metavar="F,F", help=RUN_FORMATS_TEXT)
@plugin_option
@click.option("--log", "loggers", multiple=True, metavar="L[=OPTION]", help="follow each run, as in dltui train")
@click.option("--share", type=click.Choice(["group"]), help="let your group watch the runs")
@launchers.launcher_option
@click.option("--detach", is_flag=True, help="start it and return at once")
@click.option("--json", "as_json", is_flag=True, help="one JSON object per trial, and one at the end")
@click.pass_context
def begin(context: click.Context, /, model: str | None, **options: Any) -> int:
    """Search hyperparameters."""
    from dltui.core.sweep import start as sweeps
    from dltui.tui.cli.launch import data_progress, presets, start

    catalog: Catalog = context.obj
    if model is None:
        raise UsageError(
            "sweep needs a MODEL, or one of list, show, resume, stop, export, pin, rm; `dltui models` lists the models"
        )
    entry = catalog.model(model)
    catalog.check_taken(options["plugins"], entry.id, options["dataset"])
    fields = [parameter.field.name for parameter in context.command.params if isinstance(parameter, FieldOption)]
    space, config = ranges.split({name: options.pop(name) for name in fields}, options.pop("vary"), entry)
    if "test" in config:
        raise UsageError(plans.SHARED["test"])
    varied = dict.fromkeys((one.name for one in space), True)
    used = _fill_in(context, entry, known := {**varied, **config}, options)
    config = {name: value for name, value in known.items() if name not in varied}
    how = {name: options.pop(name) for name in ("trials", "sampler", "pruner", "parallel", "reduction", "confirm")}
    how["pruner"] = how["pruner"] or ""
    if how["trials"] is None:
        how["trials"] = plans.MOST_TRIALS if how["sampler"] == "grid" else plans.TRIALS
    least = options.pop("min_epochs")
    options["launcher"] = launchers.take(context.command.params, options)
    chosen = start.Options(command=(), **options)
    request = start.request(catalog, entry, config, chosen)
    command = (*context.meta[WORDS], *presets.flags(used))
    plan = plans.Plan("", space, **how, seed=int(config.get("seed", 0)), least=least, command=command)
    if not options["as_json"]:
        for text in presets.lines(used):
            say(text)
    folder = sweeps.create(plan, request, catalog, data_progress.teller())
    return leading.go(folder, options["detach"], options["as_json"])


def _fill_in(
    context: click.Context, model: ModelEntry, config: dict[str, Any], options: dict[str, Any]
) -> list[Preset]:
    """Put presets into `config` and `options` where no flag was given; returns those that were used. Raises
    UsageError.
    """
    from dltui.core.catalog.fields import FIT, FITTED
    from dltui.core.lifecycle.forms.presets import load_presets
    from dltui.tui.cli.launch import presets

    found = load_presets().of(model, context.obj)
    if FITTED in found and found[FITTED].value == FIT:
        preset = found.pop(FITTED)
        if FITTED not in config:
            # One that fits is found for a single run, and trials differ.
            warn(f"{presets.lines([preset])[0]}: not used, a sweep takes a number: --batch-size N")
    return presets.fill(found, config, options, presets.typed_in(context))


def _names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from dltui.core.sweep import folder as folders

    return [one.name for one in folders.sweeps() if one.name.startswith(incomplete)]


_name = click.argument("name", shell_complete=_names)
_json = click.option("--json", "as_json", is_flag=True, help="JSON")


@sweep.command("list")
@_json
def list_sweeps(as_json: bool) -> int:
    """List the sweeps."""
    return _list(as_json)


def _list(as_json: bool) -> int:
    from dltui.core.sweep import folder as folders
    from dltui.core.sweep.view import look, sweep_object

    objects, table = [], []
    for one in folders.sweeps():
        try:
            view = look(one.name)
        except UsageError as error:
            # The others can be shown.
            objects.append({"sweep": one.name, "status": "unreadable", "hint": str(error)})
            table.append([clean_line(one.name), "unreadable", str(error)])
        else:
            objects.append(sweep_object(view))
            table.append([view.plan.name, view.status, view.head()])
    if as_json:
        say_json(objects)
    elif not table:
        say("there are no sweeps yet; dltui sweep MODEL --lr 0.01..0.3:log begins one")
    else:
        say_table([["NAME", "STATUS", "TRIALS"], *table])
    return 0


@sweep.command()
@_name
@_json
def show(name: str, as_json: bool) -> int:
    """Show the trials of a sweep, the best first."""
    from dltui.core.analysis.trials import trial
    from dltui.core.numbers import metric
    from dltui.core.sweep.view import look, sweep_object, values_text
    from dltui.tui.cli.follow import sweeping

    view = look(name)
    if as_json:
        say_json(sweep_object(view))
        return 0
    head = [["TRIAL", "BEST", "EPOCH", "STATUS", "VALUES"]]
    for one in trial.order(view.trials):
        best = "-" if one.best is None else metric(one.metric, one.best)
        mark = " *" if one.pinned else ""
        head.append([one.name + mark, best, f"{one.done}/{one.epochs}", one.standing(), values_text(one)])
    say_table(head)
    sweeping.tell_end(view, False)
    return 0


@sweep.command()
@_name
@click.option("--more", type=click.IntRange(min=1), default=None, metavar="N", help="N trials more than planned so far")
@click.option("--parallel", type=int, default=None, metavar="N", help="trials at once from now on")
@click.option("--detach", is_flag=True, help="start it and return at once")
@click.option("--json", "as_json", is_flag=True, help="one JSON object per trial, and one at the end")
def resume(name: str, more: int | None, parallel: int | None, detach: bool, as_json: bool) -> int:
    """Go on with a sweep: unfinished trials go on where they were."""
    return leading.go_on(name, more, parallel, detach, as_json)


@sweep.command()
@_name
def stop(name: str) -> int:
    """Stop a sweep: trials that run leave a checkpoint; dltui sweep resume NAME goes on with them."""
    from dltui.core.sweep import folder as folders
    from dltui.core.sweep import start as sweeps
    from dltui.core.sweep.view import look

    folder = folders.find(name)
    if look(name).status == "finished":
        say(f"{name} is finished; more trials: dltui sweep resume {name} --more N")
        return 0
    left = sweeps.stop(folder)
    say(f"{name} stops; go on with: dltui sweep resume {name}")
    if left:
        say(sweeps.unreached(left))
    return 0


@sweep.command()
@_name
@click.option("--to", metavar="DIR", default=None, shell_complete=completion.folders, help="[beside its runs' figures]")
def export(name: str, to: str | None) -> int:
    """Draw its pictures as SVG, and its table as CSV."""
    from pathlib import Path

    from dltui.core.sweep import pictures

    say(f"pictures in {pictures.draw(name, Path(to) if to else None)}")
    return 0


@sweep.command()
@_name
def rm(name: str) -> int:
    """Delete a sweep and its runs; dltui rm --undo brings the runs back for a day."""
    from dltui.core.sweep import folder as folders
    from dltui.core.sweep import start as sweeps

    count = sweeps.remove(folders.find(name))
    say(f"{name} is deleted; its {count} runs can come back for 24 hours: dltui rm --undo")
    return 0


@sweep.command()
@click.argument("run", shell_complete=completion.runs)
@click.option("--off", is_flag=True, help="take it back")
def pin(run: str, off: bool) -> int:
    """Pin a trial, so that it is never pruned."""
    from dltui.core.analysis.trials import trial
    from dltui.core.rundir.directory import find_run

    found = find_run(run)
    if not trial.record_of(found):
        raise UsageError(f"{found.id} is no trial of a sweep")
    trial.pin(found, not off)
    say(f"{found.id} is {'not pinned any more' if off else 'pinned: it is never pruned'}")
    return 0
