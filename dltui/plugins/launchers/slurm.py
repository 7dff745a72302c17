"""Slurm: a run becomes a job of the cluster's queue. `job.sh` in the run directory is the job, and can be submitted
again by hand: `sbatch job.sh`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence

from pydantic import Field, field_validator

from dltui.core import fs
from dltui.core.contract.config import unit
from dltui.core.contract.launchers import OPEN_PORTS, Job, Launch, Launcher, LauncherOptions, LaunchState
from dltui.core.errors import RunError
from dltui.core.machine.cpu import TOLD
from dltui.core.text import clean_line

SCRIPT = "job.sh"
SECONDS = 60.0
"""For a command of Slurm: its controller answers late when it is busy."""
PLAIN = re.compile(r"[A-Za-z0-9_.:,@+*=/%|&()\[\]{}-]*")
"""What a value of a `#SBATCH` line may be made of."""
NO_QUOTES = frozenset('"\\')
"""What quotation marks on a `#SBATCH` line cannot hold."""
WAITING = ("PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD", "CONFIGURING")
RUNNING = ("RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING")
NUMBER = re.compile(r"(\d+)(?:;(\S+))?")
"""The line of `sbatch --parsable` with the number of the job, and of several clusters the name of its own."""
GONE = ("Invalid job id", "Invalid job array id", "already completing or completed")
REASONS = {
    "None": "",
    "Priority": "others come first",
    "Resources": "no room yet",
    "Dependency": "waits for another job",
    "BeginTime": "waits for its begin time",
    "JobHeldUser": "held; scontrol release lets it go",
    "JobHeldAdmin": "held by the administrator",
}
"""Slurm's words for why a job waits, in plain ones; the others are shown as they are."""


class SlurmOptions(LauncherOptions):
    partition: str = Field("", description="the partition; empty: the cluster's default", json_schema_extra=unit(""))
    time: str = Field(
        "",
        description="time limit, minutes or D-HH:MM:SS; when it is over the run goes into the queue again",
        json_schema_extra=unit("min"),
    )
    gpus: int = Field(0, ge=0, le=1024, description="GPUs of a node", json_schema_extra=unit("GPUs"))
    nodes: int = Field(
        1, ge=1, le=1024, description=f"nodes of a run; several open {OPEN_PORTS}", json_schema_extra=unit("nodes")
    )
    cpus: int = Field(0, ge=0, le=4096, description="processors; 0: as Slurm gives", json_schema_extra=unit("CPUs"))
    memory: str = Field("", description="main memory, such as 32G", json_schema_extra=unit(""))
    account: str = Field("", description="the account that is charged", json_schema_extra=unit(""))
    qos: str = Field("", description="quality of service", json_schema_extra=unit(""))
    constraint: str = Field("", description="features that the node must have", json_schema_extra=unit(""))
    warning: int = Field(
        90, ge=10, le=3600, description="how long before the time limit it is told", json_schema_extra=unit("s")
    )
    more: str = Field("", description="more options of sbatch, as typed there", json_schema_extra=unit(""))
    setup: str = Field("", description="a shell command before it, such as module load", json_schema_extra=unit(""))

    @field_validator("partition", "time", "memory", "account", "qos", "constraint")
    @classmethod
    def _is_plain(cls, text: str) -> str:
        if not PLAIN.fullmatch(text):
            raise ValueError(f"{clean_line(repr(text), 60)} has characters that no line of a job script can hold")
        return text

    @field_validator("more", "setup")
    @classmethod
    def _is_one_line(cls, text: str) -> str:
        if clean_line(text, 10_000) != text:
            raise ValueError("must be a single line")
        return text

    @field_validator("more")
    @classmethod
    def _are_options(cls, text: str) -> str:
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise ValueError(f"more: {error}") from None
        if words and not words[0].startswith("-"):
            raise ValueError(f"more wants options of sbatch such as --exclusive, got {clean_line(text, 60)}")
        return text

    def lines(self) -> list[str]:
        """The options as words of sbatch; of several nodes each GPU has a task."""
        each = max(self.gpus, 1) if self.nodes > 1 else 1
        named = {
            "partition": self.partition,
            "time": self.time,
            "nodes": self.nodes,
            "ntasks": self.nodes * each,
            "ntasks-per-node": each if self.nodes > 1 else "",
            "gpus-per-node": self.gpus or "",
            "cpus-per-task": self.cpus or "",
            "mem": self.memory,
            "account": self.account,
            "qos": self.qos,
            "constraint": self.constraint,
        }
        return [f"--{name}={value}" for name, value in named.items() if value != ""] + (
            [self.more] if self.more else []
        )


