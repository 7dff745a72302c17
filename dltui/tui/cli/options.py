"""Command-line options that are made from declarations: a hyperparameter's FieldSpec becomes a flag with help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from dltui.core.catalog.fields import FIT
from dltui.core.numbers import exact
from dltui.tui.cli.output import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dltui.core.catalog.fields import FieldSpec
    from dltui.core.lifecycle.trust import Code


METAVARS = {"int": "N", "float": "X", "str": "TEXT", "numbers": "N,N,...", "choice": "WORD"}


class FieldType(click.ParamType):  # type: ignore[type-arg]
    """A parameter type that checks a value as its field declares it; the error names the field and the range."""

    def __init__(self, field: FieldSpec, finds: bool = False) -> None:
        """With `finds`, a value that can be found may be asked for by its word."""
        self.field = field
        self.name = field.type
        self._parse = field.asked if finds else field.parse
        self._words = (*field.choices, *((FIT,) if finds and field.can_be_found else ()))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self._parse(value) if isinstance(value, str) else value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(word) for word in self._words if word.startswith(incomplete)]


class FieldOption(click.Option):
    """The option of a hyperparameter; None means that it was not given and the model's default is used."""

    def __init__(self, field: FieldSpec, finds: bool = False) -> None:
        """`finds` is the argument of `FieldType`."""
        self.field = field
        text = field_help(field)
        finds = finds and field.can_be_found
        text += f"; {FIT}: the largest that fits" if finds else ""
        if field.type == "bool":
            off = f"--no-{field.flag.removeprefix('--')}"
            super().__init__([f"{field.flag}/{off}", field.name], default=None, help=text)
        else:
            metavar = visible("|".join(field.choices)) if field.choices else METAVARS.get(field.type, "VALUE")
            metavar += f"|{FIT}" if finds else ""
            kind = FieldType(field, finds)
            super().__init__([field.flag, field.name], type=kind, metavar=metavar, default=None, help=text)


def field_help(field: FieldSpec) -> str:
    """The help text of a field: `samples per step [1 <= N <= 65536 samples; default 256]`."""
    sign = METAVARS.get(field.type, "X").partition(",")[0]
    range_text = "" if field.type in ("bool", "choice") else field.range_text().replace(field.name, sign, 1)
    unit = f" {field.unit}" if field.unit else ""
    bounds = f"{range_text}{unit}".strip()
    parts = [part for part in (bounds, f"default {exact(field.default)}" if field.default != "" else "") if part]
    return visible(f"{field.description} [{'; '.join(parts)}]".strip())


def code_options(command: Any) -> Any:
    """Add the options --plugin and --trust, which choose the code for a run; `code` converts them."""
    what = "run the code that RUN names although it is another user's"
    file = "a .py file to use in place of those that RUN names; repeatable"
    command = click.option("--trust", is_flag=True, help=what)(command)
    return click.option("--plugin", "plugins", multiple=True, metavar="FILE", shell_complete=_files, help=file)(command)


def _files(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="file")]


def code(plugins: Sequence[str], trust: bool) -> Code:
    """The choice of code by --plugin and --trust."""
    from dltui.core.lifecycle.trust import Code

    return Code(tuple(plugins), trust)
