"""The flags of a command that follow from the model: a flag for each hyperparameter."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dltui.core.errors import UsageError
from dltui.tui.cli import completion
from dltui.tui.cli.launch import launchers, like
from dltui.tui.cli.options import FieldOption
from dltui.tui.cli.output import visible

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, ModelEntry


WORDS = "dltui.words"
"""The command line in the `meta` of a context, `--like` replaced by what it stands for: that run may be deleted."""
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class TrainCommand(click.Command):
    """A command that gets the flags of the model on the command line before click parses it."""

    model: ModelEntry | None = None
    finds = True
    """True if values can be found before the run begins: `--batch-size fit`."""
    option: type[FieldOption] = FieldOption
    """The option of a hyperparameter."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        from dltui.core.catalog.assemble import load_catalog

        if extra.get("resilient_parsing"):
            catalog = completion.kept_catalog(plugin_files(args))
            found = catalog.known_model(find_model(args, value_flags(self.params, catalog)) or "")
            command = launchers.extended(for_model(self, found) if found else self, catalog)
            return super(TrainCommand, command).make_context(info_name, args, parent, **extra, obj=catalog)
        before = sys.argv[1 : len(sys.argv) - len(args)]
        names, words = {parameter.name for parameter in self.params}, args
        if "like" in names:
            words, args = like.expand(args), like.expand(args, launches="launcher" in names)
        catalog = load_catalog(plugins=[Path(path) for path in plugin_files(args)])
        name = find_model(args, value_flags(self.params, catalog))
        command = launchers.extended(self if name is None else for_model(self, catalog.model(name)), catalog)
        try:
            context = super(TrainCommand, command).make_context(info_name, list(args), parent, **extra, obj=catalog)
        except click.NoSuchOption as error:
            if name is not None or error.option_name not in value_flags((), catalog):
                raise
            asked = f"{error.option_name} belongs to a model: dltui {info_name} MODEL {error.option_name} ..."
            raise UsageError(f"{asked}; `dltui models` lists the models") from None
        context.meta[WORDS] = ("dltui", *before, *words)
        return context

    def describe(self, model: ModelEntry) -> str:
        """The first line of the help for a model."""
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
                listed = [(visible(model.id), visible(model.summary)) for model in context.obj.models.values()]
                families = context.obj.families.values()
                listed += [(visible(f"{family.name}:NAME"), visible(family.model.summary)) for family in families]
                formatter.write_dl(listed)
            formatter.write_text(f"{context.command_path} MODEL --help lists the hyperparameters of a model.")
        with formatter.section("Options"):
            formatter.write_dl([record for record in plain if record])


plugin_option = click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="FILE",
    shell_complete=completion.files,
    help="a .py file with a model; repeatable",
)


def data_options(command: Any) -> Any:
    """Add the options for the data and the device of a run that does not exist yet."""
    options = (
        click.option(
            "--dataset",
            metavar="D",
            shell_complete=completion.datasets,
            help="what to train on; `dltui datasets` lists them",
        ),
        click.option(
            "--data-dir", metavar="DIR", shell_complete=completion.folders, help="folder that holds the dataset's files"
        ),
        click.option(
            "--data", multiple=True, metavar="KEY=VALUE", help="an option of the dataset, e.g. n=500; repeatable"
        ),
        click.option(
            "--device",
            default="auto",
            show_default=True,
            metavar="DEV",
            shell_complete=completion.devices,
            help="auto, cpu, cuda:N, mps; several: cuda:0,cuda:1, cuda:all, cpu:2",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def plugin_files(args: Sequence[str]) -> list[str]:
    """The values of `--plugin`, parsed before the options of those plugins are known."""
    found = [text.removeprefix("--plugin=") for text in args if text.startswith("--plugin=")]
    return found + [after for text, after in pairwise(args) if text == "--plugin"]


def value_flags(params: Iterable[click.Parameter], catalog: Catalog) -> set[str]:
    """The flags of all models that take a value."""
    common = {name for p in params if isinstance(p, click.Option) and not p.is_flag for name in p.opts}
    return (
        common | launchers.value_flags(catalog) | {field.flag for field in catalog.all_fields() if field.type != "bool"}
    )


def find_model(args: Sequence[str], flags_with_value: set[str]) -> str | None:
    """The first word that is neither a flag nor a flag's value; None without such a word."""
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
    fields = [command.option(field, command.finds) for field in model.fields if field.flag not in taken]
    found = type(command)(
        command.name,
        callback=command.callback,
        params=[*fields, *command.params],
        help=visible(command.describe(model)),
        context_settings=SETTINGS,
    )
    found.model = model
    return found
