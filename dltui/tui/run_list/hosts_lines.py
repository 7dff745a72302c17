"""The other hosts above the list of runs: a line for each with its devices, grayed with the reason while it does not
answer; on a small screen several in a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dltui.core.text import plural
from dltui.core.text import width as cells_of
from dltui.tui.draw.styled_text import Row, cells, cut, fit, left
from dltui.tui.run_list import devices_line

if TYPE_CHECKING:
    from dltui.tui.base.hosts.elsewhere import HostLine

NAME = 14
BUSY_PERCENT = 50.0


def rows(hosts: Sequence[HostLine], width: int, height: int) -> list[Row]:
    """The hosts in at most `height` rows."""
    if len(hosts) <= height:
        return [fit(_host(host, width), width) for host in hosts]
    return _packed(hosts, width, height)


def wanted(hosts: Sequence[HostLine], screen: int) -> int:
    """The rows that the hosts may have on a screen of so many rows: the runs below are worth more."""
    return min(len(hosts), max(screen // 6 - 1, 3))


def _host(host: HostLine, width: int) -> Row:
    name = left(host.name, max(min(NAME, width // 4), len(host.name) + 1) if len(host.name) < width // 4 else NAME)
    if host.problem:
        again = f"; again in {host.again} s" if host.again else ""
        text = f"does not answer: {host.problem}" if host.failed else host.problem
        text = cut(text, width - cells_of(f" {name} {again}") - 1)
        return [(f" {name} {text}{again}", "faint")]
    row: Row = [(f" {name}", "bold"), *([(f" {host.note}  ", "warn")] if host.note else [])]
    if host.devices is None:
        return [*row, (" looking ...", "dim")]
    return [*row, *devices_line.line(host.devices, width - cells(row))]


def _packed(hosts: Sequence[HostLine], width: int, height: int) -> list[Row]:
    """Several hosts in a row, in short; what does not fit is counted."""
    parts = [_short(host) for host in hosts]
    found: list[Row] = [[]]
    for number, part in enumerate(parts):
        rest = len(parts) - number
        more = f"  and {plural(rest, 'more host')}"
        room = width - (len(more) if len(found) == height and rest > 1 else 0)
        if found[-1] and cells(found[-1]) + cells(part) > room:
            if len(found) == height:
                found[-1] = [*found[-1], (more, "dim")]
                break
            found.append([])
        found[-1] = [*found[-1], *part]
    return [fit(row, width) for row in found]


def _short(host: HostLine) -> Row:
    """A host in short: `gpu01 2 of 4 free`, or grayed with the beginning of its reason."""
    if host.problem or host.devices is None:
        return [(f" {host.name} {cut(host.problem or '...', 24)}  ", "faint")]
    gpus = [device for device in host.devices if device.kind != "cpu" and not device.problem]
    free = [one for one in gpus if not one.processes and (one.utilization or 0.0) < BUSY_PERCENT]
    text = f" {len(free)} of {plural(len(gpus), 'device')} free  " if gpus else " cpu  "
    return [(f" {host.name}", "bold"), (text, "good" if free or not gpus else "warn")]
