"""Somebody trains on digits, asks what is confused, looks at those very images and marks one: it is in review.csv."""

from __future__ import annotations

import csv
import os
import re
import sys
from pathlib import Path

import pexpect
import pyte
import pytest

from dltui.core.data.findings.review import NAME
from tests.journeys.program import Program

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
TRAIN = ("softmax-torch", "--dataset", "digits", "--epochs", "3", "--lr", "0.02", "--schedule", "constant")


class Terminal:
    """dltui in a pty of 80x24, and an emulator that shows it."""

    def __init__(self, program: Program, *arguments: str) -> None:
        environment = {key: value for key, value in program.environment.items() if key != "NO_COLOR"}
        environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
        command = ["-P", "-m", "dltui", *arguments]
        self.child = pexpect.spawn(
            sys.executable, command, env=environment, cwd=program.folder, dimensions=(24, 80), timeout=60
        )
        self.emulator = pyte.Screen(80, 24)
        self.stream = pyte.ByteStream(self.emulator)
        self.bytes = b""

    def key(self, keys: str, *wanted: str) -> str:
        """Press, then wait until all of this can be read."""
        self.child.send(keys)
        for _ in range(1200):
            text = "\n".join(self.emulator.display)
            if all(re.search(part, text) for part in wanted):
                return text
            try:
                read = self.child.read_nonblocking(65_536, timeout=0.05)
            except pexpect.TIMEOUT:
                continue
            self.bytes += read
            # pyte does not know the reply of a query that Textual sends.
            self.stream.feed(re.sub(rb"\x1b\[[?>=][0-9;]*[$a-zA-Z]*[pu]|\x1bP.*?\x1b\\", b"", read))
        raise AssertionError(f"{wanted} never came:\n{text}")


def opinions(folder: Path) -> list[dict[str, str]]:
    with (folder / NAME).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow(21)
@pytest.mark.longest
def test_mislabeled_images_are_reviewed(program: Program) -> None:
    program("train", *TRAIN, "--name", "digits-1")
    folder = program.folder / "exports" / "digits-1"
    viewer = Terminal(program, "attach", "digits-1")
    viewer.key("", "FINISHED", "METRIC")
    text = viewer.key("2", r"most confused", r"true (\d), predicted (\d)")
    pair = re.search(r"true (\d), predicted (\d)", text)
    assert pair is not None
    true, said = pair.groups()
    shown = viewer.key("\r", rf"only {true} → {said}", r"id \d+", "▀")
    sample = re.search(r"id (\d+)", shown)
    assert sample is not None
    assert b"\x1b[38;2;" in viewer.bytes
    viewer.key("  ", "wrong label", f"{NAME} holds 1")
    (row,) = opinions(folder)
    assert (row["split"], row["id"], row["true"], row["said"]) == ("test", sample.group(1), true, said)
    assert row["mark"] == "wrong label"
    viewer.key("f", "most confident first", "1 marked")
    viewer.key("4", "precision", "F1")
    viewer.key("q")
    viewer.child.expect(pexpect.EOF)
    program("export", "digits-1")
    assert opinions(folder) == [row], "drawing the figures again leaves it alone"
    again = Terminal(program, "attach", "digits-1")
    again.key("", "FINISHED", "METRIC")
    again.key("3", "1 marked")
    again.key("q")
    again.child.expect(pexpect.EOF)


def test_who_may_only_look_cannot_mark(program: Program) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    program("train", *TRAIN, "--name", "digits-2")
    folder = program.run("digits-2")
    for part in (folder, folder / "control"):
        part.chmod(0o500)
    try:
        viewer = Terminal(program, "attach", "digits-2")
        viewer.key("", "FINISHED", "METRIC")
        viewer.key("3", r"id \d+")
        viewer.key(" ", "read-only")
        viewer.key("q")
        viewer.child.expect(pexpect.EOF)
    finally:
        for part in (folder, folder / "control"):
            part.chmod(0o700)
    assert not (program.folder / "exports" / "digits-2" / NAME).exists()
