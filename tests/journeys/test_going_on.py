"""Going on with a run says what differs, refuses to mix two things, and leaves a run that is done as it is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dltui.core.rundir import commands, log
from tests.journeys.program import Program
from tests.journeys.test_detach import FAKE

FAST = ("--epochs", "2", "--name", "r")
SLOW = ("--step-seconds", "0.05", "--checkpoint-seconds", "0.1")


@pytest.fixture
def net(program: Program) -> Path:
    """The fake plugin as a file of somebody's own, whose network cannot be built while a file is there."""
    path = program.folder / "net.py"
    boom = program.folder / "boom"
    broken = f'    if Path({str(boom)!r}).exists():\n        raise ValueError("no network today")\n'
    path.write_text(FAKE.read_text().replace("    inputs = int(", broken + "    inputs = int(", 1))
    return path


def train(program: Program, net: Path, *more: str) -> None:
    program("train", "softmax-numpy", "--plugin", str(net), "--dataset", "blobs", *FAST, *more)


@pytest.mark.longest
def test_a_run_that_is_done_stays_done_when_it_cannot_go_on(program: Program, net: Path) -> None:
    train(program, net)
    (program.folder / "boom").touch()
    for _ in range(2):
        failed = program("resume", "r", "--more-epochs", "1", "--plain", code=1)
        assert "dltui: r does not go on: ValueError: no network today" in failed.stderr
    assert program.reader("r").status().name == "finished"
    assert program.summary("r")["epochs"] == 2
    (program.folder / "boom").unlink()
    program("resume", "r", "--more-epochs", "1", "--plain")
    assert program.summary("r")["epochs"] == 3, "what failed added nothing"
    assert program.reader("r").history.added_epochs == [1]


@pytest.mark.longest
def test_another_model_is_said_and_refused_and_a_fork_takes_it(program: Program, net: Path) -> None:
    train(program, net)
    net.write_text("# A comment changes nothing.\n" + net.read_text())
    assert "nothing differs: data, model" in program("resume", "r", "--more-epochs", "1", "--plain").stdout
    before = program.summary("r")
    net.write_text(net.read_text().replace("x @ self.kernel + self.bias", "np.tanh(x @ self.kernel) + self.bias"))
    refused = program("resume", "r", "--more-epochs", "1", code=2).stderr
    assert "differs: net.py, the code of the model, has changed" in refused
    assert refused.strip().endswith("r would mix the two; go on in a new run: dltui fork r")
    assert program.summary("r") == before
    program("fork", "r", "--epochs", "5", "--plain")
    fork = program.reader("r-fork").history
    assert any("differs: net.py" in text for _, _, text in fork.logs)
    assert min(fork.epochs) == 4, "a curve of its own"


def test_the_worker_itself_refuses(program: Program, net: Path) -> None:
    """What changes after the look of the command line is not mixed either."""
    train(program, net)
    net.write_text(net.read_text().replace("x @ self.kernel + self.bias", "np.tanh(x @ self.kernel) + self.bias"))
    command = [sys.executable, "-P", "-m", "dltui.core.worker.worker_process", str(program.run("r"))]
    done = subprocess.run([*command, "--more-epochs", "1"], env=program.environment, capture_output=True, check=False)
    assert done.returncode == 1
    history = program.reader("r").history
    assert any("differs: net.py" in text for _, level, text in history.logs if level == "error")
    assert program.reader("r").status().name == "finished"
    assert history.added_epochs == []


@pytest.mark.longest
def test_other_data_are_said_and_refused(program: Program, net: Path) -> None:
    table = program.folder / "d.csv"
    rows = [f"{number % 7}.5,{number % 3}.25,{'abc'[number % 3]}" for number in range(300)]
    table.write_text("\n".join(["x,y,label", *rows]))
    data = ("--dataset", f"csv:{table}")
    program("train", "softmax-numpy", "--plugin", str(net), *data, *FAST)
    table.write_text("\n".join(["x,y,label", *rows[:200]]))
    refused = program("resume", "r", "--more-epochs", "1", code=2).stderr
    assert "differs: the data of " in refused
    assert "216 train samples then, 146 today" in refused
    table.write_text("\n".join(["x,y,label", *rows]).replace("b\n", "z\n"))
    refused = program("resume", "r", "--more-epochs", "1", code=2).stderr
    assert "class b is z now" in refused


def test_a_hyperparameter_that_is_gone_is_named(program: Program, net: Path) -> None:
    train(program, net, "--step-seconds", "0.001")
    net.write_text(net.read_text().replace("step_seconds", "seconds_of_a_step"))
    refused = program("resume", "r", "--more-epochs", "1", code=2).stderr
    assert "differs: the model has no step_seconds any more (it was 0.001)" in refused


