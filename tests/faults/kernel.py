"""The faults of the lab tried with the real kernel: system calls that kill or fail, and power cuts of a real ext4.

    python -m tests.faults.kernel calls [--fault SIGKILL|ENOSPC|EIO|EROFS] [--every N]
    python -m tests.faults.kernel cuts [--cuts N] [--mount OPTIONS] [--seed N] [--bug NAME]

`calls` needs strace and the right to trace: each write, fsync, rename ... of a run of two epochs in turn kills the
worker or fails. `cuts` needs root, loop devices and mkfs.ext4: the run lies on an ext4 of its own, whose image is
copied at a random moment while the worker stands still; the copy is what a power cut would have left. `--bug` plants a
bug and stops at the first fault.

Exit code 0: nothing was lost; 1: something was.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dltui.core.errors import DltuiError
from dltui.core.rundir.directory import RunDirectory
from tests.faults.cuts import examine
from tests.faults.errors import judge
from tests.faults.lab import Lab, Result, noting_commits
from tests.faults.planted import CRASHES

CALLS = ("write", "fsync", "rename", "link", "unlink", "mkdir", "openat", "ftruncate")
"""`pwrite64` is the heartbeat's last resort and `fsync` stands for `fdatasync` too, which is not used."""
MEGABYTES = 48


class Notes:
    """Tells the parent, by a socket whose calls are not among those that fail, which checkpoints are safe."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def append(self, note: tuple[Any, ...]) -> None:
        self._end.send(b"%d\n" % note[1])


class Worker:
    """A worker in a process of its own that waits for `go`."""

    def __init__(self, lab: Lab, run: RunDirectory) -> None:
        self._ours, theirs = socket.socketpair()
        self.run = run
        self.pid = os.fork()
        if self.pid == 0:
            self._ours.close()
            os._exit(_child(lab, run, theirs))
        theirs.close()

    def go(self) -> None:
        self._ours.send(b"g")

    def safe(self) -> int:
        """The step of the newest checkpoint that was said to be safe."""
        self._ours.setblocking(False)
        said = b""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while part := self._ours.recv(4096):
                said += part
        return max(map(int, said.split()), default=0)

    def wait(self) -> int:
        """The exit code, negative for a signal."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def close(self) -> None:
        self._ours.close()


def _child(lab: Lab, run: RunDirectory, end: socket.socket) -> int:
    log = os.open(run.worker_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for fd in (1, 2):
        os.dup2(log, fd)
    end.recv(1)
    try:
        with noting_commits(Notes(end)):  # type: ignore[arg-type]
            return lab.work(run)
    except DltuiError as error:
        os.write(2, f"dltui: {error}\n".encode())
        return error.exit_code
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.write(2, f"raised {error!r}\n".encode())
        return 70


@dataclass
class Tally:
    """What is told at the end."""

    tried: int = 0
    ended: collections.Counter[int] = field(default_factory=collections.Counter)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        codes = ", ".join(f"{count} x {code}" for code, count in sorted(self.ended.items()))
        return "\n".join([*self.faults[:20], f"{self.tried:,} tried (exit codes {codes}), {len(self.faults)} faults"])


def traced(worker: Worker, *options: str) -> int:
    """Let a worker live under strace; its exit code."""
    command = ["strace", "-f", "-qq", "-p", str(worker.pid), *options]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    while "TracerPid:\t0\n" in Path(f"/proc/{worker.pid}/status").read_text():
        if tracer.poll() is not None:
            raise SystemExit(f"strace: {tracer.stderr.read() if tracer.stderr else ''}")
        time.sleep(0.005)
    worker.go()
    code = worker.wait()
    tracer.wait()
    return code


def count_calls(lab: Lab, folder: Path) -> dict[str, int]:
    """How often a run makes each call."""
    worker, log = Worker(lab, lab.new_run(epochs=2)), folder / "strace.txt"
    code = traced(worker, "-o", str(log), "-e", f"trace={','.join(CALLS)}")
    if code:
        raise SystemExit(f"an undisturbed run ended with {code}: {worker.run.worker_log.read_text()}")
    found = re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.MULTILINE)
    lab.forget(worker.run)
    return dict(collections.Counter(found))


