"""A small Slurm: `sbatch`, `srun`, `scontrol`, `squeue` and `scancel` on PATH, and a node that really carries out job
scripts, warns and kills them, and puts them into the queue again. Everything lies in files of one folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PROGRAMS = ("sbatch", "srun", "scontrol", "squeue", "scancel")
FOLDER = "FAKE_SLURM"
TICK = 0.02


def _jobs(folder: Path) -> Path:
    return folder / "jobs"


def _read(folder: Path, number: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((_jobs(folder) / f"{number}.json").read_text())
    return content


def _write(folder: Path, job: dict[str, Any]) -> None:
    path = _jobs(folder) / f"{job['id']}.json"
    temp = path.with_suffix(".tmp")
    temp.write_text(json.dumps(job))
    temp.rename(path)


def _all(folder: Path) -> list[dict[str, Any]]:
    return [_read(folder, path.stem) for path in sorted(_jobs(folder).glob("*.json"))]


class FakeSlurm:
    """The cluster of a test."""

    def __init__(self, folder: Path, without: tuple[str, ...] = ()) -> None:
        self.folder, self.bin = folder, folder / "bin"
        for place in (self.bin, _jobs(folder)):
            place.mkdir(parents=True)
        for name in PROGRAMS:
            if name not in without:
                program = self.bin / name
                # Without site-packages it starts in a few hundredths of a second.
                program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -S {__file__} {name} "$@"\n')
                program.chmod(0o700)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find this cluster."""
        return {FOLDER: str(self.folder), "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}"}

    def hold(self) -> None:
        """Let no job begin."""
        (self.folder / "hold").touch()

    def release(self) -> None:
        (self.folder / "hold").unlink(missing_ok=True)

    def refuse(self, text: str) -> None:
        """Let sbatch refuse every job with these words."""
        (self.folder / "refuse").write_text(text)

    def answer(self, text: str, code: int = 0) -> None:
        """Let sbatch submit each job, but print this beside its number, or fail with it in place of the number."""
        (self.folder / "answer").write_text(json.dumps([text, code]))

    def jobs(self) -> list[dict[str, Any]]:
        return _all(self.folder)

    def tasks(self, number: str) -> list[int]:
        """The processes of the tasks of a job on several nodes, when it began last."""
        return [int(word) for word in (self.folder / f"{number}.tasks").read_text().split()]

    def preempt(self, number: str, warning: str = "USR2", grace: float = 10.0) -> None:
        """Warn a job that runs; what is left of it after `grace` seconds is killed, and it begins again."""
        request = self.folder / f"{number}.preempt"
        temp = request.with_suffix(".tmp")
        temp.write_text(json.dumps({"warning": warning, "grace": grace}))
        temp.rename(request)

    def ended(self) -> bool:
        """True if no job waits or runs."""
        return all(job["state"] not in ("PENDING", "RUNNING", "COMPLETING") for job in self.jobs())

    def wait(self, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not self.ended():
            assert time.monotonic() < deadline, self.jobs()
            time.sleep(TICK)

    def stop(self) -> None:
        """End everything that was started."""
        for job in self.jobs():
            for pid in (job.get("node"), job.get("pid")):
                with contextlib.suppress(ProcessLookupError, TypeError):
                    os.killpg(pid, signal.SIGKILL)


def sbatch(folder: Path, words: list[str]) -> int:
    refusal = folder / "refuse"
    if refusal.exists():
        sys.stderr.write(refusal.read_text())
        return 1
    script = next(word for word in words if not word.startswith("--"))
    number = str(1000 + len(list(_jobs(folder).glob("*.json"))))
    options = dict(re.findall(r"^#SBATCH --([a-z-]+)(?:=(.*))?$", Path(script).read_text(), re.MULTILINE))
    after = next((word.rpartition(":")[2] for word in words if word.startswith("--dependency=afterany:")), "")
    name = options.get("job-name", script).strip('"')
    _write(
        folder, {"id": number, "script": script, "options": options, "state": "PENDING", "name": name, "after": after}
    )
    node = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, "node", number],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(folder / "node.log").open("ab"),
        start_new_session=True,
    )
    _write(folder, {**_read(folder, number), "node": node.pid})
    text, code = json.loads((folder / "answer").read_text()) if (folder / "answer").exists() else ("", 0)
    if code:
        sys.stderr.write(text)
        return int(code)
    print(number if "--parsable" in words else f"Submitted batch job {number}")  # noqa: T201
    if text:
        print(text)  # noqa: T201
    return 0


def srun(folder: Path, words: list[str]) -> int:
    """Carry out a command once for each task of the job, all on this machine."""
    command = words[next(place for place, word in enumerate(words) if not word.startswith("--")) :]
    count = int(os.environ.get("SLURM_NTASKS", "1"))
    if count == 1:
        os.execvp(command[0], command)
    tasks = [
        subprocess.Popen(command, env={**os.environ, "SLURM_PROCID": str(number), "SLURM_LOCALID": "0"})
        for number in range(count)
    ]
    (folder / f"{os.environ['SLURM_JOB_ID']}.tasks").write_text(" ".join(str(task.pid) for task in tasks))

    def hand_on(signum: int, frame: object) -> None:
        for task in tasks:
            task.send_signal(signum)

    for name in ("USR1", "USR2", "TERM"):
        signal.signal(getattr(signal, f"SIG{name}"), hand_on)
    codes = [task.wait() for task in tasks]
    return max(code if code >= 0 else 128 - code for code in codes)


