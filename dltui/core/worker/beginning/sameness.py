"""Compares the data and model of a run with those of today. Resuming is refused where they differ; a fork may
mix them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.contract import Data
    from dltui.core.rundir.events import AttemptStarted

MOST_NAMES = 3


def refusal(run_id: str, problems: Sequence[str]) -> str:
    """The one-line reason why a run cannot be resumed, with the alternative."""
    name = clean_line(run_id, 80)
    return clean_line(f"{'; '.join(problems)}: {name} would mix the two; go on in a new run: dltui fork {name}", 500)


def data(attempt: AttemptStarted, now: Data) -> list[str]:
    """The lines about data that differ from those of an attempt; empty when they are the same to the last byte."""
    before = attempt.dataset
    if before.get("fingerprint") in (None, "", now.fingerprint):
        return []
    sizes = {name: len(now.split(name)) for name in ("train", "validation", "test")}
    parts = [*_classes(before.get("classes") or (), now.spec.classes), *_sizes(before.get("sizes") or {}, sizes)]
    return [f"differs: the data of {clean_line(before.get('name'), 80)}: {', '.join(parts) or 'other content'}"]


def _classes(before: Sequence[Any], now: Sequence[str]) -> list[str]:
    gone = [clean_line(name, 40) for name in before if name not in now]
    new = [clean_line(name, 40) for name in now if name not in before]
    if gone and len(gone) == len(new) and len(before) == len(now):
        pairs = [f"class {a} is {b} now" for a, b in zip(gone, new, strict=True)]
        return _some(pairs)
    found = [f"class{'es' if len(gone) > 1 else ''} {', '.join(_some(gone))} gone"] if gone else []
    found += [f"class{'es' if len(new) > 1 else ''} {', '.join(_some(new))} new"] if new else []
    return found or (["the classes stand in another order"] if list(before) != list(now) else [])


def _some(names: Sequence[str]) -> list[str]:
    more = len(names) - MOST_NAMES
    return [*names[:MOST_NAMES], *([f"{more} more"] if more > 0 else [])]


def _sizes(before: Mapping[str, Any], now: Mapping[str, int]) -> list[str]:
    changed = [name for name in now if before.get(name) not in (None, now[name])]
    return [f"{before[name]:,} {name} samples then, {now[name]:,} today" for name in changed]


def model(attempt: AttemptStarted, source: Mapping[str, Any]) -> list[str]:
    """The lines about model code that differs from that of an attempt: a file by its code and that of the files beside
    it which it imports, a package also by its version.

    Comments do not count. Empty when it is not known.
    """
    from dltui.core.worker import fingerprint

    before, now = attempt.plugin, fingerprint.plugin(dict(source))
    name = clean_line(Path(str(source.get("path") or source.get("name"))).name, 80)
    if before.get("code") and now.get("code") and before["code"] != now["code"]:
        return [f"differs: {name}, the code of the model, has changed"]
    if before.get("beside") and now.get("beside") and before["beside"] != now["beside"]:
        return [f"differs: a file beside {name} that it imports has changed"]
    if before.get("name") == now.get("name") and source.get("kind") != "file" and name != "dltui":
        versions = [clean_line(found.get("version") or "?", 40) for found in (before, now)]
        return [f"differs: {name} {versions[0]} then, {versions[1]} today"] if versions[0] != versions[1] else []
    return []


def gone(config: Mapping[str, Any], known: Iterable[str]) -> list[str]:
    """The lines about hyperparameters that a run was trained with and that its model no longer has."""
    missing = [name for name in config if name not in set(known)]
    return [f"differs: the model has no {clean_line(name, 60)} any more (it was {config[name]})" for name in missing]
