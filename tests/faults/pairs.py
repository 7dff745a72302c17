"""Starts two workers on one run directory at the same instant, again and again: one runs, the other refuses.

    python -m tests.faults.pairs [--times N] [--bug NAME]

The workers are forked from this process, which has no thread, and wait for the same byte. Exit code 0: it was so each
time.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import traceback
from pathlib import Path

from dltui.core.errors import DltuiError
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.log import LogTail
from tests.faults.lab import Lab
from tests.faults.planted import PROCESSES

STEP_SECONDS = 0.01
"""So that the first still runs when the second looks."""


def start(lab: Lab, run: RunDirectory, gate: int, out: Path) -> int:
    """The pid of a worker that waits at the gate; what it says is in `out`."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        fd = os.open(out, os.O_WRONLY | os.O_CREAT, 0o600)
        for std in (1, 2):
            os.dup2(fd, std)
        os.read(gate, 1)
        code = lab.work(run)
    except DltuiError as error:
        print(error, flush=True)  # noqa: T201
        code = error.exit_code
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def race(lab: Lab) -> list[str]:
    """What went wrong in one pair."""
    run = lab.new_run(epochs=1, step_seconds=STEP_SECONDS)
    gate, opener = os.pipe()
    outs = [run.path / f"out-{number}" for number in range(2)]
    pids = [start(lab, run, gate, out) for out in outs]
    os.write(opener, b"gg")
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    for fd in (gate, opener):
        os.close(fd)
    said = [out.read_text().strip() for out in outs]
    faults = []
    if sorted(codes) != [0, 1]:
        faults.append(f"exit codes {codes}: {said}")
    else:
        winner, refusal = pids[codes.index(0)], said[codes.index(1)]
        # Asked in the instant before the winner has written its name, the loser knows only its pid.
        if not refusal.startswith(f"run {run.id} is running") or str(winner) not in refusal or "\n" in refusal:
            faults.append(f"the second said {refusal!r}")
    records = LogTail(run.events_path).read()
    if [record["seq"] for record in records] != list(range(1, len(records) + 1)):
        faults.append("their lines are mixed in the log")
    if sum(record["type"] == "attempt_started" for record in records) != 1:
        faults.append("both trained")
    lab.forget(run)
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--bug", choices=PROCESSES)
    arguments = parser.parse_args()
    plant = PROCESSES[arguments.bug] if arguments.bug else contextlib.nullcontext
    with tempfile.TemporaryDirectory() as folder, plant():
        lab = Lab(Path(folder))
        faults = [fault for _ in range(arguments.times) for fault in race(lab)]
    print("\n".join([*faults[:20], f"{arguments.times} pairs, {len(faults)} faults"]))  # noqa: T201
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
