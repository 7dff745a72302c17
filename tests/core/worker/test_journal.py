"""One rule for all that a commit writes: an error that passes is waited out, one that stays costs a line."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dltui.core import fs
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import commands, launch
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.events import Logged
from dltui.core.rundir.heartbeat import Heartbeat
from dltui.core.rundir.launch import LaunchRecord
from dltui.core.rundir.log import EventLog
from dltui.core.train.position import Snapshot
from dltui.core.worker import journal
from dltui.core.worker.journal import Journal

OUTPUTS = {"validation-latest": {"ids": np.arange(3)}}


class Refusing(fs.FileSystem):
    """Refuses to open files with a word in their path, `times` times."""

    def __init__(self, word: str, code: int, times: int) -> None:
        self.word, self.code, self.left = word, code, times

    def open(self, path: Path, flags: int, mode: int = 0o600) -> int:
        if self.word in str(path) and flags & os.O_CREAT and self.left:
            self.left -= 1
            raise OSError(self.code, os.strerror(self.code))
        return super().open(path, flags, mode)


@pytest.fixture
def open_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    monkeypatch.setattr(journal, "RETRY_SECONDS", 0.0)
    run = RunDirectory.create("otter", {"created": 1.0})
    heartbeat = Heartbeat(run.path, 1)
    yield Journal(run, EventLog(run.events_path, 1), heartbeat, 1)
    heartbeat.stop()


def snapshot(step: int) -> Snapshot:
    return Snapshot(step=step, epoch=1, state={"weights/w": np.zeros(2)}, loop_state={}, best=False)


def told(found: Journal) -> list[str]:
    reader = RunReader(found.run)
    reader.refresh()
    return [text for _, level, text in reader.history.logs if level == "error"]


@pytest.mark.parametrize("code", [errno.EIO, errno.EPERM, errno.ESTALE])
@pytest.mark.parametrize("word", ["predictions", "checkpoints"])
def test_an_error_that_passes_is_waited_out(open_journal: Journal, word: str, code: int) -> None:
    with fs.use(Refusing(word, code, times=3)):
        open_journal.commit([snapshot(7)], OUTPUTS)
    assert told(open_journal) == []
    assert (open_journal.run.predictions_dir / "validation-latest.npz").is_file()
    assert len(list(open_journal.run.checkpoints_dir.iterdir())) == 1
    assert open_journal.heartbeat.current_phase == "starting", "as before"


def test_one_that_stays_costs_a_line(open_journal: Journal) -> None:
    disk = Refusing("predictions", errno.EIO, times=10_000)
    with fs.use(disk):
        open_journal.commit([snapshot(7)], OUTPUTS)
        assert disk.left == 10_000 - journal.TRIES - 1
        open_journal.commit([], OUTPUTS)
        assert disk.left == 10_000 - journal.TRIES - 2, "not waited for again"
    reason = "[Errno 5] Input/output error; figures show those before"
    assert told(open_journal)[0] == f"predictions validation-latest not saved: {reason}"
    assert len(list(open_journal.run.checkpoints_dir.iterdir())) == 1


def test_the_log_itself_is_insisted_on_and_then_raised(open_journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [errno.EIO] * 3
    original = fs.FileSystem.write

    def write(self: fs.FileSystem, fd: int, data: bytes | memoryview) -> int:
        if failures and b"storage" in bytes(data):
            raise OSError(failures.pop(), "Input/output error")
        return original(self, fd, data)

    monkeypatch.setattr(fs.FileSystem, "write", write)
    open_journal.emit(Logged("error", "storage went and came"))
    assert told(open_journal) == ["storage went and came"]
    failures += [errno.EIO] * 100
    with pytest.raises(OSError, match="Input/output error"):
        open_journal.emit(Logged("error", "storage went"))


def test_a_command_to_another_attempt_is_ignored_in_one_line(open_journal: Journal) -> None:
    run = open_journal.run
    for attempt in (1, 7, None):
        commands.send(run.path, "stop", {}, "ann@laptop", attempt=attempt)
    first, other, third = (command.id for command in commands.take(run.path))
    assert [command.id for command in open_journal.commands()] == [first, third]
    assert [command.id for command in commands.take(run.path)] == [first, third]
    reader = RunReader(run)
    reader.refresh()
    assert [(entry["id"], entry["action"]) for entry in reader.history.commands] == [(other, "ignored")]
    (line,) = [text for _, _, text in reader.history.logs]
    assert line == "command stop ignored: it was meant for attempt 7, this is attempt 1"


def test_a_run_that_gave_its_device_back_obeys_what_was_sent_before(open_journal: Journal) -> None:
    open_journal.obeys.add(0)
    sent = commands.send(open_journal.run.path, "resume", {}, attempt=0)
    assert [command.id for command in open_journal.commands()] == [sent]


def test_a_job_of_a_launcher_keeps_its_device(open_journal: Journal) -> None:
    run = open_journal.run
    launch.write(run.path, LaunchRecord("screen", {}))
    given_back = commands.send(run.path, "pause", {"release": True})
    assert [command.id for command in open_journal.commands()] == [given_back], "its job is of this machine alone"
    commands.done(commands.take(run.path)[0])
    launch.write(run.path, LaunchRecord("slurm", {}, away=True))
    commands.send(run.path, "pause", {"release": True})
    paused = commands.send(run.path, "pause", {})
    assert [command.id for command in open_journal.commands()] == [paused]
    reader = RunReader(run)
    reader.refresh()
    (line,) = [text for _, _, text in reader.history.logs]
    assert line.startswith("command pause ignored: it is a job of slurm, which keeps its device while the run waits; ")


def test_what_is_no_command_is_told_once(open_journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    run = open_journal.run
    (run.control_dir / f"{1:020d}-00000000.json").write_bytes(b"{")
    commands.send(run.path, "stop", {})

    def away(path: Path, most: int) -> bytes:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    assert [command.action for command in open_journal.commands()] == ["stop"]
    with monkeypatch.context() as disk:
        disk.setattr(fs, "read_limited", away)
        assert open_journal.commands() == open_journal.commands() == []
    assert [command.action for command in open_journal.commands()] == ["stop"]
    reader = RunReader(run)
    reader.refresh()
    line = "a command was not obeyed: its file holds no command"
    assert [text for _, _, text in reader.history.logs] == [line], "the other one is obeyed, only later"


@pytest.mark.parametrize(
    ("code", "told", "then"),
    [
        (errno.ENOSPC, "disk full: ", "goes on when there is room"),
        (errno.EDQUOT, "quota reached in ", "goes on when there is room"),
        (errno.EFBIG, "file-size limit reached in ", "dltui kill, raise the limit (ulimit -f), dltui resume"),
    ],
)
def test_a_write_that_waits_for_room_says_what_is_full(
    open_journal: Journal, monkeypatch: pytest.MonkeyPatch, code: int, told: str, then: str
) -> None:
    said: list[tuple[str, str]] = []
    monkeypatch.setattr(open_journal.heartbeat, "phase", lambda name, detail="": said.append((name, detail)))
    with fs.use(Refusing("predictions", code, times=1)):
        open_journal.commit([], OUTPUTS)
    (phase, detail), *_ = said
    assert phase == "paused"
    assert detail.startswith(told)
    assert detail.endswith(f"; {then}")


def test_a_disk_that_tells_of_no_size_has_no_free_bytes_to_tell(
    open_journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    for free, words in ((7, "disk full: 7 B free in "), (fs.NO_LIMIT, "disk full in ")):
        monkeypatch.setattr(fs.FS, "free_bytes", lambda path, free=free: free)
        assert open_journal._no_room(full).startswith(words)


def test_a_process_that_has_to_go_does_not_wait_for_room(open_journal: Journal) -> None:
    open_journal.quitting = lambda: True
    with (
        fs.use(Refusing("predictions", errno.EDQUOT, times=1)),
        pytest.raises(journal.NoRoomError, match=r"^quota reached: cannot write to .*/otter; make room, then resume$"),
    ):
        open_journal.commit([], OUTPUTS)
