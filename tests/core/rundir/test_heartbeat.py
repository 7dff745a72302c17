"""The heartbeat: always whole, fresh while the process lives, cheap, and alive on a full disk."""

from __future__ import annotations

import errno
import json
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dltui.core import fs
from dltui.core.machine.process import current
from dltui.core.rundir.heartbeat import Heartbeat, Live, cap, read_live
from tests.helpers.faulty import FaultyFileSystem


@pytest.fixture
def beat(tmp_path: Path) -> Iterator[Heartbeat]:
    heartbeat = Heartbeat(tmp_path, 3, (10, 400))
    yield heartbeat
    heartbeat.stop()


def wait_for(run: Path, true: Callable[[Live], bool], seconds: float = 5.0) -> Live:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = read_live(run)
        if found is not None and true(found):
            return found
        time.sleep(0.02)
    raise AssertionError(f"not seen in {seconds} s: {read_live(run)}")


def test_it_is_there_at_once_and_says_who_beats(tmp_path: Path, beat: Heartbeat) -> None:
    found = read_live(tmp_path)
    assert found is not None
    assert found.process == current()
    assert (found.attempt, found.phase, found.epochs, found.total_steps) == (3, "starting", 10, 400)
    assert found.rss > 1_000_000
    assert stat.S_IMODE((tmp_path / "live.json").stat().st_mode) == 0o600


def test_progress_and_phases_arrive(tmp_path: Path, beat: Heartbeat) -> None:
    beat.phase("loading data", "fashion\x1b-mnist 40 %")
    first = wait_for(tmp_path, lambda found: found.phase == "loading data")
    assert first.detail == "fashion\\x1b-mnist 40 %"
    beat.phase("loading data", "50 %")
    second = wait_for(tmp_path, lambda found: found.detail == "50 %")
    assert second.phase_since == first.phase_since
    assert second.counter > first.counter
    beat.phase("training")
    beat.progress(120, 3)
    third = wait_for(tmp_path, lambda found: found.step == 120)
    assert (third.phase, third.epoch, third.detail) == ("training", 3, "")
    assert third.phase_since > first.phase_since
    assert beat.current_phase == "training"


def test_it_beats_without_news_and_says_for_how_long_there_were_none(tmp_path: Path, beat: Heartbeat) -> None:
    first = read_live(tmp_path)
    assert first is not None
    later = wait_for(tmp_path, lambda found: found.time > first.time + 0.9)
    assert later.counter == first.counter
    assert later.still >= 0.9


def test_the_slowest_step_is_measured_without_the_first_of_a_phase(
    tmp_path: Path, beat: Heartbeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(beat, "_now", lambda: now)
    beat.phase("training")
    now += 0.3
    beat.progress(1, 0)
    now += 0.05
    beat.progress(2, 0)
    assert wait_for(tmp_path, lambda found: found.step == 2).slowest == 0.05


def test_a_burst_of_news_is_few_writes(tmp_path: Path, beat: Heartbeat, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = []
    write = fs.write_atomic
    monkeypatch.setattr(fs, "write_atomic", lambda *a, **k: (writes.append(1), write(*a, **k)))
    began = time.monotonic()
    while time.monotonic() - began < 1.0:
        beat.progress(1, 0)
        time.sleep(0.001)
    assert 1 <= len(writes) <= 5


def test_the_last_word_is_kept(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path, 1)
    heartbeat.progress(7, 1)
    heartbeat.stop("ended")
    found = read_live(tmp_path)
    assert found is not None
    assert (found.phase, found.step) == ("ended", 7)
    time.sleep(1.2)
    assert read_live(tmp_path) == found


def test_readers_never_see_half_of_it(tmp_path: Path, beat: Heartbeat) -> None:
    for number in range(300):
        beat.phase("training", "x" * (number % 7 * 100))
        beat._write()
        assert read_live(tmp_path) is not None
    assert [entry.name for entry in tmp_path.iterdir()] == ["live.json"]


def test_on_a_full_disk_it_is_written_over_the_old_one(tmp_path: Path, beat: Heartbeat) -> None:
    class Full(FaultyFileSystem):
        def write(self, fd: int, data: memoryview | bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with fs.use(Full()):
        beat.phase("paused", "disk full: 0 B free")
        found = wait_for(tmp_path, lambda found: found.phase == "paused")
    assert found.detail == "disk full: 0 B free"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"pid": 1}', "nonsense", "[" * 99_999])
def test_what_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    assert read_live(tmp_path) is None
    (tmp_path / "live.json").write_text(content)
    assert read_live(tmp_path) is None


def test_fields_of_other_versions_do_no_harm(tmp_path: Path, beat: Heartbeat) -> None:
    beat.stop()
    content = json.loads((tmp_path / "live.json").read_text())
    del content["rss"]
    (tmp_path / "live.json").write_text(json.dumps({**content, "mood": "good", "host": "\x1b[31m"}))
    found = read_live(tmp_path)
    assert found is not None
    assert (found.rss, found.host) == (0, "\\x1b[31m")


def test_a_chatty_log_is_cut_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with log.open("ab", buffering=0) as writer:
        for number in range(300):
            writer.write(f"line {number:4}\n".encode())
        cap(log, most=1000, keep=200)
        writer.write(b"after\n")
    lines = log.read_text().splitlines()
    assert lines[0].startswith("[the start")
    assert lines[1:-1] == [f"line {number:4}" for number in range(301 - len(lines) + 1, 300)]
    assert lines[-1] == "after"
    assert log.stat().st_size < 300
    before = log.read_bytes()
    cap(log, most=1000, keep=200)
    assert log.read_bytes() == before
    cap(tmp_path / "nothing.log")
