"""The members of model families: their names from the cache, or asked of the library in a short-lived process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from dltui.core.catalog import probe
from dltui.core.catalog.models.entry import ModelEntry
from dltui.core.errors import UsageError

FRAMEWORK_SECONDS = 120.0
"""A framework's first import over a slow disk."""
MOST_COUNTED = 40
"""Members whose parameters are counted at once: each network is built for it."""

MEMBER_SECONDS = 10.0
"""For building a large network on a busy machine."""


@dataclass(frozen=True)
class MemberEntry:
    """A member of a family. `weights` is "here", "download" or "" for none; `parameters` is 0 until counted."""

    name: str
    image_size: int = 0
    weights: str = ""
    parameters: int = 0


@dataclass(frozen=True)
class FamilyEntry:
    """Models that are found by name. `model` has what its members share; `key` is that of the list of its members in
    the cache.
    """

    name: str
    model: ModelEntry
    key: str = ""

    def member(self, found: MemberEntry) -> ModelEntry:
        """The model of a member."""
        reference = f"{self.name}:{found.name}"
        return replace(self.model, id=reference, name=reference, image_size=found.image_size)


def members(family: FamilyEntry) -> tuple[MemberEntry, ...]:
    """All members, without their parameters. Raises UsageError where the library cannot tell them."""
    known = kept_members(family)
    if known:
        return known
    found = probe.answer(*_question(family, "members"), {"family": family.name}, FRAMEWORK_SECONDS)
    probe.keep(family.key, found)
    return _entries(found)


def kept_members(family: FamilyEntry) -> tuple[MemberEntry, ...]:
    """The members as far as they are known without starting a process."""
    return _entries(probe.kept(family.key) or {})


def about(family: FamilyEntry, names: Sequence[str]) -> list[MemberEntry]:
    """The members of these names with their parameters, and whether their weights are here. Raises UsageError."""
    details = {"family": family.name, "names": list(names)}
    seconds = FRAMEWORK_SECONDS + MEMBER_SECONDS * len(names)
    return list(_entries(probe.answer(*_question(family, "about-members"), details, seconds)))


def fitting(family: FamilyEntry, pattern: str) -> list[MemberEntry]:
    """The members whose name fits a pattern such as resnet*; all for an empty one. Raises UsageError."""
    return [member for member in members(family) if not pattern or fnmatchcase(member.name, pattern)]


def references(known: Iterable[FamilyEntry]) -> list[str]:
    """The references FAMILY:NAME of all members that can be used here. A family that cannot tell its members is left
    out.
    """
    found: list[str] = []
    for family in known:
        with contextlib.suppress(UsageError):
            found += [f"{family.name}:{member.name}" for member in (members(family) if family.model.available else ())]
    return found


def matching(names: Iterable[str], typed: str) -> list[str]:
    """The names that contain all typed words, those first that begin with the last of them."""
    words = typed.lower().replace(":", " ").split()
    found = [name for name in names if all(word in name.lower() for word in words)]
    last = words[-1] if words else ""
    return sorted(found, key=lambda name: not name.rpartition(":")[2].startswith(last))


def _question(family: FamilyEntry, question: str) -> tuple[str, str, Any]:
    source = family.model.source
    return str(source["python"]), question, source


def _entries(record: dict[str, Any]) -> tuple[MemberEntry, ...]:
    """The members in an answer; what cannot be read is left out."""
    given = record.get("members")
    entries = []
    for item in given if isinstance(given, list) else ():
        try:
            entries.append(
                MemberEntry(
                    str(item["name"]), int(item["image_size"]), str(item["weights"]), int(item.get("parameters", 0))
                )
            )
        except (KeyError, TypeError, ValueError):
            continue
    return tuple(entries)
