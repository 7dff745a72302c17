"""`dltui train MODEL`: its options are made from the catalog, so that every model has its own flags and help."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dltui.core.errors import UsageError
from dltui.tui.cli import completion, like
from dltui.tui.cli.options import FieldOption
from dltui.tui.cli.terminal import say, visible

if TYPE_CHECKING:
    from dltui.core.catalog import Catalog, ModelEntry

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class TrainCommand(click.Command):
    """Adds the flags of the model that the command line names before click reads it."""

    model: ModelEntry | None = None

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        from dltui.core.catalog import load_catalog

        if extra.get("resilient_parsing"):
            catalog = completion.kept_catalog(plugin_files(args))
            found = catalog.models.get(find_model(args, value_flags(self.params, catalog)) or "")
            command = for_model(self, found) if found else self
            return super(TrainCommand, command).make_context(info_name, args, parent, **extra, obj=catalog)
        if any(parameter.name == "like" for parameter in self.params):
            args = like.expand(args)
        catalog = load_catalog(plugins=[Path(path) for path in plugin_files(args)])
        name = find_model(args, value_flags(self.params, catalog))
        command = self
        if name is not None:
            command = for_model(self, catalog.model(name))
            if command is not self:
                return super(TrainCommand, command).make_context(info_name, args, parent, **extra, obj=catalog)
        return super().make_context(info_name, args, parent, **extra, obj=catalog)

    def describe(self, model: ModelEntry) -> str:
        """The first line of the help of one model."""
        return f"Train {model.id}: {model.summary}"

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["MODEL", "[OPTIONS]"]

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        options = [p for p in self.params if isinstance(p, click.Option)]
        plain = [p.get_help_record(context) for p in options if not isinstance(p, FieldOption)]
        fields = [p.get_help_record(context) for p in options if isinstance(p, FieldOption)]
        if fields:
            with formatter.section("Hyperparameters"):
                formatter.write_dl([record for record in fields if record])
        else:
            with formatter.section("Models"):
                formatter.write_dl([(visible(m.id), visible(m.summary)) for m in context.obj.models.values()])
            formatter.write_text(f"{context.command_path} MODEL --help lists the hyperparameters of a model.")
        with formatter.section("Options"):
            formatter.write_dl([record for record in plain if record])


def plugin_files(args: Sequence[str]) -> list[str]:
    """The values of `--plugin`, found before the options that those plugins bring are known."""
    found = [text.removeprefix("--plugin=") for text in args if text.startswith("--plugin=")]
    return found + [after for text, after in pairwise(args) if text == "--plugin"]


def value_flags(params: Iterable[click.Parameter], catalog: Catalog) -> set[str]:
    """Every flag that takes a value, of any model."""
    common = {name for p in params if isinstance(p, click.Option) and not p.is_flag for name in p.opts}
    fields = {field.flag for model in catalog.models.values() for field in model.fields if field.type != "bool"}
    return common | fields


def find_model(args: Sequence[str], flags_with_value: set[str]) -> str | None:
    """The first word that is neither a flag nor the value of one."""
    words = iter(args)
    for word in words:
        if word == "--":
            return next(words, None)
        if not word.startswith("-"):
            return word
        if word in flags_with_value:
            next(words, None)
    return None


def for_model(command: TrainCommand, model: ModelEntry) -> TrainCommand:
    """The command with the model's hyperparameters as options."""
    taken = {name for parameter in command.params for name in parameter.opts}
    fields = [FieldOption(field) for field in model.fields if field.flag not in taken]
    found = type(command)(
        command.name,
        callback=command.callback,
        params=[*fields, *command.params],
        help=visible(command.describe(model)),
        context_settings=SETTINGS,
    )
    found.model = model
    return found


@click.command(cls=TrainCommand, context_settings=SETTINGS)
@click.argument("model", required=False, shell_complete=completion.models)
@click.option(
    "--dataset", metavar="D", shell_complete=completion.datasets, help="what to train on; `dltui datasets` lists them"
)
@click.option(
    "--data-dir", metavar="DIR", shell_complete=completion.folders, help="folder that holds the dataset's files"
)
@click.option("--data", multiple=True, metavar="KEY=VALUE", help="an option of the dataset, e.g. n=500; repeatable")
@click.option(
    "--device",
    default="auto",
    show_default=True,
    metavar="DEV",
    shell_complete=completion.devices,
    help="auto, cpu, cuda, cuda:N or mps",
)
@click.option("--name", metavar="N", help="what the run is called [made up]")
@click.option(
    "--like",
    metavar="RUN",
    shell_complete=completion.runs,
    help="as RUN was: its model, data and hyperparameters; flags replace them",
)
@click.option("--seeds", default="", metavar="S,S", help="one run a seed, one after the other, shown as one group")
@click.option("--exports", default="exports", show_default=True, metavar="DIR", help="figures go to DIR/<run id>")
@click.option("--format", "formats", default="svg", show_default=True, metavar="F,F", help="svg, png, pdf")
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="FILE",
    shell_complete=completion.files,
    help="a .py file with a model; repeatable",
)
@click.option(
    "--log",
    "loggers",
    multiple=True,
    metavar="L[=OPTION]",
    help="follow the run: tensorboard, mlflow, webhook=URL, command='WORDS'; repeatable",
)
@click.option("--share", type=click.Choice(["group"]), help="let your group look at the run: dltui attach PATH")
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
    from dltui.tui.cli import presets, start

    catalog: Catalog = context.obj
    if model is None:
        names = ", ".join(catalog.models) or "none found; see dltui plugins list"
        raise UsageError(f"train needs a MODEL: {names}")
    entry = catalog.model(model)
    fields = [parameter.field.name for parameter in context.command.params if isinstance(parameter, FieldOption)]
    options.pop("like")
    given = {name: options.pop(name) for name in fields}
    config = {name: value for name, value in given.items() if value is not None}
    used = presets.fill_in(context, entry, catalog, config, options)
    if not options["as_json"]:
        for line in presets.lines(used):
            say(line)
    command = ("dltui", *sys.argv[1:], *presets.flags(used))
    return start.start(catalog, entry, config, start.Options(command=command, **options))
