"""`dltui devices`: the devices to train on; a framework is asked only for a GPU that no driver lists."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from dltui.core import numbers
from dltui.tui.cli.output import say_json, say_table

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog
    from dltui.core.machine.devices import Device

HEADER = ["DEVICE", "WHAT", "FREE", "LOAD", "UUID", ""]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON array of objects")
def devices(as_json: bool) -> int:
    """List the devices of this machine; `--device auto` takes the first that is best."""
    from dltui.core.catalog.framework_devices import list_devices
    from dltui.core.machine import devices as machine

    found = list_devices(_catalog() if machine.hides_gpu() else None)
    if as_json:
        say_json([asdict(device) for device in found])
        return 0
    rows = [HEADER, *[row(device) for device in found]]
    # A machine without a GPU has nothing to say in most columns.
    used = [column for column in range(len(HEADER)) if any(entry[column] for entry in rows[1:])]
    say_table([[entry[column] for column in used] for entry in rows], yielding=range(len(used) - 1, 0, -1))
    return 0


def _catalog() -> Catalog:
    from dltui.core.catalog.assemble import load_catalog

    return load_catalog()


def row(device: Device) -> list[str]:
    """A device as a line of the table."""
    memory = ""
    if device.total_bytes:
        free = numbers.size(device.free_bytes) if device.free_bytes is not None else "?"
        memory = f"{free} of {numbers.size(device.total_bytes)}"
    load = f"{device.utilization:.0f} %" if device.utilization is not None else ""
    users = ", ".join(sorted({str(process[0]) for process in device.processes or []}))
    note = f"not usable: {device.problem}" if device.problem else (f"used by {users}" if users else "")
    return [device.name, device.title, memory, load, device.uuid or "", note]
