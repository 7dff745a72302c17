"""The Hardware tab: GPUs, processors, memory and disk, with the last two minutes as sparklines, and GPU processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dltui.core.analysis import cost
from dltui.core.numbers import size
from dltui.core.reading.summary import step_micros
from dltui.core.text import plural, safe
from dltui.core.text import width as cells_of
from dltui.tui.draw.styled_text import Row, bar, cells, fit, left, right
from dltui.tui.draw.wording import spark
from dltui.tui.run_page.tab import Tab

if TYPE_CHECKING:
    from dltui.core.machine.devices import Device
    from dltui.core.machine.usage import Sample
    from dltui.tui.draw.styled_text import Look
    from dltui.tui.run_page.hardware_watch import Hardware
    from dltui.tui.run_page.view import RunView

NAME, VALUE = 14, 20
BUSY = 50.0
GIGA = 1e9
OURS = "this run"
NO_LINES: Mapping[str, str] = {}
MOST_RANKS = 8
"""So many ranks are told one by one."""
WITH_HISTORY = 60
"""The columns from which on the row of a GPU has its history."""
LEAST_HISTORY = 6
LONGEST = 120
"""Cells of a history: a sample each."""


class HardwareTab(Tab):
    """The tab about the machine on which the screen runs, sampled while the tab is open."""

    name = "Hardware"

    @property
    def wants(self) -> frozenset[str]:
        return frozenset({"hardware"})

    def rows(self, width: int, height: int) -> list[Row]:
        view = self.run.shown
        if view is None:
            return []
        lines = {"steps": steps_line(view), "ranks": ranks_line(view), "energy": energy_line(view)}
        return hardware(view.hardware, width, height, self.at, self.page.host.look, lines)

    def length(self) -> int:
        return length(self.run.shown.hardware) if self.run.shown is not None else 0


def hardware(
    found: Hardware | None, width: int, height: int, first: int, look: Look, lines: Mapping[str, str] = NO_LINES
) -> list[Row]:
    """The rows from `first` on where not all fit; before scrolling is needed, GPUs are reduced to a row each. `lines`
    are about the run: how its steps are run, what it has used."""
    if found is None:
        return [[], [("  measuring ...", "dim")]]
    last: list[Row] = [[(f"   {left(name, NAME)}", "dim"), (text, "")] for name, text in lines.items() if text]
    rows = _strips(found, width, look, short=False) + last
    if len(rows) > height - 1:
        rows = _strips(found, width, look, short=True) + last
    start = max(0, min(first, len(rows) - height + 1))
    return [fit(_whole(row, width), width) for row in [_title(found), *rows[start : start + height - 1]]]


def _whole(row: Row, width: int) -> Row:
    """The row without the parts at its end that do not fit."""
    shown = list(row)
    while len(shown) > 2 and cells(shown) > width:
        shown.pop()
    return shown


def steps_line(view: RunView) -> str:
    """How the steps of a run are run, in what precision, and how long one takes: "graph, fp32, 118 us each"."""
    attempt, micros = view.history.attempt, step_micros(view.history)
    if attempt is None or not attempt.mode:
        return ""
    precision = view.asked.get("config", {}).get("precision", "")
    parts = (attempt.mode, str(precision), f"{micros:,.0f} us each" if micros else "")
    return safe(", ".join(part for part in parts if part))


def ranks_line(view: RunView) -> str:
    """How fast each of several ranks is while it does not wait for the others, and which is the slowest: "1,250 and
    1,180 samples/s; slowest: rank 1, cuda:1"."""
    attempt, speeds = view.history.attempt, view.live.ranks if view.live else ()
    if len(speeds) < 2:
        return ""
    slowest = speeds.index(min(speeds))
    devices = (attempt.device.get("devices") if attempt else None) or ()
    name = f", {devices[slowest].get('name')}" if slowest < len(devices) else ""
    shown = ", ".join(f"{speed:,.0f}" for speed in speeds[:MOST_RANKS])
    more = f" and {len(speeds) - MOST_RANKS} more" if len(speeds) > MOST_RANKS else ""
    return safe(f"{shown}{more} samples/s; slowest: rank {slowest}{name}")


