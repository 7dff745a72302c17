"""Devices of this machine as drivers tell of them, and where none does (AMD, Jetson), as a framework finds them."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from dltui.core.errors import UsageError
from dltui.core.machine import devices, process
from dltui.core.machine.devices import Device
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog

VISIBLE = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
PROBLEM_SECONDS = 60.0
"""A GPU with a problem is tried again after this time: another program may have had its memory."""


def list_devices(catalog: Catalog | None = None) -> list[Device]:
    """CUDA devices (AMD's count as such), then mps, then the CPU. Without a catalog no framework is asked: what one
    answered before is known."""
    told = devices.list_devices()
    # A GPU that works has answered: it is not asked once more whether there are any.
    if any(one.kind == "cuda" and not one.problem for one in told) or not devices.hides_gpu():
        return told
    found = _found(catalog)
    # A driver's problem with its GPUs says nothing where a framework can use them.
    return [*found, *(device for device in told if device.kind != "cuda")] if found else told


def resolve(text: str, catalog: Catalog | None = None, kinds: Collection[str] = ()) -> Device:
    """The device that a word means; `auto` is one of `kinds`, if there are any. Raises UsageError for an unknown word
    and for a GPU that does not work.
    """
    wants_cpu = text.strip().lower().partition(":")[0] == "cpu"
    return devices.choose(text, devices.list_devices() if wants_cpu else list_devices(catalog), kinds)


def _found(catalog: Catalog | None) -> list[Device]:
    """GPUs that a framework finds; its answer is kept until the machine boots or another framework is installed; that
    of a GPU with a problem for a minute.
    """
    from dltui.core.catalog import probe
    from dltui.core.catalog.sources import digest

    key = "devices-" + digest([process.boot_id(), *(os.environ.get(name) for name in VISIBLE)])
    versions = {} if catalog is None else {entry.python: entry.version for entry in catalog.backends.values()}
    record = probe.kept(key)
    if catalog is not None and (record is None or record.get("versions") != versions or _is_due(record)):
        record = {"versions": versions, "devices": _asked(catalog), "asked": time.time()}
        record |= {} if record["devices"] else {"retry": time.time() + probe.RETRY_SECONDS}
        probe.keep(key, record)
    return [_device(answer) for answer in (record or {}).get("devices") or () if isinstance(answer, dict)]


def _is_due(record: Mapping[str, Any]) -> bool:
    """True if it is time to ask again; until somebody does the answer is the best there is."""
    problem = any(isinstance(answer, dict) and answer.get("problem") for answer in record.get("devices") or ())
    return problem and float(record.get("asked") or 0.0) + PROBLEM_SECONDS < time.time()


def _asked(catalog: Catalog) -> list[dict[str, Any]]:
    """The GPUs of the first framework that finds any; [] when none does."""
    from dltui.core.catalog import questions

    for backend in catalog.backends.values():
        if backend.version is None or backend.problem:
            continue
        try:
            answers = questions.framework_devices(backend)
        except UsageError:
            continue
        found = [answer for answer in answers if str(answer.get("device")).startswith("cuda:")]
        if found:
            return found
    return []


def _device(answer: dict[str, Any]) -> Device:
    problem = answer.get("problem")
    name = clean_line(answer.get("device"), 20)
    return Device(
        name, clean_line(answer.get("name") or name, 80), problem=clean_line(problem, 200) if problem else None
    )
