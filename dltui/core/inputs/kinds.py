"""The kinds of inputs that models take and datasets give, and the check that both go together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from dltui.core.contract.inputs import MASK
from dltui.core.errors import UsageError
from dltui.core.text import clean_line, suggest

if TYPE_CHECKING:
    from dltui.core.contract.inputs import Input
    from dltui.core.contract.types import InputKind

TABLE = frozenset(("numbers", "categories", "text"))
"""The names of the inputs of a table; a text is beside others."""
TITLES: dict[str, str] = {
    "single": "a single input, images or rows of numbers",
    "table": "tables of numbers and categories",
    "sequence": "sequences",
    "named": "several inputs",
}


def label(named: Sequence[Input]) -> str:
    """The inputs in a few words: `numbers 3 + categories 2`, `sequence 32 × 1`."""
    return " + ".join(clean_line(f"{one.name} {' × '.join(map(str, one.shape))}") for one in named)


def kind_of(named: Sequence[Input]) -> InputKind:
    """The kind of data with these named inputs; none is a single input."""
    if not named:
        return "single"
    if len(named) == 1 and named[0].is_sequence:
        return "sequence"
    of_table = all(one.name in TABLE and len(one.shape) == 1 and one.is_sequence == bool(one.tokens) for one in named)
    return "table" if of_table else "named"


def unknown_input(error: BaseException, named: Sequence[Input]) -> str:
    """What is told of a network that asks for an input which there is not, with those that there are; "" for any other
    error.
    """
    names = [name for one in named for name in (one.name, *([one.name + MASK] if one.padded else []))]
    seen: BaseException | None = error
    while seen is not None and names:
        asked = seen.args[0] if isinstance(seen, KeyError) and seen.args else None
        if isinstance(asked, str) and asked.isidentifier() and asked not in names:
            hint = suggest(asked, names)
            there = f"there {'is' if len(names) == 1 else 'are'} {', '.join(names)}"
            return clean_line(f'the network asks for an input "{asked}"; {f"{hint} " if hint else ""}{there}', 400)
        seen = seen.__cause__ or seen.__context__
    return ""


def fits(takes: Collection[str], gives: str) -> bool:
    """True if a model that takes these kinds can be built for data of this kind."""
    return gives in takes or ("named" in takes and gives != "single")


def check(
    model: str,
    takes: Sequence[str],
    dataset: str,
    gives: Sequence[str],
    fitting: Sequence[str],
    files: Collection[str] = (),
) -> None:
    """Check that a model takes what a dataset gives, of which one kind is enough; `fitting` are names of models that
    do, `files` says which of "model" and "dataset" come from a file of the user's own. Raises UsageError.
    """
    if any(fits(takes, kind) for kind in gives):
        return
    wanted = " or ".join(TITLES.get(kind, kind) for kind in takes)
    given = " or ".join(TITLES.get(kind, kind) for kind in gives)
    hint = f"choose {' or '.join(fitting)}" if fitting else "choose another model"
    # What is not said in a plugin is "single": its author may have forgotten it.
    if "model" in files and tuple(takes) == ("single",):
        hint += f', or write takes=("{gives[0]}",) into the Model if it is made for them'
    elif "dataset" in files and tuple(gives) == ("single",):
        hint += f', or write gives=("{takes[0]}",) into the Dataset if it has them'
    raise UsageError(f"model {model} takes {wanted}, dataset {clean_line(dataset, 100)} gives {given}; {hint}")
