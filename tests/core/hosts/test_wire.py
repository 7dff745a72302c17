"""The lines between two hosts."""

from __future__ import annotations

import os

import pytest

from dltui.core.hosts import wire
from dltui.core.hosts.wire import Lines, Packer, Unpacker, WireError


def lines_of(data: bytes, most: int = 1000) -> list[bytes]:
    read, write = os.pipe()
    os.write(write, data)
    os.close(write)
    lines, found = Lines(read, most), []
    try:
        while (block := lines.read()) is not None:
            found += block
    finally:
        os.close(read)
    return found


def test_lines_come_whole_and_an_unfinished_one_does_not() -> None:
    assert lines_of(b"one\ntwo\n\nthr") == [b"one", b"two", b""]


@pytest.mark.parametrize("data", [b"x" * 2000, b"x" * 2000 + b"\n", b"ok\n" + b"x" * 2000])
def test_a_line_without_end_ends_the_link(data: bytes) -> None:
    with pytest.raises(WireError, match="line of more than 1,000 bytes"):
        lines_of(data)


@pytest.mark.parametrize("line", [b"", b"[]", b"1", b'{"a": NaN}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_object_is_refused(line: bytes) -> None:
    with pytest.raises(WireError):
        wire.decode(line)


def test_what_is_said_again_costs_little() -> None:
    packer, unpacker = Packer(), Unpacker()
    beat = {"host": "gpu01", "phase": "training", "detail": "x" * 300, "step": 1}
    sizes = []
    for step in range(3):
        text = packer.pack(wire.plain(beat | {"step": step}))
        sizes.append(len(text))
        assert unpacker.unpack(text) == beat | {"step": step}
    assert sizes[2] < 40 < sizes[0]


def test_an_answer_that_unpacks_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MOST_RESULT", 10_000)
    text = Packer().pack(wire.plain("0" * 1_000_000))
    assert len(text) < 5_000
    with pytest.raises(WireError, match="more than 10,000 bytes"):
        Unpacker().unpack(text)


@pytest.mark.parametrize("text", ["", "!!!!", "AAAA", None, 7])
def test_what_cannot_be_unpacked_is_refused(text: object) -> None:
    with pytest.raises(WireError):
        Unpacker().unpack(text)


@pytest.mark.parametrize("data", [b"", b"plain\n", bytes(range(256))])
def test_bytes_come_back(data: bytes) -> None:
    assert wire.from_json(wire.as_json(data)) == data


@pytest.mark.parametrize("found", [None, {}, {"text": 3}, {"text": "ä"}, {"base64": "!"}])
def test_an_answer_without_bytes_is_refused(found: object) -> None:
    with pytest.raises(WireError):
        wire.from_json(found)