def job_name(launch: Launch) -> str:
    """The name of the run's jobs, by which a job that followed another is found; its end tells it from the jobs of a
    run of the same name in another folder.
    """
    return f"dltui-{launch.name}-{hashlib.sha256(os.fsencode(launch.run_dir)).hexdigest()[:8]}"


WAIT_LINES = (
    "worker=$!",
    "while :; do",
    "    signaled=",
    "    wait $worker",
    "    now=$?",
    "    [ $now -eq 127 ] || code=$now",
    '    [ -n "$signaled" ] || break',
    "done",
)
"""Lines of the job script: a signal ends `wait` before the run has ended."""


def script(launch: Launch, options: SlurmOptions) -> str:
    """The job script. Slurm warns it by USR2 (or USR1), which it hands on: the run leaves a checkpoint, ends with 75
    and goes into the queue again. TERM means that Slurm takes the job back by itself, or that it was cancelled: the
    run leaves a checkpoint, and only `--requeue` decides about the rest.
    """
    head = [
        f"--job-name={_quoted(job_name(launch))}",
        f"--chdir={_quoted(str(launch.run_dir))}",
        f"--output={_quoted(str(launch.log).replace('%', '%%'))}",
        "--open-mode=append",
        "--requeue",
        f"--signal=B:USR2@{options.warning}",
        *options.lines(),
    ]
    return "\n".join(
        [
            "#!/bin/bash",
            f"# Trains the dltui run {launch.name}, from its last checkpoint. Submit it again: sbatch {SCRIPT}",
            *(f"#SBATCH {line}" for line in head),
            "",
            *_exports(launch, options),
            *([options.setup] if options.setup else []),
            "",
            "# A warning (time limit, preemption) is handed on to the run, which leaves a checkpoint and ends with 75.",
            "warned= signaled= code=0",
            "trap 'warned=yes signaled=yes; kill -USR2 $worker 2>/dev/null' USR1 USR2",
            "trap 'signaled=yes; kill -TERM $worker 2>/dev/null' TERM",
            *_start_lines(launch, options),
            *WAIT_LINES,
            "",
            "# After a warning it goes into the queue again; a run that has failed or is done does not.",
            'if [ -n "$warned" ] && { [ $code -eq 75 ] || [ $code -gt 128 ]; }; then',
            "    if command -v scontrol >/dev/null; then",
            "        scontrol requeue $SLURM_JOB_ID",
            "    else",
            f"        sbatch --dependency=afterany:$SLURM_JOB_ID {shlex.quote(str(launch.run_dir / SCRIPT))}",
            "    fi",
            "fi",
            "exit $code",
            "",
        ]
    )


def _exports(launch: Launch, options: SlurmOptions) -> Sequence[str]:
    """The lines that set the variables of the run."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in sorted(launch.environment.items())]
    # By itself srun takes one processor, however many the job has (since Slurm 22.05).
    exports += [f"export SRUN_CPUS_PER_TASK={options.cpus}"] if options.cpus else []
    # Not every cluster binds a task to its processors.
    return [*exports, f'export {TOLD}="${{SLURM_CPUS_PER_TASK:-}}"']


def _start_lines(launch: Launch, options: SlurmOptions) -> Sequence[str]:
    """The lines that start the run; on several nodes each task is a rank."""
    if options.nodes == 1:
        return [f"srun {shlex.join(launch.command)} &"]
    node = [launch.command[0], "-P", "-m", "dltui.plugins.launchers.node_process"]
    meet = "# This is the first node: the ranks of all meet here."
    return [meet, f'export DLTUI_NODES="$({shlex.join(node)})"', f"srun {shlex.join([*node, *launch.command])} &"]


def _quoted(text: str) -> str:
    """A value of a `#SBATCH` line, in which quotation marks hold blanks together. Raises RunError."""
    if PLAIN.fullmatch(text):
        return text
    if clean_line(text, 10_000) != text or not NO_QUOTES.isdisjoint(text):
        raise RunError(f"{clean_line(repr(text), 200)} cannot stand in a job script; rename that folder")
    return f'"{text}"'


def start(launch: Launch, options: SlurmOptions) -> Job:
    """Write the script and submit it."""
    path = launch.run_dir / SCRIPT
    before = path.read_bytes() if path.exists() else None
    fs.write_atomic(path, script(launch, options).encode(), sync=False)
    path.chmod(0o700)
    try:
        answer = _slurm("sbatch", "--parsable", str(path))
        told = [found for line in answer.splitlines() if (found := NUMBER.fullmatch(line.strip()))]
        if not told:
            raise RunError(f"sbatch did not tell the number of the job: {clean_line(answer, 200) or 'no answer'}")
    except RunError:
        # The answer may be lost of a job that was submitted all the same.
        number = _in_queue(job_name(launch))
        if number:
            return {"id": number, "name": job_name(launch)}
        if before is None:
            path.unlink()
        else:
            fs.write_atomic(path, before, sync=False)
        raise
    number, cluster = told[-1].groups()
    return {"id": number, "name": job_name(launch), **({"cluster": cluster} if cluster else {})}


def _in_queue(name: str) -> str:
    """The number of the user's newest job of this name that waits or runs; "" without one."""
    try:
        lines = _slurm("squeue", "--me", "--noheader", f"--name={name}", "--states=PENDING,RUNNING", "--format=%i")
    except RunError:
        return ""
    numbers = [line.strip() for line in lines.splitlines() if line.strip().isdecimal()]
    return max(numbers, key=int, default="")


