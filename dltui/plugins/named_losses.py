"""Losses with names: a network's own `training_step` or `training_loss` may give {"loss": total, "kl": part, ...}."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from dltui.core.errors import RunError
from dltui.core.text import clean_line, plural
from dltui.plugins import overrides

TOTAL = "loss"
"""The name of the loss that is optimized."""
MOST = 16
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
RESERVED = frozenset(("lr", "loss_min", "loss_max"))


def parts(given: object, method: object, known: Collection[str]) -> dict[str, Any]:
    """What a method gave as its loss, by name, the total first: {"loss": given} for a single one. Raises RunError for
    names that cannot be recorded; `known` are those of the metrics that dltui measures itself.
    """
    if not isinstance(given, Mapping):
        return {TOTAL: given}
    name, where = getattr(method, "__name__", "the loss"), overrides.place(method)
    if TOTAL not in given:
        told = ", ".join(clean_line(one, 40) for one in list(given)[:4]) or "nothing"
        raise RunError(f'{name} gave losses without a total: {told}; add "{TOTAL}", the one that is optimized{where}')
    others = [one for one in given if one != TOTAL]
    if len(others) > MOST:
        raise RunError(f"{name} gave {plural(len(others), 'named loss', 'named losses')}; give {MOST} at most{where}")
    for one in others:
        if not isinstance(one, str) or not NAME.fullmatch(one):
            raise RunError(f"{name} calls a loss {clean_line(one, 40)!r}; names are a-z, 0-9 and _{where}")
        if one in known or one in RESERVED:
            raise RunError(f"{name} calls a loss {one}, as something that dltui measures; call it otherwise{where}")
    return {TOTAL: given[TOTAL], **{one: given[one] for one in others}}


def no_mean(given: object, shape: Sequence[int] | None, name: str, method: object) -> RunError:
    """The error for a loss that is not the mean over a batch; `shape` is that of a tensor."""
    told = overrides.kind(given) if shape is None else f"numbers of shape {tuple(shape)}"
    of, where = getattr(method, "__name__", "the loss"), overrides.place(method)
    what = "the loss" if name == TOTAL else f"the loss {name}"
    return RunError(f"{of} gave {told} as {what}; give the mean over the batch, a tensor without dimensions{where}")


class Names:
    """The names of a method's losses, without the total: those of its first step, which all others must have."""

    def __init__(self) -> None:
        self.known: tuple[str, ...] | None = None

    def __iter__(self) -> Iterator[str]:
        return iter(self.known or ())

    def __len__(self) -> int:
        return len(self.known or ())

    def others(self, found: Mapping[str, Any], method: object) -> tuple[Any, ...]:
        """The values of the losses beside the total, in the order of the first step. Raises RunError for other names
        than there.
        """
        names = tuple(name for name in found if name != TOTAL)
        if self.known is None:
            self.known = names
        if set(names) != set(self.known):
            now, before = (", ".join(sorted(one)) or "none" for one in (names, self.known))
            name, where = getattr(method, "__name__", "the loss"), overrides.place(method)
            raise RunError(f"{name} gave the losses {now}, before {before}; give the same names at each step{where}")
        return tuple(found[name] for name in self.known)
