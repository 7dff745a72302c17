"""A run that has given its device back, as its waiting process sees the world."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dltui.core.reading.history import History
from dltui.core.rundir import lock
from dltui.core.rundir.commands import Command
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.events import CommandObeyed, Event
from dltui.core.worker import worker_process
from dltui.core.worker.waiting import device_queue, released
from dltui.core.worker.waiting.device_queue import Place


class Script:
    """A journal whose user sends one command at each look, or does something else."""

    def __init__(self, *steps: Any) -> None:
        self.steps = list(steps)
        self.looks = 0
        self.said: list[tuple[str, str]] = []
        self.answers: list[str] = []

    def emit(self, event: Event, sync: bool = False) -> None:
        if isinstance(event, CommandObeyed):
            self.answers.append(event.action)

    def phase(self, name: str, detail: str = "") -> None:
        self.said.append((name, detail))

    def commands(self) -> list[Command]:
        self.looks += 1
        assert self.looks < 100, "it waits forever"
        step = self.steps.pop(0) if self.steps else lambda: None
        if callable(step):
            step()
            return []
        return [Command("x", step[0], step[1], "me", 0.0, Path())]

    def obeyed(self, command: Command) -> None: ...


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(device_queue, "POLL_SECONDS", 0.0)
    return RunDirectory.create("long", {"created": 1.0, "device": {"name": "cpu"}})


def wait(run: RunDirectory, script: Script, history: History | None = None) -> str | None:
    return released.wait(Place(run), script, history or History(), lambda: False)


def test_it_waits_without_a_ticket_until_it_is_asked_to_go_on(run: RunDirectory) -> None:
    other = RunDirectory.create("short", {"created": 1.0, "device": {"name": "cpu"}})
    seen: list[list[str]] = []

    def look() -> None:
        seen.append([ticket.run for ticket in device_queue.tickets(run)])

    script = Script(look, ("set", {"lr": 0.1}), ("checkpoint", {}), ("resume", {}))
    assert wait(run, script) is None
    assert seen == [[]], "the next in the queue is not kept waiting"
    assert script.answers == ["ignored", "ignored", "resume"]
    assert script.said[0] == ("released", "device given back")
    assert [(ticket.run, ticket.order) for ticket in device_queue.tickets(other)] == [("long", 0)]


def test_asked_to_go_on_it_waits_for_its_turn(run: RunDirectory) -> None:
    short = Place(RunDirectory.create("short", {"created": 1.0, "device": {"name": "cpu"}}))
    short.occupy()
    script = Script(("resume", {}), lambda: None, short.leave, lambda: None)
    assert wait(run, script) is None
    assert ("queued", "1st in line for cpu, after short") in script.said


def test_until_free_means_after_another_run(run: RunDirectory) -> None:
    """It does not go on at once on the device that it has just left."""
    history = History()
    asked = CommandObeyed("i", "pause", {"release": True, "until_free": True}, 1, 5, "me", 0.0).to_json()
    history.commands.append({**asked, "action": "pause"})
    short = Place(RunDirectory.create("short", {"created": 1.0, "device": {"name": "cpu"}}))
    nothing = (lambda: None,) * 3
    script = Script(*nothing, short.occupy, *nothing, short.leave, *nothing)
    assert wait(run, script, history) is None
    assert script.said[0] == ("released", "given back until free")
    assert script.steps, "nobody asked it to go on"


def test_a_stop_ends_it_and_a_second_pause_changes_when_it_goes_on(run: RunDirectory) -> None:
    script = Script(("pause", {"release": True, "until_free": True}), ("pause", {}), ("stop", {}))
    assert wait(run, script) == "stopped"
    assert script.answers == ["pause", "ignored", "stop"]
    assert [detail for _, detail in script.said] == ["given back until free"]


def test_a_queue_that_cannot_be_joined_is_tried_again(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    real, left = device_queue.join, [0]

    def join(run: RunDirectory, device: object = None) -> int:
        left[0] += 1
        if left[0] == 1:
            raise released.RunError("cannot queue long: No space left on device")
        return real(run)

    monkeypatch.setattr(device_queue, "join", join)
    script = Script(("resume", {}), lambda: None)
    assert wait(run, script) is None
    assert ("released", "cannot queue long: No space left on device; tries again") in script.said


def test_a_machine_that_wants_its_process_back_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program that replaces this one would not know of the signal."""
    nothing = lambda *words: None  # noqa: E731
    attempt: Any = SimpleNamespace(
        heartbeat=SimpleNamespace(phase=nothing), is_preempted=lambda: True, stay_away=lambda why: why
    )
    rest: Any = SimpleNamespace(leave=nothing)
    monkeypatch.setattr(released, "become_waiting", lambda *words: pytest.fail("it was replaced"))
    why = worker_process._give_back(attempt, rest, rest, worker_process.Task(), rest)
    assert why == "and the machine asked for its process back"


def test_a_ticket_that_cannot_be_locked_is_taken_back(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    real, tries = lock.RunLock.acquire, [0]

    def acquire(self: lock.RunLock, path: Path) -> None:
        tries[0] += 1
        if tries[0] == 1:
            raise released.RunError("the disk has no file locks")
        real(self, path)

    monkeypatch.setattr(lock.RunLock, "acquire", acquire)
    script = Script(("resume", {}))
    assert wait(run, script) is None
    assert not [detail for name, detail in script.said if name == "queued"], "it waited behind itself"


def test_the_program_that_waits_is_small() -> None:
    """Without NumPy it takes some 25 MB, with it half as much again."""
    heavy = "{'numpy', 'pydantic', 'psutil'}"
    code = f"import sys, dltui.core.worker.worker_process; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_loggers_are_told_of_a_run_that_ends_without_its_device(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def leave_queue(ending: str) -> str:
        said.append(ending)
        return ending

    monkeypatch.setattr(released, "wait", lambda *given: "stopped")
    attempt: Any = SimpleNamespace(journal=None, history=None, is_preempted=None, leave_queue=leave_queue)
    loggers: Any = SimpleNamespace(start=lambda: said.append("begun"))
    assert worker_process._train(attempt, Place(run), worker_process.Task(released=3), loggers) == "stopped"
    assert said == ["begun", "stopped"]
