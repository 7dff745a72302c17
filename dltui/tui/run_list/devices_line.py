"""The devices of this machine in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dltui.core.text import safe
from dltui.tui.draw.styled_text import Row, cells

if TYPE_CHECKING:
    from dltui.core.machine.devices import Device

GIGA = 1e9
MOST, MEMORY, LOAD = 3, 2, 1
"""The levels of detail about a device: with name and memory, with memory, without both."""


def line(devices: Sequence[Device], width: int) -> Row:
    """All devices side by side, in as much detail as fits: `cuda:0 T4 92 % 11.3 of 16 GB alice`."""
    row: Row = []
    for detail in (MOST, MEMORY, LOAD):
        row = [(" ", "")]
        for number, device in enumerate(devices):
            row += [("   ", "")] if number else []
            row += _device(device, detail)
        if cells(row) <= width:
            break
    return row


def _device(device: Device, detail: int) -> Row:
    row: Row = [(device.name, "bold")]
    row += [(f" {safe(device.title)}", "dim")] if detail == MOST else []
    if device.problem:
        return [*row, (f" {safe(device.problem) if detail == MOST else 'cannot be used'}", "bad")]
    if device.utilization is not None:
        row.append((f" {device.utilization:.0f} %", "warn" if device.utilization >= 50 else "good"))
    if detail >= MEMORY and device.total_bytes and device.free_bytes is not None:
        used = device.total_bytes - device.free_bytes
        row.append((f" {used / GIGA:.1f} of {device.total_bytes / GIGA:.0f} GB", "dim"))
    users = sorted({safe(process[0]) for process in device.processes})
    return [*row, (f" {', '.join(users)}", "warn")] if users else row
