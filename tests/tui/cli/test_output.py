"""`dltui train` in a real terminal and without one: what Ctrl-C asks, what signals do, what control commands do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from dltui.core.machine import process
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.heartbeat import Live, read_live
from tests.helpers.known_catalog import Fill
from tests.helpers.marks import few

FAKE = Path(__file__).parents[2] / "fakes" / "fake_plugin.py"
PROGRAM = [sys.executable, "-P", "-m", "dltui"]
# Long enough to be interrupted anywhere, as a step takes 20 ms.
SLOW = ["train", "softmax-numpy", "--plugin", str(FAKE), "--dataset", "blobs", "--step-seconds", "0.02"]
LONG = [*SLOW, "--epochs", "2000", "--name", "r"]
SECONDS = 60

pytestmark = pytest.mark.slow


class Place:
    """A home and a working folder of their own, and the runs in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "home" / "runs" / "r"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("DLTUI_")}
        self.environment |= {
            "DLTUI_HOME": str(folder / "home"), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "COLUMNS": "120",
            "DLTUI_FORMAT": "none",
        }  # fmt: skip
        self.environment.pop("CI", None)

    def __call__(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [*PROGRAM, *arguments], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def terminal(self, *arguments: str) -> pexpect.spawn:
        return pexpect.spawn(
            PROGRAM[0], [*PROGRAM[1:], *arguments], cwd=str(self.folder), env=self.environment,
            timeout=SECONDS, encoding="utf-8", dimensions=(24, 100),
        )  # fmt: skip

    def background(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*PROGRAM, *arguments], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def wait(self, ready: Callable[[Live], bool]) -> Live:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            live = read_live(self.path)
            if live is not None and ready(live):
                return live
            time.sleep(0.02)
        raise AssertionError(f"waited in vain: {read_live(self.path)}")

    def status(self) -> str:
        reader = RunReader(self.path)
        reader.refresh()
        return reader.status().name


def training(live: Live) -> bool:
    return live.phase == "training" and live.step > 2


@pytest.fixture
def place(tmp_path: Path, know_catalog: Fill) -> Iterator[Place]:
    place = Place(tmp_path)
    know_catalog(tmp_path / "home")
    yield place
    live = read_live(place.path)
    if live is not None and process.alive(live.process):
        process.send_signal(live.process, signal.SIGKILL)


def test_ctrl_c_asks_and_escape_goes_on_and_d_detaches(place: Place) -> None:
    screen = place.terminal(*LONG)
    live = place.wait(training)
    screen.expect("Ctrl-C: detach, stop or kill")
    screen.sendintr()
    screen.expect("a kill would lose: no checkpoint yet, [0-9,]+ steps")
    screen.expect("d detach   s stop and keep   k kill   Esc go on")
    screen.send("\x1b")
    place.wait(lambda now: now.step > live.step + 20)
    screen.sendintr()
    screen.expect("d detach")
    screen.send("d")
    screen.expect("the run goes on; back with: dltui attach r")
    screen.expect(pexpect.EOF)
    screen.close()
    assert screen.exitstatus == 0
    assert place.status() == "running"


def test_s_stops_and_keeps_everything(place: Place) -> None:
    screen = place.terminal(*LONG)
    place.wait(training)
    screen.sendintr()
    screen.expect("s stop and keep")
    screen.send("s")
    screen.expect("stopped: ")
    screen.expect(pexpect.EOF)
    screen.close()
    assert screen.exitstatus == 0
    assert place.status() == "stopped"


@pytest.mark.long
def test_k_kills_and_says_how_to_go_on(place: Place) -> None:
    screen = place.terminal(*LONG, "--plain")
    place.wait(training)
    screen.sendintr()
    screen.expect("k kill")
    screen.send("k")
    screen.expect("interrupted: ")
    screen.expect("dltui resume r")
    screen.expect(pexpect.EOF)
    screen.close()
    assert screen.exitstatus == 130
    assert place.status() == "interrupted"


def test_a_closed_terminal_leaves_the_run_alive(place: Place) -> None:
    screen = place.terminal(*LONG)
    live = place.wait(training)
    screen.close(force=True)
    place.wait(lambda now: now.step > live.step + 50)
    assert place.status() == "running"


@pytest.mark.parametrize("number", few([signal.SIGUSR2, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1], 1))
def test_without_a_terminal_signals_go_to_the_worker(place: Place, number: signal.Signals) -> None:
    viewer = place.background(*LONG)
    place.wait(training)
    viewer.send_signal(number)
    out, _ = viewer.communicate(timeout=SECONDS)
    assert viewer.returncode == 75, out
    assert "preempted: " in out
    assert "dltui resume r" in out
    assert "\x1b" not in out
    assert place.status() == "preempted"


@pytest.mark.parametrize("variables", few([{"TERM": "dumb"}, {"CI": "true"}], 1))
def test_a_terminal_that_wants_plain_lines_gets_no_control_codes(place: Place, variables: dict[str, str]) -> None:
    place.environment |= variables
    screen = place.terminal(*SLOW, "--epochs", "2", "--name", "r")
    screen.expect(pexpect.EOF)
    screen.close()
    assert screen.exitstatus == 0
    assert "epoch 2/2" in screen.before
    assert "\x1b" not in screen.before


@pytest.mark.longest
def test_commands_are_acknowledged(place: Place) -> None:
    started = json.loads(place(*LONG, "--detach", "--json"))
    assert started["id"] == "r"
    assert Path(started["path"]) == place.path
    place.wait(training)
    assert "r paused at step " in place("pause", "r")
    assert place.status() == "paused"
    assert "r goes on at step " in place("resume", "r")
    assert "r: checkpoint at step " in place("checkpoint", "r")
    assert "r: lr 0.05 from step " in place("set", "r", "lr=0.05")
    assert "r: lr 0.02 from step 25,000 on" in place("set", "r", "lr=0.02", "--at-step", "25000")
    place("set", "r", "lr=-1", code=2)
    place("set", "r", "momentum=0.5", code=2)
    place("resume", "r", code=2)
    place("rm", "r", code=2)
    assert "r stopped at step " in place("stop", "r")
    place("attach", "r")
    assert place.status() == "stopped"
    commands = RunReader(place.path)
    commands.refresh()
    assert [entry["action"] for entry in commands.history.commands] == [
        "pause", "resume", "checkpoint", "set", "set", "stop",
    ]  # fmt: skip


@pytest.mark.longest
def test_kill_then_resume_in_the_foreground(place: Place) -> None:
    place(*SLOW, "--epochs", "12", "--name", "r", "--checkpoint-seconds", "0.1", "--detach")
    place.wait(lambda live: live.step > 40)
    assert "last checkpoint" in place("kill", "r")
    assert place.status() == "interrupted"
    out = place("resume", "r")
    assert "r was interrupted: " in out
    assert "restored: weights, optimizer, random state and position of a01-step-" in out
    assert "resumed from a01-step-" in out
    assert "finished: 12 epochs" in out


def test_dry_run_leaves_nothing(place: Place) -> None:
    out = place(*LONG, "--dry-run")
    assert out.splitlines()[-1] == "dry run: all of it works; nothing was kept"
    assert "epoch 1/1 " in out
    assert not place.path.exists()
    assert not (place.folder / "exports").exists()


@pytest.mark.longest
def test_debug_trains_in_the_foreground_with_tracebacks(place: Place) -> None:
    plugin = place.folder / "broken.py"
    head = "def build(config: SoftmaxConfig, spec: Spec) -> Affine:\n"
    plugin.write_text(FAKE.read_text().replace(head, head + "    raise ZeroDivisionError\n"))
    viewer = place.background(
        "train", "softmax-numpy", "--plugin", str(plugin), "--dataset", "blobs", "--debug", "--name", "r"
    )
    out, _ = viewer.communicate(timeout=SECONDS)
    assert viewer.returncode == 1
    assert "ZeroDivisionError" in out
    assert "Traceback" in out
    assert "r: ZeroDivisionError (broken.py line 5" in place("runs"), "and the list says what it raised"


def test_train_json_is_one_event_per_line(place: Place) -> None:
    out = place(*SLOW, "--epochs", "2", "--name", "r", "--json")
    kinds = [json.loads(line)["type"] for line in out.splitlines()]
    assert kinds[:2] == ["run", "attempt_started"]
    assert kinds[-1] == "exported"
    assert kinds.count("run_ended") == 1
    assert kinds.count("epoch_ended") == 2
