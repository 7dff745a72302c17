"""The devices of a run whose launcher chooses the machine, or starts several workers that train it together."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from dltui.core.catalog.framework_devices import resolve
from dltui.core.errors import UsageError
from dltui.core.machine.devices import OPEN, Device
from dltui.core.rundir.launch import Chosen, device_word, workers
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, LauncherEntry


def check_word(word: str, launcher: Chosen) -> None:
    """Raises UsageError for a word that means several devices, or a certain one, where there are several workers."""
    if workers(launcher) > 1 and (":" in word or "," in word):
        each = f"each of {workers(launcher)} workers trains on one device of its machine"
        raise UsageError(f"{each}: --device is auto, cpu or cuda, got {clean_line(word, 40)}")


def device(
    word: str, launcher: Chosen, entry: LauncherEntry | None, catalog: Catalog, kinds: Collection[str] = ()
) -> Device:
    """The device of a new run, of `kinds` where it is chosen here; one that its launcher's machine chooses stays open.
    Raises UsageError.
    """
    check_word(word, launcher)
    if entry is None or not entry.away or (word == "cpu" and workers(launcher) == 1):
        return resolve(word, catalog, kinds)
    return Device(device_word(launcher, word), OPEN)


def ranks(found: Device, launcher: Chosen) -> tuple[str, int]:
    """The devices of a new run in words, and how many."""
    count = workers(launcher)
    if count > 1:
        return f"{count} workers", count
    return found.name, found.name.count(",") + 1 if found.title == OPEN else found.world
