"""The process that draws: how it ends is one line, which formats it knows, and the way home."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from dltui.core.errors import RunError, UsageError
from dltui.core.rundir import notes
from dltui.core.rundir.directory import RunDirectory
from dltui.core.worker import figures
from tests.faults.lab import Lab


@pytest.mark.parametrize(
    ("ended", "problem"),
    [
        (figures.Ended(0, "a.svg\n", "a warning\n"), ""),
        (figures.Ended(1, "a.svg\n", "a warning\ndltui: the disk is full\n"), "the disk is full"),
        (figures.Ended(1, "no luck\n", "\n"), "no luck"),
        (figures.Ended(-9, "", ""), "exit code -9"),
    ],
)
def test_the_last_line_says_why(ended: figures.Ended, problem: str) -> None:
    assert ended.problem == problem


def test_a_run_that_cannot_be_drawn_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    with pytest.raises(RunError, match=r"/r is not a run: its run\.json") as caught:
        figures.draw(RunDirectory(tmp_path / "r"), tmp_path / "out", None)
    assert "\n" not in str(caught.value)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="choose another with --to DIR"):
        figures.draw(RunDirectory(tmp_path / "r"), tmp_path / "file" / "out", None)


def test_what_a_process_prints_is_read_whatever_it_is() -> None:
    done = figures.start([], module="this")
    assert (done.code, done.problem) == (0, "")
    assert done.output.startswith("The Zen of Python")
    assert figures.start([], module="this", seconds=30.0).output == ""
    assert "No module named" in figures.start([], module="no_such_module", python=sys.executable).problem


def test_formats() -> None:
    assert figures.check_formats(["svg", " PNG", "svg", ""]) == ["svg", "png"]
    with pytest.raises(UsageError, match=r"no format 'gif'; there is svg, png, pdf"):
        figures.check_formats(["svg", "gif"])
    with pytest.raises(UsageError, match=r"no format 'gif'; there is svg, onnx"):
        figures.check_formats(["gif"], ("svg", "onnx"))
    with pytest.raises(UsageError, match="a format is missing: svg"):
        figures.check_formats([])


def test_the_way_home_is_ready_to_be_pasted() -> None:
    folders = [Path("/home/me/exports/a"), Path("/home/me/it's")]
    assert figures.copy_line("me@gpu01", folders) == (
        "scp -r me@gpu01:/home/me/exports/a 'me@gpu01:/home/me/it'\"'\"'s' ."
    )


def test_figures_are_complete_when_they_were_drawn_after_the_end(tmp_path: Path) -> None:
    """Whatever the clocks of this machine and of its disk say of when that was."""
    lab = Lab(tmp_path)
    run = lab.new_run(epochs=1)
    note = run.path / notes.FIGURES
    # Somebody looked at them while it trained.
    note.touch()
    lab.finish(run)
    assert not notes.figures_are_done(run)
    note.touch()
    os.utime(note, (0, 0))
    assert notes.figures_are_done(run)