def state(launch: Launch, job: Job) -> LaunchState:
    """The state that squeue tells of the job, or of the one that followed it under its name."""
    columns = ("--noheader", "--format=%i|%T|%r|%N")
    lines = _of_known("squeue", *_cluster(job), f"--jobs={job['id']}", *columns).splitlines()
    if not lines:
        # A job that submitted itself again has another number.
        lines = _slurm("squeue", *_cluster(job), "--me", f"--name={job['name']}", *columns).splitlines()
    parts = next((found for line in lines if len(found := line.strip().split("|")) == 4), None)
    if parts is None:
        return LaunchState("gone", "not in Slurm's queue any more")
    number, name, reason, node = parts
    if name in WAITING:
        told = REASONS.get(reason, reason)
        return LaunchState("waiting", told, _place(job, number))
    return LaunchState("running" if name in RUNNING else "gone", node if name in RUNNING else name.lower())


def _place(job: Job, number: str) -> int:
    """The place among the waiting jobs of the same partition, as far as squeue tells; 0 where it does not."""
    try:
        line = _slurm("squeue", *_cluster(job), "--noheader", f"--jobs={number}", "--format=%P|%Q").strip()
        partition = line.split("|")[0].split(",")[0]
        waiting = _slurm(
            "squeue", *_cluster(job), "--noheader", "--states=PENDING", "--sort=-p,i", f"--partition={partition}",
            "--format=%i",
        )  # fmt: skip
    except RunError:
        return 0
    numbers = [word.strip() for word in waiting.splitlines()]
    return numbers.index(number) + 1 if number in numbers else 0


def kill(launch: Launch, job: Job) -> None:
    """Cancel the job, and one that followed it."""
    _of_known("scancel", *_cluster(job), str(job["id"]))
    _slurm("scancel", *_cluster(job), "--me", f"--name={job['name']}")


def _of_known(program: str, *words: str) -> str:
    """What a program prints of a job; nothing where Slurm has forgotten the job. Raises RunError."""
    try:
        return _slurm(program, *words)
    except RunError as error:
        if any(word in str(error) for word in GONE):
            return ""
        raise


def _cluster(job: Job) -> Sequence[str]:
    return (f"--clusters={job['cluster']}",) if job.get("cluster") else ()


def _slurm(program: str, *words: str) -> str:
    """What a program of Slurm prints. Raises RunError with its own words."""
    if shutil.which(program) is None:
        raise RunError(f"there is no {program} on PATH")
    try:
        done = subprocess.run(
            [program, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise RunError(f"{program} does not answer within {SECONDS:.0f} s") from None
    except OSError as error:
        raise RunError(f"{program} cannot be started: {error.strerror}") from None
    if done.returncode:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        reason = clean_line(said[0], 300).removeprefix(f"{program}: ") if said else f"exit code {done.returncode}"
        raise RunError(f"{program}: {reason}")
    return done.stdout


LAUNCHER = Launcher(
    name="slurm",
    summary="a job of Slurm's queue, which goes on by itself after a preemption and after its time limit",
    start=start,
    state=state,
    kill=kill,
    options=SlurmOptions,
    programs=("sbatch", "squeue", "scancel"),
    requeues=True,
)
