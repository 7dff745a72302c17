"""The driver of a run on Ray: `python -P -m dltui.plugins.launchers.ray_driver_process ORDER`.

It holds the cluster of its own, if there is one, and ends with the run. Neither metrics nor checkpoints go through Ray:
the run directory has them.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from dltui.core.machine.cpu import TOLD
from dltui.core.rundir import commands, launch
from dltui.core.worker.ranks import gathering
from dltui.plugins.launchers.ray import RayOptions, options_of

OBJECTS_BYTES = 100_000_000
FINAL = (0, 1, 2)
"""Exit codes of a worker that a new start would not change."""
LOW_PRIORITY = 19
UNUSED = {"DatasetsCallback"}
"""What Ray Train does beside its workers although no run needs it: each is a process that wakes 150 times a second."""
UNUSED_ON_ONE_MACHINE = {"PlacementGroupCleanerCallback"}
"""The same where the end of the driver is the end of the cluster."""


def train(asked: dict[str, Any]) -> None:
    """Train the run in a process of this worker of Ray, to its end; of several, as its rank. Raises where Ray is to
    start it again.
    """
    options = options_of(asked)
    try:
        with _place(options) as (told, inherited):
            child = _begin(asked, told, inherited)
        if not options.ray_address:
            _stand_back()
    except Exception:
        # Ray's own logs are far from the run.
        with (Path(asked["run_dir"]) / "worker.log").open("a", encoding="utf-8") as log:
            traceback.print_exc(file=log)
        raise
    code = child.wait()
    if code not in FINAL and not _is_unwanted(Path(asked["run_dir"])):
        raise RuntimeError(f"the worker of the run ended with {code}; it goes on from its last checkpoint")


def _begin(asked: dict[str, Any], told: Mapping[str, str], inherited: Sequence[int]) -> subprocess.Popen[bytes]:
    """Carry out the command of the run, which ends with this process."""
    run_dir = Path(asked["run_dir"])
    with_parent = [sys.executable, "-P", "-m", "dltui.plugins.launchers.with_parent_process", str(os.getpid())]
    with (run_dir / "worker.log").open("ab") as log:
        return subprocess.Popen(
            [*with_parent, *asked["command"]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Paths are those of the run: Ray gives its workers a folder of its own.
            cwd=run_dir,
            env={**os.environ, **asked["environment"], **_processors(options_of(asked)), **told},
            pass_fds=inherited,
        )


def _processors(options: RayOptions) -> dict[str, str]:
    """What Ray has given to a worker, which it binds to nothing."""
    return {TOLD: str(options.cpus)} if options.cpus else {}


def _stand_back() -> None:
    """Let the run come before what Ray does beside it on this machine: its actors, and this process, which waits."""
    raylet = psutil.Process(os.getppid())
    if raylet.name() != "raylet":
        return
    os.nice(LOW_PRIORITY)
    for actor in raylet.children():
        with contextlib.suppress(psutil.Error):
            # What is idle may become a worker, whose command inherits this.
            if not any(word.startswith(("ray::RayTrainWorker", "ray::IDLE")) for word in actor.cmdline()):
                actor.nice(LOW_PRIORITY)


@contextlib.contextmanager
def _place(options: RayOptions) -> Iterator[tuple[Mapping[str, str], Sequence[int]]]:
    """What the run's command must know of its place among several workers: variables, and descriptors to inherit."""
    if options.workers == 1:
        yield {}, ()
        return
    import ray.train
    import ray.util
    from ray.train.collective import broadcast_from_rank_zero

    number, world = ray.train.get_context().get_world_rank(), options.workers
    # A cluster of its own is this machine alone.
    host = str(ray.util.get_node_ip_address()) if options.ray_address else "127.0.0.1"  # type: ignore[no-untyped-call]
    with gathering.listen(host) if number == 0 else contextlib.nullcontext() as listener:
        port = listener.getsockname()[1] if listener else 0
        address, secret = broadcast_from_rank_zero((f"{host}:{port}", secrets.token_hex(32)) if listener else None)
        descriptor = listener.fileno() if listener else -1
        place = gathering.Gathering(number, world, address, secret, descriptor)
        yield place.environment, [descriptor] if listener else []


def _is_unwanted(run_dir: Path) -> bool:
    """True if a user has ended the run."""
    record = launch.read(run_dir)
    return bool(commands.killer(run_dir)) or record is None or record.withdrawn


def drive(asked: dict[str, Any], options: RayOptions) -> None:
    """Start Ray, or join it, and let Ray Train place the run."""
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

    unused = UNUSED if options.ray_address else UNUSED | UNUSED_ON_ONE_MACHINE

    class Trainer(DataParallelTrainer):
        def _create_default_callbacks(self) -> list[Any]:
            return [one for one in super()._create_default_callbacks() if type(one).__name__ not in unused]

    cpus = max(options.cpus, 1)
    resources = {"CPU": float(cpus)} | ({"GPU": float(options.gpus)} if options.gpus else {})
    if options.ray_address:
        ray.init(address=options.ray_address, log_to_driver=False)
    else:
        # No larger than the run: data does not go through Ray, and each processor more is a process that waits.
        own: dict[str, Any] = {"num_cpus": cpus * options.workers, "object_store_memory": OBJECTS_BYTES}
        ray.init(include_dashboard=False, log_to_driver=False, **own)
        _end_unused()
    run_dir = Path(asked["run_dir"])
    Trainer(
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


def _end_unused() -> None:
    """End the process that looks ten times a second for what the workers print, which goes to the run's log."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if any(word.endswith("log_monitor.py") for word in child.cmdline()):
                child.kill()
                child.wait()


def main() -> int:
    asked = json.loads(sys.argv[1])
    drive(asked, options_of(asked))
    return 0


if __name__ == "__main__":
    sys.exit(main())
