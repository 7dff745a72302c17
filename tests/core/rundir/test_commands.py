"""Commands: each is taken in order and obeyed once, whoever sends them and whatever else lies in the folder."""

from __future__ import annotations

import errno
import json
import math
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltui.core import fs
from dltui.core.errors import RunError
from dltui.core.rundir import commands, heartbeat
from tests.helpers.faulty import FaultyFileSystem


def drain(run: Path) -> list[commands.Command]:
    taken = commands.take(run)
    for command in taken:
        commands.done(command)
    return taken


def test_a_command_arrives_as_it_was_sent(tmp_path: Path) -> None:
    sent = commands.send(tmp_path, "set", {"lr": 0.05, "at_step": 7}, by="me@here")
    (file,) = (tmp_path / "control").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (command,) = commands.take(tmp_path)
    assert (command.id, command.action, command.by) == (sent, "set", "me@here")
    assert command.arguments == {"lr": 0.05, "at_step": 7}
    assert abs(command.sent - time.time()) < 5
    assert commands.take(tmp_path) == [command]
    commands.done(command)
    commands.done(command)
    assert commands.take(tmp_path) == []
    assert list((tmp_path / "control").iterdir()) == []


def test_a_command_may_name_its_attempt(tmp_path: Path) -> None:
    commands.send(tmp_path, "stop", {}, attempt=2)
    commands.send(tmp_path, "stop", {})
    two, either = drain(tmp_path)
    assert (two.attempt, either.attempt) == (2, None)
    assert commands.meant_for_another(2, 3) == "it was meant for attempt 2, this is attempt 3"
    assert commands.meant_for_another(commands.NOT_BEGUN, 1) == (
        "it was meant for a job that had not begun, this is attempt 1"
    )
    assert [commands.meant_for_another(*pair) for pair in ((2, 2), (None, 3), (2, 0), (0, 0))] == [""] * 4


def test_an_attempt_that_is_none_is_no_command(tmp_path: Path) -> None:
    commands.send(tmp_path, "stop", {}, attempt="2")  # type: ignore[arg-type]
    assert drain(tmp_path) == []
    assert [path.suffix for path in (tmp_path / "control").iterdir()] == [".bad"]


def test_without_a_name_the_sender_is_this_user(tmp_path: Path) -> None:
    commands.send(tmp_path, "pause", {})
    assert "@" in drain(tmp_path)[0].by


def test_many_senders_lose_nothing_and_keep_their_order(tmp_path: Path) -> None:
    def send(sender: int) -> None:
        for number in range(40):
            commands.send(tmp_path, "set", {"sender": sender, "number": number}, by="x")

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(5)]
    for thread in threads:
        thread.start()
    taken: list[commands.Command] = []
    while any(thread.is_alive() for thread in threads):
        taken += drain(tmp_path)
    taken += drain(tmp_path)
    assert len({command.id for command in taken}) == len(taken) == 200
    for sender in range(5):
        numbers = [command.arguments["number"] for command in taken if command.arguments["sender"] == sender]
        assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe", b"{}", b'{"arguments": [], "action": "stop", "sent": 1}',
                b'{"arguments": {}, "action": "stop", "sent": "x"}', b" " * 70_000, b"[" * 60_000,
                b'{"arguments": {}, "action": "stop", "sent": 1' + b"0" * 400 + b"}"],
)  # fmt: skip
def test_what_cannot_be_read_is_moved_aside_and_the_rest_obeyed(tmp_path: Path, content: bytes) -> None:
    good = commands.send(tmp_path, "stop", {})
    bad = tmp_path / "control" / f"{1:020d}-00000000.json"
    bad.write_bytes(content)
    (tmp_path / "control" / ".half.json.0.tmp").write_bytes(b"{")
    (tmp_path / "control" / "notes.txt").write_bytes(b"mine")
    assert [command.id for command in commands.take(tmp_path)] == [good]
    assert bad.with_suffix(".bad").exists()
    assert not bad.exists()


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers() | st.none(), max_size=3))
def test_any_file_of_a_stranger_does_no_harm(tmp_path_factory: pytest.TempPathFactory, fields: dict[str, Any]) -> None:
    run = tmp_path_factory.mktemp("run")
    (run / "control").mkdir()
    base = {"arguments": {}, "action": "stop", "sent": 1.0}
    (run / "control" / f"{1:020d}-00000000.json").write_text(json.dumps({**base, **fields}))
    for command in commands.take(run):
        assert command.action.isprintable()
        assert isinstance(command.arguments, dict)


