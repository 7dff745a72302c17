"""Launchers: what a plugin gives to start runs in another way than as a process of this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dltui.core.contract.config import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

StateName = Literal["waiting", "running", "gone", "unknown"]
Job = Mapping[str, Any]
"""What a launcher has started, as JSON values: kept in the run directory, and given back to `state` and `kill`."""


class LauncherOptions(Options):
    """The options of a launcher: a subclass declares them as a model declares its hyperparameters. One that is called
    `gpus` is how many GPUs a job has: with several, `--device auto` trains on all of them. One that is called `workers`
    is how many processes train a run together, each on one device, and `nodes`, if several, are machines with one for
    each of their `gpus`: the command is carried out once for each, with the variable of `core.worker.ranks.gathering`
    that says which of them it is.
    """


OPEN_PORTS = (
    "ports that ask for nothing, those of TensorFlow on all interfaces: they belong on a network that you trust"
)
"""What the ranks of several machines open, for the help of an option that starts them."""


@dataclass(frozen=True)
class Launch:
    """A run that is to be started. `command` trains it to its end on the machine where it is carried out, from its last
    checkpoint if there is one, with the `environment` beside that of the machine; its exit code is 75 where the machine
    asked for its process back, and 0 where nothing is left to do. What it prints belongs at the end of `log`. All paths
    are absolute, and must be the same on that machine.
    """

    run_dir: Path
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path


@dataclass(frozen=True)
class LaunchState:
    """The state of a job: "waiting" until its command is carried out, then "running", and "gone" when it will never be
    carried out (again). `reason` is a few words, such as why it waits; `place` its place in the queue from 1 on, 0
    where that is not known.
    """

    name: StateName
    reason: str = ""
    place: int = 0


@dataclass(frozen=True)
class Launcher:
    """Starts runs with `dltui train ... --launcher NAME --NAME KEY=VALUE,...`.

    `options` are what it takes; those in `flags` also have a flag of their own. `start(launch, options)` returns a job
    at once, while the run may have to wait; `state(launch, job)` is asked every few seconds while somebody looks, and
    `kill(launch, job)` ends the job, wherever it stands. All are called in a process of their own, and raise RunError
    with one line. `programs` must be on PATH, and `package` installed (`install` says how) for it to be chosen.
    `away`: its jobs are carried out on other machines, so that `--device` is chosen there. `requeues`: a job whose
    machine asked for its process back is carried out again by itself.
    """

    name: str
    summary: str
    start: Callable[[Launch, Any], Job]
    state: Callable[[Launch, Job], LaunchState]
    kill: Callable[[Launch, Job], None]
    options: type[LauncherOptions] = LauncherOptions
    flags: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    package: str = ""
    install: str = ""
    away: bool = True
    requeues: bool = False
