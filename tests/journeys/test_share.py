"""A run that the group may look at: readable, never writable, and a viewer who cannot write only looks."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.journeys.program import Program
from tests.journeys.test_detach import FAKE

FAST = ("train", "softmax-numpy", "--plugin", str(FAKE), "--dataset", "blobs", "--name", "r")
STRANGER = 54_321


def modes(root: Path) -> dict[str, int]:
    return {str(path.relative_to(root)): stat.S_IMODE(path.stat().st_mode) for path in [root, *root.rglob("*")]}


def test_a_shared_run_is_readable_for_the_group_whatever_the_umask(program: Program) -> None:
    before = os.umask(0o077)
    try:
        out = program(*FAST, "--epochs", "2", "--share", "group").stdout
    finally:
        os.umask(before)
    assert f"your group may watch: dltui attach {program.run('r')}" in out
    found = modes(program.run("r"))
    # The lock is only asked by its owner's processes.
    del found["lock"]
    wanted = {name: 0o750 if (program.run("r") / name).is_dir() else 0o640 for name in found}
    assert found == wanted
    assert len(found) > 10
    for folder in (program.home, program.home / "runs"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o710, "passed through, not listed"


@pytest.mark.long
def test_what_keeps_the_group_out_is_said(program: Program) -> None:
    program.folder.chmod(0o700)
    out = program(*FAST, "--epochs", "1", "--share", "group").stdout
    assert f"the group cannot reach it: {program.folder} is closed" in out


@pytest.mark.longest
def test_a_fork_is_shared_as_its_parent_is(program: Program) -> None:
    program(*FAST, "--epochs", "1", "--share", "group")
    program("fork", "r", "--epochs", "2", "--plain")
    assert set(modes(program.run("r-fork")).values()) <= {0o750, 0o640, 0o600}
    assert modes(program.run("r-fork"))["events.jsonl"] == 0o640


@pytest.mark.longest
def test_a_fork_of_somebody_elses_run_is_private(program: Program) -> None:
    """Its owner opened it; nobody has asked to open this user's home."""
    program(*FAST, "--epochs", "1", "--share", "group")
    theirs, program.home = program.run("r"), program.folder / "mine"
    program.environment["DLTUI_HOME"] = str(program.home)
    out = program("fork", str(theirs), "--plugin", str(FAKE), "--epochs", "2", "--name", "f", "--plain").stdout
    assert "your group may watch" not in out
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (program.home, program.run("f"))} == {0}
    assert modes(program.run("f"))["run.json"] == 0o600


@pytest.mark.skipif(os.getuid() != 0 or shutil.which("setpriv") is None, reason="only root can give files away")
def test_a_colleague_sees_all_and_steers_nothing(program: Program) -> None:
    """The run belongs to a stranger, the colleague is of its group and may not write where only owners may."""
    program(*FAST, "--epochs", "400", "--step-seconds", "0.01", "--share", "group", "--detach")
    program.wait("r", lambda live: live.epoch >= 1)
    for path in (program.run("r"), program.run("r") / "control"):
        os.chown(path, STRANGER, os.getgid())
    plain = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner"]
    command = [*plain, sys.executable, "-P", "-m", "dltui"]
    path, own = str(program.run("r")), program.folder / "colleague"
    own.mkdir()
    environment = program.environment | {"DLTUI_HOME": str(own / "home"), "TERM": "xterm-256color"}
    try:
        refused = subprocess.run(
            [*command, "pause", path], env=environment, cwd=own, capture_output=True, text=True, check=False
        )
        assert refused.returncode == 1
        assert "cannot send pause to r: Permission denied" in refused.stderr
        assert refused.stderr.count("\n") == 1
        screen = pexpect.spawn(
            command[0], [*command[1:], "attach", path], env=environment, cwd=str(own), dimensions=(24, 80), timeout=60
        )
        screen.expect("read-only")
        screen.send("p")
        screen.expect("you can watch, not change anything")
        screen.send("q")
        screen.expect(pexpect.EOF)
        assert program.reader("r").status().name == "running"
        assert not program.reader("r").history.commands
    finally:
        program("kill", "r", "--yes")
