"""The members of model families: their names from the cache, or asked of the library in a short-lived process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from dltui.core.catalog import probe
from dltui.core.catalog.entries import FamilyEntry, MemberEntry
from dltui.core.catalog.questions import FRAMEWORK_SECONDS
from dltui.core.errors import UsageError

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog

MOST_COUNTED = 40
"""Members whose parameters are counted at once: each network is built for it."""

MEMBER_SECONDS = 10.0
"""For building a large network on a busy machine."""


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


def references(catalog: Catalog) -> list[str]:
    """The references FAMILY:NAME of all members that can be used here. A family that cannot tell its members is left
    out.
    """
    found: list[str] = []
    for family in catalog.families.values():
        with contextlib.suppress(UsageError):
            found += [f"{family.name}:{member.name}" for member in members(family) if family.model.available]
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
