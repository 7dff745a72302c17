"""The event log: every good line is read once and in order, whatever happens to the file."""

from __future__ import annotations

import errno
import json
import math
import os
import random
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltui.core import fs
from dltui.core.rundir.events import EpochEnded, Event, Logged
from dltui.core.rundir.log import EventLog, LogTail, decode, encode, last_seq
from tests.helpers.faulty import FaultyFileSystem


def say(number: int) -> Event:
    return Logged("info", f"line {number} é {'x' * number}")


def written(path: Path, count: int, attempt: int = 1) -> bytes:
    log = EventLog(path, attempt)
    for number in range(count):
        log.append(say(number))
    log.close()
    return path.read_bytes()


def texts(path: Path) -> list[str]:
    return [str(record["text"])[5:7].strip() for record in LogTail(path).read()]


class NoSync(fs.FileSystem):
    """For tests that write hundreds of logs and cut no power."""

    def fsync(self, fd: int) -> None: ...


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


@pytest.fixture
def quick() -> Iterator[None]:
    with fs.use(NoSync()):
        yield


def test_lines_are_json_with_an_envelope(path: Path) -> None:
    class Clock:
        def time(self) -> float:
            return 1000.5

        def monotonic(self) -> float:
            return 7.0

    log = EventLog(path, 3, Clock())
    record = log.append(say(1), sync=True)
    log.close()
    (line,) = path.read_text().splitlines()
    found = json.loads(line)
    assert len(found.pop("crc")) == 8
    assert found == record
    assert {key: found[key] for key in ("seq", "time", "elapsed", "attempt", "type")} == {
        "seq": 1, "time": 1000.5, "elapsed": 0.0, "attempt": 3, "type": "log",
    }  # fmt: skip
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_numbers_that_json_lacks_become_null(path: Path) -> None:
    log = EventLog(path, 1)
    metrics = {"loss": math.nan, "other": np.float32(0.5), "inf": np.float64(-math.inf)}
    log.append(EpochEnded(1, 2, metrics, math.inf, 1.0, 2.0))  # type: ignore[arg-type]
    log.close()
    (record,) = LogTail(path).read()
    assert record["train"] == {"loss": None, "other": 0.5, "inf": None}
    assert record["lr"] is None


@pytest.mark.usefixtures("quick")
def test_cut_at_every_byte_only_the_cut_line_is_lost(path: Path) -> None:
    whole = written(path, 4)
    ends = [position for position, byte in enumerate(whole, 1) if byte == 10]
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        complete = sum(end <= size for end in ends)
        assert texts(path) == [str(number) for number in range(complete)]
        # A new attempt goes on after the last good line, on a line of its own. The line that only lacks its newline
        # was written whole and counts.
        kept = sum(end - 1 <= size for end in ends)
        log = EventLog(path, 2)
        record = log.append(say(9))
        log.close()
        assert record["seq"] == kept + 1
        assert texts(path) == [*(str(number) for number in range(kept)), "9"]