def sweep_calls(lab: Lab, folder: Path, fault: str, every: int, expected: Result) -> Tally:
    """Each call in turn dies or fails, then the rest of the run is done undisturbed."""
    tally = Tally()
    for name, count in count_calls(lab, folder).items():
        for number in range(1, count + 1, every):
            worker = Worker(lab, lab.new_run(epochs=2))
            how = f"signal={fault}" if fault.startswith("SIG") else f"error={fault}"
            code = traced(worker, "-o", "/dev/null", "-e", f"trace={name}", "-e", f"inject={name}:{how}:when={number}")
            tally.tried += 1
            tally.ended[code] += 1
            wrong = [] if code in (0, 1, -signal.SIGKILL) else [f"exit code {code}"]
            wrong += judge(worker.run, code, expected) if code >= 0 else []
            wrong += examine(lab, worker.run, worker.safe(), expected) if code else []
            tally.faults += [f"{fault} at {name} {number}: {text}" for text in wrong]
            worker.close()
            lab.forget(worker.run)
    return tally


@contextlib.contextmanager
def mounted(image: Path, place: Path, options: str) -> Iterator[None]:
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", f"loop,{options}" if options else "loop", image, place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


def cut_power(lab: Lab, folder: Path, cuts: int, options: str, seed: int, expected: Result, stop: bool) -> Tally:
    """The run lies on a disk of its own; what a copy of that disk holds is looked at and worked on to the end."""
    tally, choice = Tally(), random.Random(seed)
    image, disk = folder / "disk", folder / "mounted"
    with image.open("wb") as file:
        file.truncate(MEGABYTES << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    with mounted(image, disk, options):
        seconds = 0.0
        while tally.tried < cuts and not (stop and tally.faults):
            new = lab.new_run(epochs=2)
            run = RunDirectory(shutil.copytree(new.path, disk / new.id))
            lab.forget(new)
            os.sync()
            began = time.monotonic()
            worker = Worker(lab, run)
            worker.go()
            if seconds:
                time.sleep(choice.uniform(0, seconds))
                tally.faults += _after_cut(lab, worker, folder, image, options, expected)
                tally.tried += 1
            else:
                seconds = worker.wait() or time.monotonic() - began
            worker.close()
            shutil.rmtree(run.path)
    return tally


def _after_cut(lab: Lab, worker: Worker, folder: Path, image: Path, options: str, expected: Result) -> list[str]:
    with contextlib.suppress(ProcessLookupError):
        os.kill(worker.pid, signal.SIGSTOP)
    os.waitpid(worker.pid, os.WUNTRACED)
    safe = worker.safe()
    copy = folder / "copy"
    subprocess.run(["cp", "--sparse=always", image, copy], check=True)
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
    with mounted(copy, folder / "after", options):
        run = RunDirectory(folder / "after" / worker.run.id)
        return [f"step {safe} was safe: {text}" for text in examine(lab, run, safe, expected)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("calls", "cuts"))
    parser.add_argument("--fault", default="SIGKILL")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--cuts", type=int, default=50)
    parser.add_argument("--mount", default="")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bug", choices=CRASHES)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lab = Lab(folder)
        whole = lab.new_run(epochs=2)
        expected = lab.finish(whole)
        if options.what == "calls":
            tally = sweep_calls(lab, folder, options.fault, options.every, expected)
        else:
            with CRASHES[options.bug]() if options.bug else contextlib.nullcontext():
                tally = cut_power(
                    lab, folder, options.cuts, options.mount, options.seed, expected, stop=bool(options.bug)
                )
    print(tally, flush=True)  # noqa: T201
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