@pytest.mark.longest
def test_old_commands_end_with_the_attempt_that_they_were_meant_for(program: Program, net: Path) -> None:
    train(program, net, *SLOW, "--detach")
    live = program.wait("r", lambda live: live.step > 3)
    os.kill(live.pid, signal.SIGSTOP)
    run = program.run("r")
    for action, arguments in (("stop", {}), ("pause", {}), ("set", {"lr": 0.5})):
        commands.send(run, action, arguments)  # type: ignore[arg-type]
    program("kill", "r", "--yes")
    program("resume", "r", "--plain")
    reader = program.reader("r")
    assert reader.status().name == "finished"
    assert reader.history.lr_changes == []
    said = [text for _, _, text in reader.history.logs if "meant for the attempt before" in text]
    assert [text.split()[1] for text in said] == ["stop", "pause", "set"]
    assert [entry["action"] for entry in reader.history.commands] == ["ignored"] * 3 + ["kill"]
    assert list((run / "control").iterdir()) == []


def interrupted(program: Program, net: Path) -> Path:
    """A run with a new learning rate and a checkpoint after it, killed; its log."""
    train(program, net, *SLOW, "--epochs", "6", "--detach")
    live = program.wait("r", lambda live: live.step > 3)
    for action, arguments in (("set", {"lr": 0.003}), ("checkpoint", {})):
        sent = commands.send(program.run("r"), action, arguments)  # type: ignore[arg-type]
        program.wait("r", lambda _, sent=sent: sent in _obeyed(program))  # type: ignore[misc]
    done = len(program.reader("r").history.checkpoints)
    program.wait("r", lambda _: len(program.reader("r").history.checkpoints) > done)
    os.kill(live.pid, signal.SIGKILL)
    program.wait_status("r", "interrupted")
    return program.run("r") / "events.jsonl"


def _obeyed(program: Program) -> set[str]:
    return {entry["id"] for entry in program.reader("r").history.commands}


def flip(path: Path, word: bytes) -> None:
    data = bytearray(path.read_bytes())
    data[data.rindex(word) + 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.longest
def test_a_rate_whose_line_is_damaged_holds_all_the_same(program: Program, net: Path) -> None:
    path = interrupted(program, net)
    (before,) = program.reader("r").history.lr_changes
    flip(path, b'"action":"set"')
    assert program.reader("r").history.lr_changes == []
    program("resume", "r", "--plain")
    history = program.reader("r").history
    assert history.lr_changes == [before]
    assert any("its line in the log is damaged, the checkpoint has it" in text for _, _, text in history.logs)
    rates = dict(zip(history.points.steps, history.points.lr, strict=True))
    assert {round(float(rate), 6) for step, rate in rates.items() if step > before[0] + 1} == {0.003}


@pytest.mark.longest
def test_what_nobody_can_know_is_asked(program: Program, net: Path) -> None:
    """A line after the last checkpoint may have been a new rate."""
    path = interrupted(program, net)
    last = log.decode(path.read_bytes().rstrip(b"\n").rpartition(b"\n")[2])
    assert last is not None
    with path.open("ab") as file:
        file.write(log.encode({**last, "seq": last["seq"] + 1, "type": "log"}).replace(b'"type"', b'"tipe"'))
    refused = program("resume", "r", code=2).stderr
    assert "not known: one line of its log since the last checkpoint cannot be read" in refused
    assert refused.strip().endswith("dltui fork r")
    program("fork", "r", "--step-seconds", "0", "--plain")


@pytest.mark.longest
def test_a_fork_that_is_killed_leaves_nothing(program: Program, net: Path) -> None:
    train(program, net)
    code = "import os, signal, sys\nfrom dltui.core.lifecycle import fork\n"
    code += "fork._save = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
    code += "from dltui.tui.cli.main import run\nsys.exit(run(['fork', 'r', '--epochs', '4']))"
    done = subprocess.run([sys.executable, "-c", code], env=program.environment, cwd=program.folder, check=False)
    assert done.returncode == -signal.SIGKILL
    runs = program.home / "runs"
    (left,) = [path for path in runs.iterdir() if path.name != "r"]
    assert left.name.startswith(".r-fork.")
    assert json.loads(program("runs", "--json").stdout)[0]["id"] == "r"
    program("fork", "r", "--epochs", "4", "--plain")
    assert sorted(path.name for path in runs.iterdir()) == ["r", "r-fork"]
