"""Ray: Ray Train places the run on machines of a Ray cluster, and starts it again when a worker is lost."""

from __future__ import annotations

import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from dltui.core import paths
from dltui.core.contract.config import unit
from dltui.core.contract.launchers import OPEN_PORTS, Job, Launch, Launcher, LauncherOptions, LaunchState
from dltui.core.machine import process
from dltui.plugins.launchers import local

TOKEN = "ray-token"
"""In dltui's home: what opens the ports of a cluster that was started from here."""


class RayOptions(LauncherOptions):
    workers: int = Field(
        1,
        ge=1,
        le=1024,
        description="processes that train the run together, on as many machines as it takes; Ray opens ports, which "
        f"a token guards, and several workers open {OPEN_PORTS}",
        json_schema_extra=unit("workers"),
    )
    ray_address: str = Field(
        "",
        description="a running Ray cluster, HOST:PORT or auto; empty: one of its own on this machine",
        json_schema_extra=unit(""),
    )
    cpus: int = Field(
        0,
        ge=0,
        le=4096,
        description="processors of a worker; 0: Ray counts one, and the run takes those of its machine",
        json_schema_extra=unit("CPUs"),
    )
    gpus: int = Field(0, ge=0, le=64, description="GPUs of a worker", json_schema_extra=unit("GPUs"))
    failures: int = Field(
        20, ge=0, le=10_000, description="losses of a worker after which it is given up", json_schema_extra=unit("")
    )

    @model_validator(mode="after")
    def _have_a_device_each(self) -> RayOptions:
        if self.workers > 1 and self.gpus > 1:
            several = self.workers * self.gpus
            raise ValueError(f"each of several workers trains on one GPU; workers={several},gpus=1 are as many GPUs")
        return self


def environment(address: str) -> dict[str, str]:
    """The variables of Ray's processes: no usage statistics, and no port without a token. A cluster that runs already
    has the token of those who started it.
    """
    found = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_TRAIN_V2_ENABLED": "1"}
    if address:
        return found
    # By itself Ray lets all else on the machine come before its workers. Nobody takes this machine away.
    found |= {"RAY_worker_niceness": "0", "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0"}
    return found | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(_token())}


def _token() -> Path:
    """The file of the token, which is made when it is first needed."""
    path = paths.home() / TOKEN
    if not path.exists():
        paths.ensure_private_dir(path.parent)
        temp = path.with_name(f".{TOKEN}.{secrets.token_hex(4)}.tmp")
        with os.fdopen(os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        temp.rename(path)
    return path


def start(launch: Launch, options: RayOptions) -> Job:
    """Start the driver, whose end is the end of everything that it has started."""
    asked = {"run_dir": str(launch.run_dir), "command": list(launch.command), "options": options.model_dump()}
    asked["environment"] = dict(launch.environment)
    command = [sys.executable, "-P", "-m", "dltui.plugins.launchers.ray_driver_process", json.dumps(asked)]
    return local.begin(command, {**os.environ, **launch.environment, **environment(options.ray_address)}, launch)


def state(launch: Launch, job: Job) -> LaunchState:
    """Ray's driver lives until the run has ended; before its worker tells of itself it waits for room."""
    alive = process.alive(local.identity(job))
    if alive is None:
        return LaunchState("unknown", f"its driver runs on {job['host']}")
    return LaunchState("waiting", "Ray makes room for it") if alive else LaunchState("gone", "Ray's driver has ended")


LAUNCHER = Launcher(
    name="ray",
    summary="workers of a Ray cluster, which begin again elsewhere when one is lost; Ray opens ports",
    start=start,
    state=state,
    kill=local.kill,
    options=RayOptions,
    flags=("workers", "ray_address"),
    package="ray",
    install="pip install 'dltui[ray]'",
    requeues=True,
)


def options_of(asked: dict[str, Any]) -> RayOptions:
    """The options in a driver's order."""
    return RayOptions.model_validate(asked["options"])
