"""Shortens names that begin alike so that they differ in the few available cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import takewhile

from dltui.core.text import shorten, width


def shortened_names(names: Sequence[str], size: int, ellipsis: int = 1) -> list[str]:
    """The names shortened by their common parts until they differ when cut to `size` cells, of which `ellipsis` are
    taken by the ellipsis. Names that fit stay unchanged.
    """
    if max(map(width, names), default=0) <= size or len(set(names)) < 2:
        return list(names)
    room = max(size - ellipsis, 1)
    found = _differing(_without(names, _shared_words(names)), room)
    seen = Counter(_start(name, room) for name in found)
    # What was left out told these apart from one another.
    return [
        f"{_start(name, room // 3)}…{rest}" if seen[_start(rest, room)] > 1 and rest != name else rest
        for name, rest in zip(names, found, strict=True)
    ]


def _start(name: str, room: int) -> str:
    """As much of a name as fits into `room` cells, at least a letter."""
    return shorten(name, room, "") or name[:1]


def _differing(names: Sequence[str], room: int) -> list[str]:
    """The names without the parts that similar names share, applied repeatedly."""
    groups: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        groups.setdefault(_start(name, room), []).append(place)
    found = list(names)
    for places in groups.values():
        alike = [names[place] for place in places]
        shared = _shared_words(alike) or _shared(alike)
        if shared and len(set(alike)) > 1:
            for place, name in zip(places, _differing(_without(alike, shared), room), strict=True):
                found[place] = name
    return found


def _without(names: Sequence[str], shared: str) -> list[str]:
    """The rest of each name."""
    return [name[len(shared) :] for name in names]


def _shared_words(names: Sequence[str]) -> str:
    """The common beginning of all names, up to the end of a word."""
    return _shared(names).rstrip("".join(filter(str.isalnum, set(names[0]))))


def _shared(names: Sequence[str]) -> str:
    """The common beginning of all names, without a part of a number; each name keeps a letter."""
    shortest = min(map(len, names), default=0)
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in alike)[: max(shortest - 1, 0)].rstrip("0123456789")
