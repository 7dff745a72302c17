"""Requests from users and the machine to a running loop: pause, resume, stop, checkpoint, a new learning rate."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from dltui.core.rundir.commands import problem_of
from dltui.core.rundir.events import CommandObeyed, Event, Logged

if TYPE_CHECKING:
    from dltui.core.rundir.commands import Command
    from dltui.core.train.plan import Planner

PAUSE_POLL_SECONDS = 0.05

Ending = Literal["finished", "stopped", "preempted", "released"]


class CommandJournal(Protocol):
    """The part of the journal that orders need."""

    def emit(self, event: Event, sync: bool = False) -> None: ...
    def phase(self, name: str, detail: str = "") -> None: ...
    def commands(self) -> list[Command]: ...
    def obeyed(self, command: Command) -> None: ...


def acknowledge(journal: CommandJournal, command: Command, problem: str, epoch: int = 0, step: int = 0) -> None:
    """Record in the log that a command is obeyed, or ignored because of a problem."""
    if problem:
        journal.emit(Logged("warning", f"command {command.action} ignored: {problem}"))
    action = "ignored" if problem else command.action
    arguments = dict(command.arguments)
    journal.emit(CommandObeyed(command.id, action, arguments, epoch, step, command.by, command.sent), sync=True)


def releases(action: str, arguments: Mapping[str, Any]) -> bool:
    """True for a pause that gives the device back."""
    return action == "pause" and arguments.get("release") is True


def steered(identity: str, action: str, step: int, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A command that steers the plan, as checkpoints carry it."""
    return {"id": identity, "action": action, "step": step, "arguments": dict(arguments)}


class Orders:
    """Takes commands between chunks. `stop` is the reason to end, "released" for a pause that gives the device back;
    `checkpoint` and `replan` are cleared by the loop.
    """

    def __init__(self, journal: CommandJournal, planner: Planner, quitting: Callable[[], bool]) -> None:
        self.journal = journal
        self.planner = planner
        self.quitting = quitting
        self.stop: Ending | None = None
        self.paused = False
        self.checkpoint = False
        self.replan = False

    @property
    def leaving(self) -> bool:
        """True if the process is to go at once, also in the middle of an evaluation."""
        return self.stop in ("preempted", "released")

    def take(self, epoch: int, step: int) -> None:
        """Take the pending commands; `epoch` counts from 1, `step` is the number of steps done."""
        if self.quitting():
            self.stop = "preempted"
        for command in self.journal.commands():
            self._obey(command, epoch, step)

    def wait_while_paused(self, epoch: int, step: int, idle: Callable[[], None]) -> bool:
        """Return when no pause holds, with True if there was a pause; `idle` is called after each check of the
        commands.
        """
        waited = self.paused
        while self.paused and not self.stop:
            self.journal.phase("paused")
            idle()
            time.sleep(PAUSE_POLL_SECONDS)
            self.take(epoch, step)
        self.paused = False
        return waited

    def _obey(self, command: Command, epoch: int, step: int) -> None:
        """Acknowledge a command, then act: the log names the step of a new learning rate before it is used."""
        arguments = dict(command.arguments)
        at = arguments.pop("at_step", None)
        step = max(step, at) if isinstance(at, int) else step
        problem = problem_of(command.action, arguments)
        acknowledge(self.journal, replace(command, arguments=arguments), problem, epoch, step)
        if not problem:
            self._act(command, arguments, step)
        self.journal.obeyed(command)

    def _act(self, command: Command, arguments: dict[str, Any], step: int) -> None:
        action = command.action
        if releases(action, arguments):
            self.stop = self.stop or "released"
        elif action == "pause":
            self.paused = True
        elif action == "resume":
            self.paused = False
            self.stop = None if self.stop == "released" else self.stop
        elif action == "stop":
            self.stop = "stopped" if self.stop in (None, "released") else self.stop
        elif action == "checkpoint":
            self.checkpoint = True
        elif action == "set":
            self.planner.change_lr(step, float(arguments["lr"]))
            self.planner.steered.append(steered(command.id, action, step, arguments))
            self.replan = True
