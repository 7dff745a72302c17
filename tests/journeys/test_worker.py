"""The worker's own manners, on the fake plugin: debug, dry runs, damage, refusals."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dltui.core.errors import UsageError
from dltui.core.reading import last_row, rows
from dltui.core.rundir import commands
from dltui.tui.base.services.new_runs import Starting
from tests.journeys.program import Program
from tests.journeys.test_detach import FAKE

FAST = ("--plugin", str(FAKE), "--dataset", "blobs", "--epochs", "3", "--name", "r")


def test_a_damaged_best_checkpoint_costs_only_the_best(program: Program) -> None:
    program("train", "softmax-numpy", *FAST, "--step-seconds", "0.1", "--detach")
    program.wait("r", lambda live: live.epoch >= 2)
    best = program.reader("r").history.best
    assert best is not None
    for folder in program.run("r").glob(f"checkpoints/*{best.step:08d}"):
        (folder / "state.safetensors").write_bytes(b"damaged")
    commands.send(program.run("r"), "stop", {})
    program.wait("r", lambda live: live.phase == "ended")
    reader = program.reader("r")
    assert reader.status().name == "stopped"
    assert reader.history.test is not None
    assert any("damaged" in text for _, level, text in reader.history.logs if level == "error")


def test_a_command_to_the_attempt_before_is_refused(program: Program) -> None:
    """Also where that one died before it could log anything."""
    program("train", "softmax-numpy", *FAST, "--step-seconds", "0.05", "--detach")
    first = program.wait("r", lambda live: True)
    os.kill(first.pid, signal.SIGKILL)
    program.wait_status("r", "interrupted")
    program("resume", "r", "--detach")
    program.wait("r", lambda live: live.attempt == 2 and live.step > 0)
    commands.send(program.run("r"), "stop", {}, "ann@laptop", attempt=first.attempt)
    program.wait("r", lambda live: live.phase == "ended")
    reader = program.reader("r")
    assert reader.status().name == "finished"
    said = [text for _, level, text in reader.history.logs if level == "warning"]
    assert said == ["command stop ignored: it was meant for attempt 1, this is attempt 2"]


def test_a_second_worker_refuses_and_the_first_goes_on(program: Program) -> None:
    program("train", "softmax-numpy", *FAST, "--step-seconds", "0.05", "--detach")
    live = program.wait("r", lambda live: live.step > 0)
    second = subprocess.run(
        [sys.executable, "-P", "-m", "dltui.core.worker.worker_process", str(program.run("r"))],
        env=program.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 1
    assert f"is running, pid {live.pid}" in second.stderr
    assert second.stderr.count("\n") == 1
    program.wait("r", lambda live: live.phase == "ended")
    assert program.reader("r").status().name == "finished"


@pytest.mark.longest
def test_stacks_show_where_a_worker_stands_and_it_goes_on(program: Program) -> None:
    program("train", "softmax-numpy", *FAST, "--step-seconds", "0.05", "--detach")
    live = program.wait("r", lambda live: live.step > 0)
    shown = program("stacks", "r").stdout
    assert "most recent call first" in shown
    assert "fake_plugin.py" in shown
    os.kill(live.pid, signal.SIGSTOP)
    assert program("stacks", "r", code=1).stderr.strip().startswith("dltui: r does not answer")
    os.kill(live.pid, signal.SIGCONT)
    program.wait("r", lambda live: live.phase == "ended")
    assert program.reader("r").status().name == "finished"
    assert "nothing to look at" in program("stacks", "r", code=2).stderr


@pytest.mark.longest
def test_signals_that_come_again_and_again_end_it_once(program: Program) -> None:
    """As Slurm and impatient people send them, in the middle of a commit too."""
    program("train", "softmax-numpy", *FAST[:-1], "whole")
    program("train", "softmax-numpy", *FAST, "--step-seconds", "0.02", "--checkpoint-seconds", "0.05", "--detach")
    live = program.wait("r", lambda live: live.step > 5)
    with contextlib.suppress(ProcessLookupError):
        for _ in range(200):
            os.kill(live.pid, signal.SIGTERM)
            time.sleep(0.002)
    program.wait_status("r", "preempted", seconds=20)
    left = program.reader("r").history
    assert left.checkpoints[-1]["step"] >= live.step, "it went on to the next step and saved"
    program("resume", "r")
    assert program.reader("r").history.attempts == 2
    assert program.summary("r")["weights_sha256"] == program.summary("whole")["weights_sha256"]


@pytest.mark.longest
def test_damaged_lines_of_the_log_are_counted(program: Program) -> None:
    program("train", "softmax-numpy", *FAST)
    log = program.run("r") / "events.jsonl"
    data = bytearray(log.read_bytes())
    lines = data.split(b"\n")
    middle = sum(len(line) + 1 for line in lines[:2])
    data[middle : middle + 100] = b"#" * 100
    log.write_bytes(bytes(data))
    shown = program("attach", "r", "--plain").stdout
    assert "of the log cannot be read" in shown
    assert program.reader("r").status().name == "finished"


def test_a_run_leaves_private_files_and_no_unfinished_ones(program: Program) -> None:
    program("train", "softmax-numpy", *FAST)
    paths = list((program.home / "runs").rglob("*"))
    assert len(paths) > 10
    assert not [path for path in paths if path.stat().st_mode & 0o077]
    assert not [path for path in paths if path.name.endswith(".tmp")]
    assert not list(Path(program.folder / "exports").rglob(".*"))


@pytest.mark.longest
def test_a_worker_leaves_the_row_of_its_run_and_takes_it_back_when_it_goes_on(program: Program) -> None:
    program("train", "softmax-numpy", *FAST)
    run = program.run("r")
    program.wait("r", lambda live: (run / last_row.NAME).exists())
    assert rows._left(str(run), rows.stamp(str(run)) or []) == rows._read(str(run))
    program("resume", "r", "--more-epochs", "1", "--detach")
    program.wait("r", lambda live: not (run / last_row.NAME).exists())
    program.wait("r", lambda live: (run / last_row.NAME).exists())
    assert "4/4" in program("runs").stdout


def test_a_dry_run_of_the_form_keeps_nothing_and_says_what_fails(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(program.home))
    monkeypatch.chdir(program.folder)
    command = ["dltui", "train", "softmax-numpy", *FAST, "--exports", "kept"]
    Starting().try_out(command)
    assert not program.run("r").exists()
    assert not (program.folder / "kept").exists()
    with pytest.raises(UsageError, match=r"^it does not work: .*lr"):
        Starting().try_out([*command, "--lr", "-1"])
