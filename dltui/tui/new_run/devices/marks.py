"""The devices that are marked in the form of a new run to train together: GPUs, or processes on the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dltui.core.text import plural

if TYPE_CHECKING:
    from dltui.core.machine.devices import Device

CPU = "cpu"
LEAST = 2


def turned(marked: Mapping[str, int], name: str, found: Sequence[Device]) -> dict[str, int]:
    """The marks after one more press on a device: a GPU is marked or not, the CPU has one process more, up to one for
    each core. GPUs and the CPU do not train together, nor parts of GPUs; `auto` is not marked.
    """
    device = next((one for one in found if one.name == name), None)
    if device is None or device.problem or device.is_part or device.kind not in ("cuda", CPU):
        return dict(marked)
    if device.kind == CPU:
        from dltui.core.machine.cpu import cpu_count

        count = marked.get(CPU, 1) + 1
        return {CPU: count} if count <= max(cpu_count(), LEAST) else {}
    gpus = {other: 1 for other in marked if other != CPU}
    if name in gpus:
        del gpus[name]
        return gpus
    order = [one.name for one in found]
    return dict.fromkeys(sorted({*gpus, name}, key=order.index), 1)


def word(marked: Mapping[str, int]) -> str:
    """The word for the device of a run; "" where fewer than two are marked."""
    if CPU in marked:
        return f"{CPU}:{marked[CPU]}"
    return ",".join(marked) if len(marked) >= LEAST else ""


def marks_of(text: str, found: Sequence[Device]) -> dict[str, int]:
    """The marks that a word for several devices means; none for one device or a word that means nothing here."""
    from dltui.core.errors import UsageError
    from dltui.core.machine.devices import choose

    try:
        device = choose(text, list(found)) if found else None
    except UsageError:
        return {}
    if device is None or not device.parts:
        return {}
    return {CPU: device.world} if device.kind == CPU else {part.name: 1 for part in device.parts}


def meant(text: str, found: Sequence[Device]) -> tuple[str, str]:
    """The name of the one device that a word means, and ""; else "" and why it means none."""
    from dltui.core.errors import UsageError
    from dltui.core.machine import devices

    try:
        return devices.choose(text, list(found)).name, ""
    except UsageError as error:
        # Where only a framework finds GPUs, the start says whether there are any.
        return "", "" if devices.hides_gpu() else str(error)


def name(device: str, marked: Mapping[str, int]) -> str:
    """The name of a device in its row, with the sign of a mark."""
    if device == CPU and CPU in marked:
        return f"{CPU}:{marked[CPU]}"
    return f"*{device}" if device in marked else device


def told(marked: Mapping[str, int]) -> str:
    """What is marked, in words."""
    if CPU in marked:
        return f"{plural(marked[CPU], 'process', 'processes')} train together"
    return f"{plural(len(marked), 'GPU')} train together" if len(marked) >= LEAST else "mark another" * bool(marked)
