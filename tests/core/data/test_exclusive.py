"""Turns: never two at once, and no file is left."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from dltui.core.data.exclusive import turn

THREADS, TURNS = 8, 25


def test_one_at_a_time_although_each_removes_the_file(tmp_path: Path) -> None:
    """Each opens the file anew, as another process would: a lock belongs to what was opened."""
    inside, most, done = [0], [0], [0]

    def work() -> None:
        for _ in range(TURNS):
            with turn(tmp_path / "lock", 60, lambda: None) as held:
                assert held
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                done[0] += 1
                time.sleep(0.0005)
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most[0], done[0]) == (1, THREADS * TURNS)
    assert list(tmp_path.iterdir()) == []


def test_without_patience_the_other_keeps_it(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with turn(lock, 0, lambda: None) as first, turn(lock, -1, lambda: None) as second:
        assert (first, second) == (True, False)
    assert not lock.exists()


def test_who_gives_up_waiting_leaves_nothing_open(tmp_path: Path) -> None:
    def give_up() -> None:
        raise KeyboardInterrupt

    with turn(tmp_path / "lock", 0, lambda: None):
        before = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0
        with pytest.raises(KeyboardInterrupt), turn(tmp_path / "lock", 60, give_up):
            pass
        after = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0
    assert before == after