def _tasks(options: dict[str, str]) -> int:
    return int(options.get("ntasks", "1"))


def scontrol(folder: Path, words: list[str]) -> int:
    assert words[0] == "requeue"
    (folder / f"{words[1]}.requeue").touch()
    return 0


def squeue(folder: Path, words: list[str]) -> int:
    given = dict(word.removeprefix("--").split("=", 1) for word in words if "=" in word)
    wanted = [job for job in _all(folder) if job["state"] in ("PENDING", "RUNNING", "COMPLETING")]
    if "jobs" in given:
        if not (_jobs(folder) / f"{given['jobs']}.json").exists():
            sys.stderr.write("slurm_load_jobs error: Invalid job id specified\n")
            return 1
        wanted = [job for job in wanted if job["id"] == given["jobs"]]
    if "name" in given:
        wanted = [job for job in wanted if job["name"] == given["name"]]
    if "states" in given:
        wanted = [job for job in wanted if job["state"] in given["states"].split(",")]
    for job in wanted:
        waits = job["state"] == "PENDING"
        values = {
            "i": job["id"],
            "T": job["state"],
            "r": "Resources" if waits else "None",
            "N": "" if waits else "node07",
        }
        values |= {"P": job["options"].get("partition", "main"), "Q": "1"}
        print(re.sub("%([a-zA-Z])", lambda found: values[found[1]], given["format"]))  # noqa: T201, B023
    return 0


def scancel(folder: Path, words: list[str]) -> int:
    name = next((word.partition("=")[2] for word in words if word.startswith("--name=")), None)
    for job in _all(folder):
        if job["id"] in words or job["name"] == name:
            (folder / f"{job['id']}.cancel").touch()
    return 0


class Node:
    """Carries out one job, again and again while it is put into the queue again."""

    def __init__(self, folder: Path, number: str) -> None:
        self.folder, self.number = folder, number

    def run(self) -> int:
        while True:
            if not self._begin():
                return self._end("CANCELLED")
            code, cancelled = self._carry_out()
            again = self._taken("requeue")
            if cancelled:
                return self._end("CANCELLED")
            if not again:
                return self._end("COMPLETED" if code == 0 else "FAILED", code)
            self._change(state="PENDING")

    def _begin(self) -> bool:
        """Wait for the turn of the job; False when it is cancelled."""
        while True:
            if self._taken("cancel"):
                return False
            after = _read(self.folder, self.number)["after"]
            free = not after or _read(self.folder, after)["state"] not in ("PENDING", "RUNNING", "COMPLETING")
            if free and not (self.folder / "hold").exists():
                return True
            time.sleep(TICK)

    def _carry_out(self) -> tuple[int, bool]:
        job = _read(self.folder, self.number)
        place = {name: value.strip('"') for name, value in job["options"].items()}
        with Path(place["output"].replace("%%", "%")).open("ab") as output:
            process = subprocess.Popen(
                ["/bin/bash", job["script"]],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=place["chdir"],
                env={**os.environ, "SLURM_JOB_ID": self.number, "SLURM_NTASKS": str(_tasks(job["options"]))},
                start_new_session=True,
            )
        self._change(state="RUNNING", pid=process.pid, starts=job.get("starts", 0) + 1)
        return self._watch(process)

    def _watch(self, process: subprocess.Popen[bytes]) -> tuple[int, bool]:
        """Wait for the job; warn, cancel and kill it as asked."""
        deadline, cancelled = None, False
        while process.poll() is None:
            request = self.folder / f"{self.number}.preempt"
            if request.exists():
                asked = json.loads(request.read_text())
                request.unlink()
                deadline = time.monotonic() + asked["grace"]
                self._warn(process.pid, asked["warning"])
            if not cancelled and self._taken("cancel"):
                cancelled, deadline = True, time.monotonic() + 10.0
                os.killpg(process.pid, signal.SIGTERM)
            if deadline is not None and time.monotonic() > deadline:
                os.killpg(process.pid, signal.SIGKILL)
                if not cancelled:
                    (self.folder / f"{self.number}.requeue").touch()
                deadline = None
            time.sleep(TICK)
        with contextlib.suppress(ProcessLookupError):
            # What the script has left behind.
            os.killpg(process.pid, signal.SIGKILL)
        return process.returncode, cancelled

    def _warn(self, pid: int, warning: str) -> None:
        """Warn as Slurm does: the signal of `--signal=B:` goes to the script alone, TERM to every process."""
        if warning == "TERM":
            (self.folder / f"{self.number}.requeue").touch()
            os.killpg(pid, signal.SIGTERM)
        elif warning == "KILL":
            (self.folder / f"{self.number}.requeue").touch()
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, getattr(signal, f"SIG{warning}"))

    def _taken(self, what: str) -> bool:
        path = self.folder / f"{self.number}.{what}"
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
            return True
        return False

    def _change(self, **values: Any) -> None:
        _write(self.folder, {**_read(self.folder, self.number), **values})

    def _end(self, state: str, code: int = 0) -> int:
        self._change(state=state, code=code)
        return 0


def main() -> int:
    folder, name, words = Path(os.environ[FOLDER]), sys.argv[1], sys.argv[2:]
    if name == "node":
        return Node(folder, words[0]).run()
    programs = {"sbatch": sbatch, "srun": srun, "scontrol": scontrol, "squeue": squeue, "scancel": scancel}
    return programs[name](folder, words)


if __name__ == "__main__":
    sys.exit(main())