def energy_line(view: RunView) -> str:
    """What a run has used so far, and its price: "12.4 Wh (GPU 11, CPU 1.4), 0.52 EUR"."""
    return safe(cost.line(cost.cost(view.history, view.live, view.prices)))


def length(found: Hardware | None) -> int:
    """The largest number of rows."""
    return 0 if found is None else 11 + sum(1 + len(gpu.processes) for gpu in found.latest.gpus)


def _title(found: Hardware) -> Row:
    row: Row = [(" hardware ", "heading"), (f" {safe(found.latest.host)}", "")]
    if found.elsewhere:
        there = safe(found.elsewhere)
        return [*row, (f"   this machine; the run is on {there}, look there for its own", "warn")]
    return [*row, ("   the last two minutes, once a second", "dim")]


def _strips(found: Hardware, width: int, look: Look, short: bool) -> list[Row]:
    rows: list[Row] = []
    for number, gpu in enumerate(found.latest.gpus):
        past = [sample.gpus[number] for sample in found.samples if number < len(sample.gpus)]
        rows += [_line(gpu, past, found, look, width)] if short else _gpu(gpu, past, found, width, look)
    if not found.latest.gpus:
        rows.append([(" no GPU on this machine", "dim")])
    return [*rows, *([] if short else [[]]), *_machine(found, width, look)]


def _gpu(gpu: Device, past: Sequence[Device], found: Hardware, width: int, look: Look) -> list[Row]:
    """The name, load, memory, temperature and power of a GPU, then its processes."""
    rows: list[Row] = [[(f" {gpu.name}", "bold"), (f"  {safe(gpu.title)}", "dim")]]
    if gpu.problem:
        return [*rows, [(f"   {safe(gpu.problem)}", "bad")]]
    room = min(max(width - NAME - VALUE - 4, 4), LONGEST)
    if gpu.utilization is not None:
        busy = gpu.utilization >= BUSY
        loads = [one.utilization for one in past if one.utilization is not None]
        text = f"{gpu.utilization:.0f} %" + (" busy" if busy else "")
        rows.append(_strip("load", text, loads, 100.0, room, look, "warn" if busy else "good"))
    if gpu.total_bytes and gpu.free_bytes is not None:
        used = [(one.total_bytes or 0) - (one.free_bytes or 0) for one in past]
        rows.append(_strip("memory", _of(used[-1], gpu.total_bytes), used, gpu.total_bytes, room, look))
    rows += _temperature_and_power(gpu, past, room, look)
    return [*rows, *_processes(gpu, found)]


def _temperature_and_power(gpu: Device, past: Sequence[Device], room: int, look: Look) -> list[Row]:
    rows: list[Row] = []
    if gpu.temperature is not None:
        degrees = [one.temperature for one in past if one.temperature is not None]
        rows.append(_strip("temperature", f"{gpu.temperature:.0f} °C", degrees, 100.0, room, look))
    if gpu.power is not None:
        watts = [one.power for one in past if one.power is not None]
        rows.append(_strip("power", f"{gpu.power:.0f} W", watts, max([*watts, 1.0]), room, look))
    return rows


def _processes(gpu: Device, found: Hardware) -> list[Row]:
    rows: list[Row] = []
    for user, pid, used in gpu.processes:
        whose = OURS if _is_ours(pid, found) else safe(user)
        memory = f"  {size(used)}" if used else ""
        rows.append([(f"   {left('held by', NAME)}", "dim"), (whose, "accent" if whose == OURS else "warn")])
        rows[-1].append((f"  process {pid}{memory}", "dim"))
    return rows


def _is_ours(pid: int, found: Hardware) -> bool:
    """True for a process of the run: its worker, or one that this has started, such as a rank."""
    worker = found.latest.worker
    return worker is not None and pid in (worker.pid, *worker.pids)


