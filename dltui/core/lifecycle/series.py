"""Runs that differ in their seed alone: `python -P -m dltui.core.lifecycle.series < JOB` trains them in turn."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from dltui.core.errors import DltuiError
from dltui.core.lifecycle.create import RunRequest, create_run
from dltui.core.lifecycle.start import spawn_worker
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.directory import RunDirectory, list_runs
from dltui.core.rundir.names import check_run_name, free_name, run_name

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog

POLL_SECONDS = 0.5


def group_name(wanted: str | None) -> str:
    """The group name of a series of runs: the wanted name or a made-up name, numbered when another group has it.

    Raises UsageError.
    """
    base = check_run_name(wanted) if wanted is not None else run_name(random.Random())
    return free_name(base, {_group(run) for run in list_runs()}.__contains__)


def _group(run: RunDirectory) -> object:
    try:
        return run.run().get("group")
    except DltuiError:
        return None


def member(request: RunRequest, group: str, seed: int) -> RunRequest:
    """The request for one run of the series. Its command trains this run alone."""
    return replace(
        request,
        config={**request.config, "seed": seed},
        name=f"{group}-s{seed}",
        group=group,
        command=_alone(request.command, seed),
    )


def _alone(command: Sequence[str], seed: int) -> tuple[str, ...]:
    words = list(command)
    for position, word in enumerate(words):
        if word == "--seeds":
            words[position : position + 2] = ["--seed", str(seed)]
        elif word.startswith("--seeds="):
            words[position] = f"--seed={seed}"
    return tuple(words)


def status_after(run: RunDirectory, pause: Callable[[float], None] = time.sleep) -> str:
    """Wait until a run is over, and return its status."""
    reader = RunReader(run)
    while True:
        reader.refresh()
        status = reader.status()
        live = reader.live()
        # Over means: figures and all. A run that ended is still at them.
        if status.over and (status.name == "interrupted" or live is None or live.phase == "ended"):
            return status.name
        pause(POLL_SECONDS)


def go_on(first: RunDirectory, request: RunRequest, group: str, seeds: Sequence[int], catalog: Catalog) -> None:
    """Wait for `first`, then train the other seeds. Ends at the first run that does not finish."""
    status = status_after(first)
    for seed in seeds:
        if status != "finished":
            sys.stdout.write(f"series {group}: ends before seed {seed}, the run before it was {status}\n")
            return
        run = create_run(member(request, group, seed), catalog)
        spawn_worker(run)
        status = status_after(run)


def spawn(first: RunDirectory, request: RunRequest, group: str, seeds: Sequence[int]) -> None:
    """Start a background process for `go_on`. Its output goes to the first run's worker.log."""
    plain = {**asdict(request), "plugins": [str(path) for path in request.plugins]}
    job = json.dumps({"first": str(first.path), "request": plain, "group": group, "seeds": list(seeds)})
    log = os.open(first.worker_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # In this working directory, to which the paths of the request are relative.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "dltui.core.lifecycle.series"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        # Not as an argument, which everybody on the machine can read for as long as it runs.
        assert process.stdin is not None
        with process.stdin as pipe:
            pipe.write(job.encode())
    finally:
        os.close(log)


def main() -> int:
    from dltui.core.catalog.assemble import load_catalog

    job = json.load(sys.stdin)
    request = RunRequest(**job["request"])
    try:
        go_on(RunDirectory(job["first"]), request, job["group"], job["seeds"], load_catalog(request.plugins))
    except DltuiError as error:
        sys.stderr.write(f"dltui: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
