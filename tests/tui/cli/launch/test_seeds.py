"""`train --seeds` and the group it makes, with real workers of the NumPy plugin."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dltui.core.analysis.groups import Spread
from dltui.core.lifecycle import series
from dltui.core.reading.reader import RunReader
from dltui.core.reading.status import OVER
from dltui.core.reading.summary import summary_row
from dltui.core.rundir.heartbeat import read_live
from dltui.tui.draw import wording
from tests.helpers.command import Run, runner
from tests.helpers.known_catalog import Fill

FAKE = Path(__file__).parents[3] / "fakes" / "fake_plugin.py"
TRAIN = ("train", "softmax-numpy", "--plugin", str(FAKE), "--dataset", "blobs", "--plain")


@pytest.fixture
def dltui(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], know_catalog: Fill
) -> Run:
    know_catalog(tmp_path / "home")
    for name in [name for name in os.environ if name.startswith("DLTUI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DLTUI_FORMAT", "none")
    monkeypatch.chdir(tmp_path)

    return runner(capsys)


@pytest.mark.slow(17)
@pytest.mark.longest
def test_three_seeds_are_three_runs_and_one_line(dltui: Run) -> None:
    code, out, _ = dltui(*TRAIN, "--seeds", "1,2,3", "--name", "lab", "--epochs", "2")
    assert code == 0
    rows = json.loads(dltui("runs", "--json")[1])
    assert [(row["id"], row["group"], row["seed"]) for row in rows] == [(f"lab-s{n}", "lab", n) for n in (3, 2, 1)]
    tests = [100 * row["test"]["accuracy"] for row in rows]
    assert out.splitlines()[-1].startswith(f"lab: 3 seeds (1, 2, 3), test accuracy {sum(tests) / 3:.2f} ±")
    listed = dltui("runs")[1].splitlines()
    assert len(listed) == 2
    assert listed[1].startswith("lab (3 seeds)  softmax-numpy")
    assert "3x2" in listed[1]
    assert "±" in listed[1]
    assert len(dltui("runs", "--all")[1].splitlines()) == 4


def ended(tmp_path: Path, seed: int) -> str:
    """How the run of a seed ended, once its worker is done."""
    reader = RunReader(tmp_path / "home" / "runs" / f"lab-s{seed}")
    deadline = time.monotonic() + 120
    while True:
        row = summary_row(reader)
        if row["status"] in OVER and row["phase"] == "ended":
            return str(row["status"])
        assert time.monotonic() < deadline, (row, reader.directory.worker_log.read_text())
        time.sleep(0.1)


@pytest.mark.slow(20)
@pytest.mark.long
def test_a_member_is_killed_and_its_series_goes_on_and_is_resumed(dltui: Run, tmp_path: Path) -> None:
    """Nobody waits for the runs: who started them has gone, and what becomes of one is nothing to the others."""
    code, out, error = dltui(*TRAIN, "--seeds", "4,5", "--name", "lab", "--detach", "--step-seconds", "0.05")
    assert (code, error) == (0, "")
    assert out.splitlines()[-1] == "lab-s5 follows"
    first = tmp_path / "home" / "runs" / "lab-s4"
    deadline = time.monotonic() + 60
    while (live := read_live(first)) is None or live.step == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(live.pid, signal.SIGKILL)
    assert (ended(tmp_path, 5), ended(tmp_path, 4)) == ("finished", "interrupted")
    out = dltui("runs")[1]
    assert "1 of 2, interrupted" in out
    assert "lab: 1 of 2 finished, interrupted: dltui resume lab" in out
    code, out, _ = dltui("resume", "lab", "--plain")
    assert code == 0
    assert out.splitlines()[-1].startswith("lab: 2 seeds (4, 5), test accuracy")
    assert ended(tmp_path, 4) == "finished"
    assert "nothing to resume" in dltui("resume", "lab")[1]


KILLED = """
import os, sys
from dltui.core.lifecycle import series
from dltui.tui.cli import main
create, made = series.create_run, []

def create_run(*args, **kwargs):
    if made:
        os.kill(os.getpid(), 9)
    made.append(create(*args, **kwargs))
    return made[-1]

series.create_run = create_run
main.run(sys.argv[1:])
"""


def test_a_series_whose_maker_was_killed_says_what_is_missing_and_resume_makes_it(
    dltui: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*TRAIN, "--seeds", "4,5,6", "--name", "lab", "--lr", "0.25"]
    assert subprocess.run([sys.executable, "-c", KILLED, *words], check=False).returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.glob("home/runs/lab*")] == ["lab-s4"]
    listed = dltui("runs")[1].splitlines()
    assert listed[1].startswith("lab (3 seeds)")
    assert "0 of 3, interrupted" in listed[1]
    assert listed[2] == "lab: 0 of 3 finished, interrupted, seeds 5, 6 without a run: dltui resume lab"
    started: list[str] = []
    monkeypatch.setattr(series, "queue_worker", lambda run, *_: started.append(run.id) or 0)
    code, out, error = dltui("resume", "lab", "--detach")
    assert (code, error) == (0, "")
    assert out.startswith("lab-s5, lab-s6: made now, the command that began the series was killed\n")
    assert started == ["lab-s4", "lab-s5", "lab-s6"]
    rows = json.loads(dltui("runs", "--json")[1])
    assert [(row["id"], row["seed"], row["group_seeds"]) for row in rows] == [
        ("lab-s6", 6, None), ("lab-s5", 5, None), ("lab-s4", 4, None),
    ]  # fmt: skip
    asked = [RunReader(tmp_path / "home" / "runs" / f"lab-s{seed}").run for seed in (4, 6)]
    differ = {name for name in asked[0] if asked[0][name] != asked[1][name]}
    assert differ == {"birth", "command", "config", "created", "exports", "id", "name", "seed"} | (
        {"created_text"} & differ
    )
    assert asked[1]["config"] == {**asked[0]["config"], "seed": 6}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--seeds", "1,x"), "seed must be a whole number"),
        (("--seeds", "1,1"), "--seeds names a seed twice: 1,1"),
        (("--seeds", ","), "--seeds wants numbers"),
        (("--seeds", ""), "--seeds wants numbers like 1,2,3, got ''"),
        (("--seeds", "1,-2"), "seed must be a whole number"),
        (("--seeds", "1,2", "--seed", "3"), "--seed and --seeds exclude one another"),
        (("--seeds", "1,2", "--dry-run"), "--dry-run tries one run"),
        (("--seeds", "1,2", "--lr", "-1"), "lr must be greater than 0"),
        (("--seeds", "1,2", "--name", ".x"), "not allowed"),
    ],
)
def test_wrong_use_leaves_no_run(dltui: Run, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    code, _, error = dltui(*TRAIN, *arguments)
    assert code == 2
    assert words in error
    assert error.count("\n") == 1
    assert not list((tmp_path / "home").glob("runs/*"))


def test_means_are_written_with_their_spread() -> None:
    assert wording.spread("accuracy", Spread(0.8452, 0.001, 3)) == "84.52 ±0.10 %"
    assert wording.spread("accuracy", Spread(0.8452, 0.0144, 3)) == "84.52 ±1.44 %"
    assert wording.spread("accuracy", Spread(0.8452, None, 1)) == "84.52 %"
    assert wording.spread("loss", Spread(0.1234, 0.0012, 3)) == "0.1234 ±0.0012"
    assert wording.spread("loss", Spread(0.1234, 0.0, 3)) == "0.1234 ±0.0000"