def test_hostile_words_are_cleaned(tmp_path: Path) -> None:
    commands.send(tmp_path, "\x1b[2J", {}, by="\x1b]0;x\x07")
    (command,) = commands.take(tmp_path)
    assert "\x1b" not in command.action + command.by


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    for number in range(3):
        with (
            fs.use(FaultyFileSystem(number, errno.EROFS)),
            pytest.raises(RunError, match="cannot send pause") as caught,
        ):
            commands.send(tmp_path, "pause", {})
        assert "\n" not in str(caught.value)
        assert commands.take(tmp_path) == []


def test_a_disk_without_links_works_too(tmp_path: Path) -> None:
    class NoLinks(fs.FileSystem):
        def link(self, old: Path, new: Path) -> None:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    with fs.use(NoLinks()):
        sent = commands.send(tmp_path, "pause", {})
    assert [command.id for command in commands.take(tmp_path)] == [sent]
    assert len(list((tmp_path / "control").iterdir())) == 1


def test_numbers_that_json_lacks_are_refused_by_the_sender(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        commands.send(tmp_path, "set", {"lr": math.nan})
    assert commands.take(tmp_path) == []


def test_what_was_meant_for_an_earlier_attempt_is_told_from_what_is_meant_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever has become of the clock since it was sent."""
    with monkeypatch.context() as ahead:
        now = time.time_ns()
        ahead.setattr(commands.time, "time", lambda: now / 1e9 + 3600)
        ahead.setattr(commands.time, "time_ns", lambda: now + 3600 * 10**9)
        obeyed, stale = commands.send(tmp_path, "pause", {}), commands.send(tmp_path, "stop", {})
    heartbeat.record_starting(tmp_path, os.getpid())
    fresh = commands.send(tmp_path, "checkpoint", {})
    old = heartbeat.commands_before(tmp_path)
    assert [command.id for command in commands.forget(tmp_path, {obeyed}, old)] == [stale]
    assert [command.id for command in commands.take(tmp_path)] == [fresh, stale]
    heartbeat.record_starting(tmp_path, 1)
    assert heartbeat.commands_before(tmp_path) is None, "this process was started by nobody"
    assert [command.id for command in commands.forget(tmp_path, set(), None)] == [fresh, stale]


def test_no_folder_no_commands(tmp_path: Path) -> None:
    assert commands.take(tmp_path / "nowhere") == []


def refusing(code: int) -> Callable[[Path, int], bytes]:
    def read(path: Path, most: int) -> bytes:
        raise OSError(code, os.strerror(code))

    return read


def test_a_command_that_cannot_be_read_for_a_moment_is_taken_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = commands.send(tmp_path, "stop", {})
    problems: dict[str, str] = {}
    with monkeypatch.context() as away:
        away.setattr(fs, "read_limited", refusing(errno.ESTALE))
        assert commands.take(tmp_path, problems) == []
    assert problems == {}, "it is obeyed at the next look"
    assert commands.refusal(tmp_path, sent) == ""
    assert [command.id for command in commands.take(tmp_path)] == [sent]


def test_a_command_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = commands.send(tmp_path, "stop", {})
    problems: dict[str, str] = {}
    with monkeypatch.context() as away:
        away.setattr(fs, "read_limited", refusing(errno.EACCES))
        assert commands.take(tmp_path, problems) == []
    assert problems == {sent: "its file may not be read; send it as the user who trains the run"}
    assert commands.refusal(tmp_path, sent).startswith("its worker could not read the command")
    assert commands.take(tmp_path) == []


def test_what_root_sends_belongs_to_the_owner_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of mode 0600 of root's could not be read by the worker."""
    given: list[tuple[int, int]] = []

    def fchown(fd: int, user: int, group: int) -> None:
        assert os.path.samestat(os.fstat(fd), next((tmp_path / "control").glob(".*.tmp")).lstat()), "by no name"
        given.append((user, group))

    monkeypatch.setattr(os, "fchown", fchown)
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    commands.send(tmp_path, "stop", {})
    assert given == []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    commands.send(tmp_path, "stop", {})
    found = (tmp_path / "control").stat()
    assert given == [(found.st_uid, found.st_gid)]