def _line(gpu: Device, past: Sequence[Device], found: Hardware, look: Look, width: int) -> Row:
    """A GPU in one row."""
    row: Row = [(f" {left(gpu.name, 8)}", "bold")]
    if gpu.problem:
        return [*row, (safe(gpu.problem), "bad")]
    if gpu.utilization is not None:
        loads = [one.utilization for one in past if one.utilization is not None]
        busy = gpu.utilization >= BUSY
        row += [(right(f"{gpu.utilization:.0f} %", 6), "warn" if busy else "good")]
        row += (
            [(f" {right(_history(loads, 100.0, 12, look), 12)} ", "train")] if width >= WITH_HISTORY else [("  ", "")]
        )
    if gpu.total_bytes and gpu.free_bytes is not None:
        memory = _of(gpu.total_bytes - gpu.free_bytes, gpu.total_bytes)
        row.append((right(memory, 18 if width >= WITH_HISTORY else len(memory)), ""))
    row += [(f" {gpu.temperature:.0f} °C", "dim")] if gpu.temperature is not None else []
    row += [(f" {gpu.power:.0f} W", "dim")] if gpu.power is not None else []
    users = sorted({OURS if _is_ours(pid, found) else safe(user) for user, pid, _ in gpu.processes})
    return [*row, (f"  {', '.join(users)}", "accent" if users == [OURS] else "warn")] if users else row


def _machine(found: Hardware, width: int, look: Look) -> list[Row]:
    """The rows of processors, memory, disk, and the run's own process."""
    now, room = found.latest, min(max(width - NAME - VALUE - 4, 4), LONGEST)
    loads = [sample.cpu for sample in found.samples if sample.cpu is not None]
    text = "-" if now.cpu is None else f"{now.cpu:.0f} % of {plural(now.cores, 'core')}"
    used = [sample.memory_used for sample in found.samples]
    rows: list[Row] = [
        _strip("cpu", text, loads, 100.0, room, look),
        _strip("memory", _of(now.memory_used, now.memory_total), used, now.memory_total, room, look),
    ]
    if now.disk_total and now.disk_free is not None:
        taken = 1 - now.disk_free / now.disk_total
        short = now.disk_free < 0.05 * now.disk_total
        row: Row = [(f"   {left('disk', NAME)}", "dim"), (left(f"{size(now.disk_free)} free", VALUE), "")]
        drawn = bar(taken, 8, "bad" if short else "train") if room >= 8 else []
        rows.append([*row, *drawn, *_rates(now)])
    return [*rows, *_worker(now)]


def _rates(now: Sample) -> Row:
    if now.read_rate is None or now.write_rate is None:
        return []
    return [(f"  read {size(round(now.read_rate))}/s  write {size(round(now.write_rate))}/s", "dim")]


def _worker(now: Sample) -> list[Row]:
    if now.worker is None:
        return []
    cpu = "" if now.worker.cpu is None else f"{now.worker.cpu / 100:.1f} of {plural(now.cores, 'core')}"
    row: Row = [(f"   {left('this run', NAME)}", "dim"), (left(cpu, VALUE), "")]
    return [[*row, (f"{size(now.worker.rss)} of memory  process {now.worker.pid}", "dim")]]


def _strip(
    name: str, text: str, past: Sequence[float], most: float, room: int, look: Look, style: str = "train"
) -> Row:
    """A name, a value, and a sparkline of its history with the latest value at the right."""
    row: Row = [(f"   {left(name, NAME)}", "dim"), (left(text, VALUE), "bold")]
    if room < LEAST_HISTORY:
        return row
    drawn = _history(past, most, room, look)
    return [*row, ("·" * (room - cells_of(drawn)), "empty"), (drawn, style)]


def _history(past: Sequence[float], most: float, room: int, look: Look) -> str:
    return spark(past, room, look.ascii, 0.0, most)


def _of(used: float, total: float) -> str:
    return f"{used / GIGA:.1f} of {total / GIGA:.1f} GB"
