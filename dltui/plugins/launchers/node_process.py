"""The ranks of a run on several nodes of Slurm: `python -P -m dltui.plugins.launchers.node_process [COMMAND...]`.

Without words it prints where they meet: on this node, which is the first of the job. With a command it carries that out
as one of the job's tasks, each of which is a rank.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import time
from collections.abc import Mapping

from dltui.core.machine import nvidia
from dltui.core.machine.devices import BUS_ORDER, VISIBLE, hides_gpu
from dltui.core.worker.ranks import gathering

VARIABLE = "DLTUI_NODES"
"""Where the ranks meet, as `announced` tells it."""
WAIT_SECONDS = 120.0
LOOK_SECONDS = 0.2


def announced() -> str:
    """A free port of this node and a secret, as JSON."""
    with gathering.listen("") as listener:
        port = listener.getsockname()[1]
    return json.dumps({"address": f"{socket.gethostname()}:{port}", "secret": secrets.token_hex(32)})


def place(told: dict[str, str], number: int, world: int) -> gathering.Gathering:
    """The place of this task. The first listens from now on, the others wait until it does. Raises OSError."""
    address, secret = told["address"], told["secret"]
    host, _, port = address.rpartition(":")
    if number == 0:
        listener = gathering.listen("", int(port))
        listener.set_inheritable(True)
        return gathering.Gathering(number, world, address, secret, listener.detach())
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            socket.create_connection((host, int(port)), WAIT_SECONDS).close()
            return gathering.Gathering(number, world, address, secret)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_SECONDS)


def own_gpu(environment: Mapping[str, str], number: int) -> dict[str, str]:
    """The variables that show task `number` of a node its own one of the GPUs that the job has there."""
    # Those of HIP count what that of ROCm leaves.
    for names in (VISIBLE, ("ROCR_VISIBLE_DEVICES",)):
        words = {name: environment.get(name, "").split(",") for name in names}
        found = {name: each[number] for name, each in words.items() if each != [""] and number < len(each)}
        if found or any(each != [""] for each in words.values()):
            return found
    gpus = _gpus_of_tasks(environment)
    return {"CUDA_VISIBLE_DEVICES": gpus[number], **BUS_ORDER} if number < len(gpus) else {}


def _gpus_of_tasks(environment: Mapping[str, str]) -> list[str]:
    """What CUDA calls the GPUs of the tasks of this node, or the parts of GPUs, where Slurm does not tell them; [] for
    a single task, which may choose.
    """
    tasks = environment.get("SLURM_NTASKS_PER_NODE", "")
    if not tasks.isdecimal() or int(tasks) < 2:
        return []
    usable = [gpu.uuid for gpu in nvidia.gpus() if not gpu.problem]
    # Where no driver tells of GPUs that are there each task is taken to have one.
    return usable or ([str(number) for number in range(int(tasks))] if hides_gpu() else [])


def main() -> int:
    command = sys.argv[1:]
    if not command:
        sys.stdout.write(announced() + "\n")
        return 0
    number, world = int(os.environ["SLURM_PROCID"]), int(os.environ["SLURM_NTASKS"])
    try:
        found = place(json.loads(os.environ[VARIABLE]), number, world)
    except OSError as error:
        sys.stderr.write(f"dltui: rank {number} does not reach the first node: {error}\n")
        return 1
    gpu = own_gpu(os.environ, int(os.environ.get("SLURM_LOCALID", "0")))
    os.execve(command[0], command, {**os.environ, **gpu, **found.environment})
    return 70


if __name__ == "__main__":
    sys.exit(main())
