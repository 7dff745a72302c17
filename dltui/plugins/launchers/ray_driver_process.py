"""The driver of a run on Ray: `python -P -m dltui.plugins.launchers.ray_driver_process ORDER`.

It holds the cluster of its own, if there is one, and ends with the run. Neither metrics nor checkpoints go through Ray:
the run directory has them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from dltui.core.rundir import commands, launch
from dltui.plugins.launchers.ray import RayOptions, options_of

OBJECTS_BYTES = 100_000_000
FINAL = (0, 1, 2)
"""Exit codes of a worker that a new start would not change."""


def train(asked: dict[str, Any]) -> None:
    """Train the run in a process of this worker of Ray, to its end. Raises where Ray is to start it again."""
    run_dir = Path(asked["run_dir"])
    leash = [sys.executable, "-P", "-m", "dltui.plugins.launchers.leash_process", str(os.getpid())]
    with (run_dir / "worker.log").open("ab") as log:
        child = subprocess.Popen(
            [*leash, *asked["command"]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Paths are those of the run: Ray gives its workers a folder of its own.
            cwd=run_dir,
            env={**os.environ, **asked["environment"]},
        )
        code = child.wait()
    if code not in FINAL and not _is_unwanted(run_dir):
        raise RuntimeError(f"the worker of the run ended with {code}; it goes on from its last checkpoint")


def _is_unwanted(run_dir: Path) -> bool:
    """True if a user has ended the run."""
    record = launch.read(run_dir)
    return bool(commands.killer(run_dir)) or record is None or record.withdrawn


def drive(asked: dict[str, Any], options: RayOptions) -> None:
    """Start Ray, or join it, and let Ray Train place the run."""
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

    resources = {"CPU": float(options.cpus)} | ({"GPU": float(options.gpus)} if options.gpus else {})
    if options.ray_address:
        ray.init(address=options.ray_address, log_to_driver=False)
    else:
        # No larger than the run: data does not go through Ray, and each processor more is a process that waits.
        own: dict[str, Any] = {"num_cpus": options.cpus * options.workers, "object_store_memory": OBJECTS_BYTES}
        ray.init(include_dashboard=False, log_to_driver=False, **own)
    run_dir = Path(asked["run_dir"])
    DataParallelTrainer(
        train,
        train_loop_config=asked,
        scaling_config=ScalingConfig(
            num_workers=options.workers, use_gpu=bool(options.gpus), resources_per_worker=resources
        ),
        run_config=RunConfig(
            name=run_dir.name,
            storage_path=str(run_dir / "ray"),
            failure_config=FailureConfig(max_failures=options.failures),
        ),
    ).fit()
    ray.shutdown()


def main() -> int:
    asked = json.loads(sys.argv[1])
    drive(asked, options_of(asked))
    return 0


if __name__ == "__main__":
    sys.exit(main())
