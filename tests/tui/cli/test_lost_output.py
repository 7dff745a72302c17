"""An output that is full, closed or gone: exit code and words say what happened to the run, and nothing is an internal
error."""

from __future__ import annotations

import os
import pty
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dltui.tui.cli.follow.keys import Keys
from tests.helpers.hang_up import hang_up
from tests.helpers.known_catalog import Fill
from tests.helpers.sample_run import make_sample_run
from tests.tui.cli.test_output import FAKE, LONG, PROGRAM, SECONDS, Place, training

TRAIN = [
    *PROGRAM,
    "train",
    "softmax-numpy",
    "--plugin",
    str(FAKE),
    "--dataset",
    "blobs",
    "--epochs",
    "2",
    "--name",
    "r",
]


@pytest.fixture
def place(tmp_path: Path, know_catalog: Fill) -> Place:
    place = Place(tmp_path)
    know_catalog(tmp_path / "home")
    # What it fills in would be the first line that cannot be written.
    del place.environment["DLTUI_FORMAT"]
    return place


@pytest.fixture
def full() -> Iterator[int]:
    fd = os.open("/dev/full", os.O_WRONLY)
    yield fd
    os.close(fd)


def run(place: Place, words: list[str], output: int, error: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=place.folder, env=place.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=error,
        text=True, timeout=SECONDS, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_a_full_output_ends_as_the_run_does(place: Place, full: int) -> None:
    done = run(place, [*TRAIN, "--plain"], full)
    assert (done.returncode, place.status()) == (0, "finished")
    first, last = done.stderr.splitlines()
    assert first == "dltui: cannot write output: No space left on device; r goes on; back with: dltui attach r"
    assert last.startswith("dltui: r finished: 2 epochs in ")


@pytest.mark.slow
@pytest.mark.longest
def test_a_pipe_that_nobody_reads_any_more_ends_as_the_run_does(place: Place) -> None:
    head = subprocess.Popen(["head", "-1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert head.stdin is not None
    done = run(place, [*TRAIN, "--plain"], head.stdin.fileno())
    head.communicate()
    words = done.stderr.splitlines()
    assert words[0] == "dltui: nobody reads the output any more; r goes on; back with: dltui attach r"
    assert (done.returncode, place.status()) == (0, "finished")
    assert words[-1].startswith("dltui: r finished: ")


@pytest.mark.slow
@pytest.mark.longest
def test_a_terminal_that_goes_without_a_signal_ends_as_the_run_does(place: Place) -> None:
    master, slave = pty.openpty()
    viewer = subprocess.Popen(
        [*TRAIN, "--step-seconds", "0.05"], cwd=place.folder, env=place.environment, stdin=slave, stdout=slave,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    place.wait(lambda live: live.step > 2)
    os.close(master)
    _, errors = viewer.communicate(timeout=SECONDS)
    assert (viewer.returncode, place.status()) == (0, "finished")
    assert errors.startswith("dltui: cannot write output: Input/output error; r goes on;")


@pytest.mark.slow
@pytest.mark.long
def test_a_worker_in_the_foreground_says_that_its_terminal_was_closed(place: Place) -> None:
    screen = place.terminal(*LONG, "--debug")
    place.wait(training)
    hang_up(screen)
    place.wait(lambda live: live.phase == "ended")
    screen.wait()
    assert "r: its terminal was closed at epoch " in place("runs")


def test_what_only_lists_says_that_it_could_not(place: Place, full: int) -> None:
    make_sample_run(place.folder / "home" / "runs")
    done = run(place, [*PROGRAM, "runs"], full)
    assert (done.returncode, done.stderr) == (1, "dltui: cannot write output: No space left on device\n")
    assert run(place, [*PROGRAM, "--help"], full, full).returncode == 1
    done = run(place, ["sh", "-c", '"$@" >&- <&-', "sh", *PROGRAM, "runs"], subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, "")


def test_keys_of_a_terminal_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    monkeypatch.setattr("sys.stdin", os.fdopen(slave, closefd=False))
    with Keys() as keys:
        os.close(master)
        began = time.monotonic()
        assert keys.wait(0.05) == ""
        assert time.monotonic() - began >= 0.05
    os.close(slave)
