"""`dltui completion SHELL`, and the answers to the Tab key: names from the kept catalog and the runs' folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem, get_completion_class

from dltui.core.errors import DltuiError
from dltui.tui.cli.output import visible

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog

_HARMLESS = re.compile(r"[\w.,:/@%+=-]+")
SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_DLTUI_COMPLETE"
USE = {
    "bash": 'eval "$(dltui completion bash)"    # in ~/.bashrc',
    "zsh": 'eval "$(dltui completion zsh)"    # in ~/.zshrc, after compinit',
    "fish": "dltui completion fish | source    # in ~/.config/fish/config.fish",
}
WHOLE_WORDS = """\
# Bash takes timm:resnet18 and folder:PATH apart at the colon.
_dltui_whole_words() {
    local -a split=("${COMP_WORDS[@]}") words=()
    local i word
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${split[i]}
        if ((${#words[@]} > 1)) && [[ $word == :* || ${words[-1]} == *: ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
    done
    local -a COMP_WORDS=("${words[@]}")
    local COMP_CWORD=$((${#words[@]} - 1)) typed=${words[-1]}
    _dltui_completion "$@"
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *: ]]; then
        compopt -o nospace 2> /dev/null
    fi
    if [[ $COMP_WORDBREAKS == *:* && $typed == *:* ]]; then
        # What is before the colon stands there already.
        COMPREPLY=("${COMPREPLY[@]#"${typed%"${typed##*:}"}"}")
    fi
}
complete -o nosort -F _dltui_whole_words dltui
"""


@click.command(epilog="  ".join(f"{shell}: {line}." for shell, line in USE.items()))
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> int:
    """Print the script that lets a shell complete commands, options, models, datasets and runs."""
    found = get_completion_class(shell)
    assert found is not None, "click knows these three"
    root = click.get_current_context().find_root()
    script = found(root.command, {}, "dltui", VARIABLE)
    # Not source(), which runs bash to look at its version.
    click.echo(script.source_template % script.source_vars())
    if shell == "bash":
        click.echo(WHOLE_WORDS)
    click.echo(f"# To use it: {USE[shell]}")
    return 0


def launchers(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of launchers."""
    catalog = context.obj or kept_catalog(_plugins(context))
    return _items(((entry.name, entry.summary) for entry in catalog.launchers.values()), incomplete)


def models(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The ids of models."""
    from dltui.core.catalog.models.families import kept_members

    catalog = context.obj or kept_catalog(_plugins(context))
    found = {entry.id: entry.summary if entry.available else entry.reason for entry in catalog.models.values()}
    for family in catalog.families.values():
        if incomplete.startswith(f"{family.name}:"):
            found |= {f"{family.name}:{member.name}": "" for member in kept_members(family)}
        else:
            found[f"{family.name}:"] = family.model.summary if family.model.available else family.model.reason
    return _items(found.items(), incomplete)


def twins(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names that models of several frameworks share."""
    catalog = context.obj or kept_catalog(_plugins(context))
    frameworks: dict[str, list[str]] = {}
    for entry in catalog.models.values():
        frameworks.setdefault(entry.name, []).append(entry.framework)
    return _items(((name, ", ".join(of)) for name, of in frameworks.items() if len(of) > 1), incomplete)


def datasets(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of datasets, restricted to those that fit the model where a model is given."""
    catalog = context.obj or kept_catalog(_plugins(context))
    model = getattr(context.command, "model", None)
    fitting = [entry for entry in catalog.datasets.values() if model is None or entry.suits(model)]
    # What takes a path goes on with one.
    return _items(
        (((f"{entry.name}:" if entry.needs_path else entry.name), entry.summary) for entry in fitting), incomplete
    )


def runs(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The ids of runs, by their folder names alone, because reading all runs would take too long."""
    from dltui.core import paths

    taken = context.params.get(parameter.name or "")
    already = set(taken) if isinstance(taken, (list, tuple)) else set()
    try:
        with os.scandir(paths.runs_dir()) as entries:
            names = sorted(entry.name for entry in entries if entry.name[0] not in ".-")
    except OSError:
        return []
    return _items(((name, "") for name in names if name not in already), incomplete)


def devices(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The words for devices, without asking a driver for GPUs."""
    return _items(((name, "") for name in ("auto", "cpu", "cuda", "cuda:0", "mps")), incomplete)


def files(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="file")]


def folders(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="dir")]


def kept_catalog(plugins: Sequence[str] = ()) -> Catalog:
    """The catalog as far as it is known without starting a process; empty where it cannot be read."""
    from dltui.core.catalog.assemble import load_catalog
    from dltui.core.catalog.entries import Catalog

    try:
        return load_catalog(plugins=[*plugins], kept_only=True)
    except (DltuiError, OSError):
        return Catalog()


def _plugins(context: click.Context) -> list[str]:
    return [str(path) for path in context.params.get("plugins") or () if os.path.isfile(path)]  # noqa: PTH113


def _items(found: Iterable[tuple[str, str]], incomplete: str) -> list[CompletionItem]:
    """The items that begin with the typed text. The shell inserts them unquoted: names with characters that it would
    interpret are left out.
    """
    fitting = [(name, text) for name, text in found if name.startswith(incomplete) and _HARMLESS.fullmatch(name)]
    return [CompletionItem(name, help=visible(text) or None) for name, text in fitting]
