"""Counts the processors that this process may use, by the scheduler and its control group."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from dltui.core.machine import cgroup

ROOT = Path("/")


TOLD = "DLTUI_CPUS"
"""The variable with the processors that a launcher has given to a run, which nothing may bind to them."""


def cpu_count(root: Path = ROOT) -> int:
    """Processors that are `allowed`, or fewer where a launcher has told of fewer; at least 1."""
    told = os.environ.get(TOLD, "")
    return max(1, min(allowed(root), int(told))) if told.isdecimal() else allowed(root)


def allowed(root: Path = ROOT) -> int:
    """Processors by affinity, or fewer where a container's quota allows fewer; at least 1."""
    bound, quota = len(processors()) or os.cpu_count() or 1, cpu_quota(root)
    # Rounded down: a thread too many makes all of them wait for the next period.
    return max(1, bound if quota is None else min(bound, int(quota)))


def processors() -> list[int]:
    """The numbers of the processors by affinity; [] where the system does not tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def cpu_quota(root: Path = ROOT) -> float | None:
    """Processors that the control groups around this process allow it (cgroup v1 and v2); None without a limit."""
    limits = [_unified(folder) for folder in cgroup.unified(root)]
    limits += [_legacy(folder) for folder in cgroup.legacy(root, "cpu", ("cpu", "cpu,cpuacct"))]
    return min((limit for limit in limits if limit is not None), default=None)


def cpu_name(root: Path = ROOT) -> str:
    """The processor's model name."""
    try:
        for line in (root / "proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return " ".join(line.split(":", 1)[1].split())
    except OSError:
        pass
    return platform.processor() or platform.machine() or "CPU"


def _unified(folder: Path) -> float | None:
    quota, period = cgroup.words(folder / "cpu.max")[:2] or ("max", "1")
    return _ratio(quota, period)


def _legacy(folder: Path) -> float | None:
    quota, period = cgroup.words(folder / "cpu.cfs_quota_us"), cgroup.words(folder / "cpu.cfs_period_us")
    return _ratio(quota[0], period[0]) if quota and period else None


def _ratio(quota: str, period: str) -> float | None:
    """The number of processors of a quota; None for "max" (v2) and -1 (v1), which are no limit."""
    try:
        return float(quota) / float(period) if float(quota) > 0 else None
    except (ValueError, ZeroDivisionError):
        return None