def test_every_flipped_bit_is_found(path: Path) -> None:
    whole = written(path, 3)
    originals = LogTail(path).read()
    line = bytearray(whole.split(b"\n")[0])
    for position in range(len(line) * 8):
        line[position // 8] ^= 1 << position % 8
        assert decode(bytes(line)) is None
        line[position // 8] ^= 1 << position % 8
    assert decode(bytes(line)) == originals[0]
    # In the file, newlines included; 13 has no factor in common with the 8 bits of a byte.
    for position in range(0, len(whole) * 8, 13):
        damaged = bytearray(whole)
        damaged[position // 8] ^= 1 << position % 8
        path.write_bytes(damaged)
        tail = LogTail(path)
        found = tail.read()
        assert all(record in originals for record in found)
        # A last newline that is none any more leaves a line that is not complete yet.
        assert tail.bad_lines or position // 8 == len(whole) - 1
        assert 1 <= len(found) < 3


def test_damage_in_the_middle_costs_what_it_covers(path: Path) -> None:
    whole = bytearray(written(path, 50))
    middle = len(whole) // 2
    whole[middle : middle + 100] = os.urandom(100).replace(b"\n", b"x")
    path.write_bytes(whole)
    tail = LogTail(path)
    assert 47 <= len(tail.read()) < 50
    assert 1 <= tail.bad_lines <= 3


@given(st.binary(max_size=300))
def test_garbage_is_no_record(data: bytes) -> None:
    assert decode(data) is None


@pytest.mark.parametrize(
    "record", [[1], {"type": "log"}, {"type": 1, "seq": 1, "attempt": 1}, {"seq": 1, "attempt": 1}]
)
def test_a_sealed_line_that_is_no_record_is_refused(record: object) -> None:
    assert decode(encode(record)[:-1]) is None  # type: ignore[arg-type]


def test_following_a_growing_log_in_any_pieces(path: Path) -> None:
    source = path.with_name("source")
    whole = written(source, 30)
    generator, at = random.Random(0), 0
    tail, found = LogTail(path), []
    assert tail.read() == []
    path.touch()
    while at < len(whole):
        size = generator.choice([1, 5, 40, 200])
        with path.open("ab") as file:
            file.write(whole[at : at + size])
        at += size
        found += tail.read()
        assert not tail.restarted
    assert found == LogTail(source).read()
    assert tail.bad_lines == 0
    assert tail.read() == []


def test_another_file_is_read_from_its_start(path: Path) -> None:
    written(path, 5)
    tail = LogTail(path)
    assert len(tail.read()) == 5
    other = path.with_name("other")
    written(other, 2)
    other.rename(path)
    assert len(tail.read()) == 2
    assert tail.restarted
    path.write_bytes(b"")
    assert tail.read() == []
    assert tail.restarted
    assert tail.read() == []
    assert not tail.restarted


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("torn", [False, True])
def test_whatever_call_fails_trying_again_tells_each_event_once(path: Path, code: int, torn: bool) -> None:
    swept = 0
    while True:
        path.unlink(missing_ok=True)
        log = EventLog(path, 1)
        with fs.use(FaultyFileSystem(swept, code, torn)) as system:
            for number in range(4):
                event = say(number)
                for _ in range(3):
                    try:
                        log.append(event, sync=number % 2 == 1)
                        break
                    except OSError:
                        continue
            assert isinstance(system, FaultyFileSystem)
            finished = system.count <= swept
        log.close()
        assert texts(path) == ["0", "1", "2", "3"]
        if finished:
            break
        swept += 1
    assert swept >= 6


def test_after_a_failed_fsync_the_lines_are_written_again_elsewhere(path: Path) -> None:
    """The kernel may have dropped them: a second fsync of the same descriptor would succeed and mean nothing."""
    log = EventLog(path, 1)
    log.append(say(0))
    with fs.use(FaultyFileSystem(0, errno.EIO)), pytest.raises(OSError):
        log.sync()
    # What a disk that lost the page would leave.
    path.write_bytes(b"")
    with fs.use(FaultyFileSystem()) as system:
        log.sync()
    assert isinstance(system, FaultyFileSystem)
    assert [name for name, _ in system.trace] == ["open", "write", "fsync"]
    assert texts(path) == ["0"]
    log.append(say(1), sync=True)
    log.close()
    assert texts(path) == ["0", "1"]


def test_the_last_number_is_found_behind_long_lines_and_damage(path: Path) -> None:
    assert last_seq(path) == 0
    log = EventLog(path, 1)
    log.append(say(1))
    log.append(Logged("info", "y" * 9_000))
    log.append(Logged("info", "z" * 300_000))
    log.close()
    assert last_seq(path) == 3
    with path.open("ab") as file:
        file.write(b"garbage" * 40_000)
    assert last_seq(path) == 3
    assert EventLog(path, 2).append(say(2))["seq"] == 4
