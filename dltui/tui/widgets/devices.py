"""The devices of this machine, in one line and as a list to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.tui.ink import Row, safe

if TYPE_CHECKING:
    from dltui.core.devices import Device
    from dltui.tui.services import Services

GIGA = 1e9


class DeviceLine:
    """Reads the devices again and again."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def read(self) -> Row:
        return line(self._services.devices())


def line(devices: list[Device]) -> Row:
    """All devices beside one another: `cuda:0 T4 92 % 11 of 16 GB alice`."""
    row: Row = [(" ", "")]
    for number, device in enumerate(devices):
        if number:
            row.append(("   ", "rule"))
        row += [(device.name, "bold" if device.name != "cpu" else ""), (f" {safe(device.title)}", "dim")]
        load = _load(device)
        if load:
            row.append((f" {load}", "dim"))
    return row


def _load(device: Device) -> str:
    if device.problem:
        return safe(device.problem)
    parts = []
    if device.utilization is not None:
        parts.append(f"{device.utilization:.0f} %")
    if device.total_bytes and device.free_bytes is not None:
        used = device.total_bytes - device.free_bytes
        parts.append(f"{used / GIGA:.1f} of {device.total_bytes / GIGA:.0f} GB")
    users = sorted({safe(process[0]) for process in device.processes or ()})
    return " ".join([*parts, ", ".join(users)]).strip()
