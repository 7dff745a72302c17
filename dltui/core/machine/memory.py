"""Measures the memory left for this process, its limits, and the kernel's out-of-memory kills (Linux)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from dltui.core.machine import cgroup

ROOT = Path("/")
OF_FILES = ("inactive_file", "active_file")
"""What a group keeps of files, by its memory.stat: it counts as used, and is given back when memory is needed."""


def memory_left(root: Path = ROOT) -> int | None:
    """The bytes left for this process on the machine and in its control groups; None where it is not known."""
    known = _meminfo(root)
    if known is None:
        return None
    left = [known["MemAvailable"]] if "MemAvailable" in known else []
    for folder in cgroup.unified(root):
        left += _left(folder, "memory.max", "memory.current", OF_FILES)
    for folder in cgroup.legacy(root, "memory"):
        left += _left(folder, "memory.limit_in_bytes", "memory.usage_in_bytes", [f"total_{name}" for name in OF_FILES])
    return min(left, default=None)


def total_and_available(root: Path = ROOT) -> tuple[int, int]:
    """The bytes of this machine's memory, and those that are free or can be freed."""
    known = _meminfo(root) or {}
    if known.keys() >= {"MemTotal", "MemAvailable"}:
        return known["MemTotal"], known["MemAvailable"]
    import psutil

    found = psutil.virtual_memory()
    return int(found.total), int(found.available)


def _meminfo(root: Path) -> dict[str, int] | None:
    """What Linux tells of the memory in kB, in bytes; None where it does not."""
    try:
        lines = (root / "proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    parts = [line.replace(":", " ").split() for line in lines]
    return {words[0]: int(words[1]) * 1024 for words in parts if len(words) == 3}


def oom_kills(root: Path = ROOT) -> int | None:
    """The number of out-of-memory kills since boot, here or in a container (Linux 4.13); None where it is not known."""
    try:
        with (root / "proc/vmstat").open(encoding="ascii") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("oom_kill ")), None)
    except OSError:
        return None


def limits() -> str:
    """The limits that the shell sets on the memory of this process, in words; "" without any."""
    import resource

    found = []
    for name, option, what in (("RLIMIT_AS", "-v", "address space"), ("RLIMIT_DATA", "-d", "data")):
        number = getattr(resource, name, None)
        most = resource.RLIM_INFINITY if number is None else resource.getrlimit(number)[0]
        if most != resource.RLIM_INFINITY:
            found.append(f"{most / 1e9:.1f} GB of {what} (ulimit {option})")
    return f"this shell allows {' and '.join(found)}" if found else ""


def rss() -> int:
    """The resident memory of this process in bytes, 0 when unknown."""
    if sys.platform == "linux":
        try:
            return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError, ValueError):
            return 0
    import psutil

    return int(psutil.Process().memory_info().rss)


def peak_rss() -> int:
    """The most resident memory that this process has had, in bytes."""
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _left(folder: Path, limit: str, usage: str, of_files: Sequence[str]) -> list[int]:
    """The bytes that a control group has left; [] without a limit."""
    most, used = cgroup.words(folder / limit), cgroup.words(folder / usage)
    if not most or not used or not (most[0] + used[0]).isdigit():
        return []
    stat = cgroup.words(folder / "memory.stat")
    kept = sum(int(number) for name, number in pairwise(stat) if name in of_files and number.isdigit())
    return [max(int(most[0]) - max(int(used[0]) - kept, 0), 0)]
