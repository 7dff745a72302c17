"""How much memory is left is the least of what the machine and each control group say."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from dltui.core.machine import memory

MEMINFO = "MemTotal:       16000 kB\nMemFree:         1000 kB\nMemAvailable:    8000 kB\n"


def put(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_the_machine_alone(tmp_path: Path) -> None:
    put(tmp_path, "proc/meminfo", MEMINFO)
    assert memory.memory_left(tmp_path) == 8000 * 1024
    assert memory.total_and_available(tmp_path) == (16000 * 1024, 8000 * 1024)


def test_a_group_around_the_own_one_has_less(tmp_path: Path) -> None:
    put(tmp_path, "proc/meminfo", MEMINFO)
    put(tmp_path, "proc/self/cgroup", "0::/user/job\n")
    put(tmp_path, "sys/fs/cgroup/user/job/memory.max", "max\n")
    put(tmp_path, "sys/fs/cgroup/user/job/memory.current", "500\n")
    put(tmp_path, "sys/fs/cgroup/user/memory.max", "5000\n")
    put(tmp_path, "sys/fs/cgroup/user/memory.current", "3000\n")
    assert memory.memory_left(tmp_path) == 2000


def test_a_group_of_version_1_beyond_its_limit(tmp_path: Path) -> None:
    put(tmp_path, "proc/meminfo", MEMINFO)
    put(tmp_path, "proc/self/cgroup", "4:memory:/job\n3:cpu:/other\n")
    put(tmp_path, "sys/fs/cgroup/memory/job/memory.limit_in_bytes", "5000\n")
    put(tmp_path, "sys/fs/cgroup/memory/job/memory.usage_in_bytes", "6000\n")
    assert memory.memory_left(tmp_path) == 0


def test_a_system_that_says_nothing(tmp_path: Path) -> None:
    assert memory.memory_left(tmp_path) is None
    assert memory.oom_kills(tmp_path) is None
    assert memory.total_and_available(tmp_path)[0] == psutil.virtual_memory().total
    assert memory.peak_rss() > 1 << 20


def test_kills_are_counted_where_the_kernel_counts(tmp_path: Path) -> None:
    put(tmp_path, "proc/vmstat", "nr_free_pages 5\noom_kill 12\nlast 3\n")
    assert memory.oom_kills(tmp_path) == 12
    put(tmp_path, "proc/vmstat", "nr_free_pages 5\n")
    assert memory.oom_kills(tmp_path) is None


@pytest.mark.parametrize(
    ("group", "folder", "limit", "usage", "kept"),
    [
        ("0::/job\n", "job", "memory.max", "memory.current", ""),
        ("4:memory:/job\n", "memory/job", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
    ],
)
def test_what_is_kept_of_files_is_left(
    tmp_path: Path, group: str, folder: str, limit: str, usage: str, kept: str
) -> None:
    """A group that has read more than its limit keeps files up to it: their memory is taken only when needed."""
    put(tmp_path, "proc/meminfo", MEMINFO)
    put(tmp_path, "proc/self/cgroup", group)
    put(tmp_path, f"sys/fs/cgroup/{folder}/{limit}", "5000000\n")
    put(tmp_path, f"sys/fs/cgroup/{folder}/{usage}", "4990000\n")
    stat = f"anon 900000\n{kept}inactive_file 3000000\n{kept}active_file 1000000\nslab 7\n"
    put(tmp_path, f"sys/fs/cgroup/{folder}/memory.stat", stat)
    assert memory.memory_left(tmp_path) == 4010000
    # Both numbers are not of the same moment.
    put(tmp_path, f"sys/fs/cgroup/{folder}/{usage}", "3000000\n")
    assert memory.memory_left(tmp_path) == 5000000
