"""Ray: what its processes are told, and whole runs on a cluster of this machine."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from dltui.core.catalog.assemble import load_catalog
from dltui.core.catalog.sources import own
from dltui.core.contract.launchers import Launch
from dltui.core.errors import UsageError
from dltui.core.lifecycle import start
from dltui.core.lifecycle.create import RunRequest, create_run
from dltui.core.lifecycle.launch import launching
from dltui.core.lifecycle.resume import on_device
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import launch
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.heartbeat import UNCOUNTED
from dltui.core.rundir.launch import LaunchRecord
from dltui.plugins.launchers import ray, ray_driver_process
from dltui.plugins.launchers.ray import RayOptions
from dltui.plugins.launchers.ray_driver_process import LOW_PRIORITY
from tests.helpers import known_catalog
from tests.helpers.marks import few

FAKE = Path(__file__).parents[2] / "fakes" / "fake_plugin.py"
DOUBLE = FAKE.with_name("double_plugin.py")
needs_ray = pytest.mark.skipif(own().version("ray") is None, reason="ray is not installed: pip install 'dltui[ray]'")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know_catalog: known_catalog.Fill) -> Path:
    know_catalog(tmp_path / "home")
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path


def test_ports_want_a_token_that_is_for_this_user_alone(home: Path) -> None:
    told = ray.environment("")
    assert (told["RAY_AUTH_MODE"], told["RAY_USAGE_STATS_ENABLED"]) == ("token", "0")
    assert told["RAY_worker_niceness"] == "0"
    token = Path(told["RAY_AUTH_TOKEN_PATH"])
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    first = token.read_text()
    assert len(first) == 64
    assert Path(ray.environment("")["RAY_AUTH_TOKEN_PATH"]).read_text() == first
    assert "RAY_AUTH_MODE" not in ray.environment("head:6379")


def test_several_workers_have_one_gpu_each() -> None:
    with pytest.raises(
        ValueError, match="each of several workers trains on one GPU; workers=4,gpus=1 are as many GPUs"
    ):
        RayOptions(workers=2, gpus=2)
    assert RayOptions(workers=2, gpus=1).workers == 2


REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        {"model": "softmax-numpy", "dataset": "blobs"},
        "trains in one process, not in 2; let the launcher start one worker",
    ),
    ({"device": "cpu:2"}, "each of 2 workers trains on one device of its machine: --device is auto, cpu or cuda"),
    ({"device": "cuda:0"}, "--device is auto, cpu or cuda, got cuda:0"),
    ({"config": {"batch_size": 1}}, "2 workers: each of 2 ranks needs a sample of each step, batch_size is 1"),
    ({"config": {"compile": "on"}}, "compile on is for one device, this run is for 2 workers"),
]


@needs_ray
def test_what_several_workers_cannot_train_is_refused(home: Path) -> None:
    catalog = load_catalog([FAKE])
    for given, refused in REFUSED:
        with pytest.raises(UsageError, match=refused):
            create_run(replace(two_workers(home), **given), catalog)
    assert not (home / "home" / "runs").exists()


@needs_ray
def test_a_run_goes_on_with_several_workers_only_on_a_device_that_all_have(home: Path) -> None:
    run = create_run(replace(two_workers(home), device="cpu:2", launcher="local", launcher_options={}), load_catalog())
    launching.choose(run, launch.Chosen("ray", {"workers": 2}), load_catalog())
    with pytest.raises(UsageError, match="--device is auto, cpu or cuda, got cpu:2"):
        start.spawn_worker(run)
    with pytest.raises(UsageError, match="--device is auto, cpu or cuda, got cuda:1"):
        on_device(run, "cuda:1", load_catalog())
    assert on_device(run, "cpu", load_catalog())["device"]["open"]


def two_workers(home: Path) -> RunRequest:
    return RunRequest(
        "cnn-torch", "digits", device="auto", name="two", exports=str(home / "exports"), formats=("none",),
        plugins=(FAKE,), launcher="ray", launcher_options={"workers": 2},
    )  # fmt: skip


def test_the_driver_is_the_job(home: Path) -> None:
    (home / "one").mkdir()
    one = Launch(home / "one", "one", ("true",), {}, home / "one" / "worker.log")
    job = ray.local.begin(["/bin/sleep", "60"], dict(os.environ), one)
    assert ray.state(one, job).name == "waiting"
    ray.LAUNCHER.kill(one, job)
    os.waitpid(int(job["pid"]), 0)
    assert ray.state(one, job).name == "gone"
    ray.LAUNCHER.kill(one, job)


@pytest.mark.parametrize(
    ("code", "withdrawn", "again"), [(0, False, False), (1, False, False), (75, False, True), (75, True, False)]
)
def test_ray_starts_what_was_lost_again(home: Path, code: int, withdrawn: bool, again: bool) -> None:
    run = RunDirectory.create("one", {"created": 0.0})
    launch.write(run.path, LaunchRecord("ray", {}, job={"pid": 1}, withdrawn=withdrawn))
    asked = {"run_dir": str(run.path), "command": ["/bin/sh", "-c", f"echo said; exit {code}"], "environment": {}}
    asked["options"] = {}
    if again:
        with pytest.raises(RuntimeError, match="ended with 75; it goes on from its last checkpoint"):
            ray_driver_process.train(asked)
    else:
        ray_driver_process.train(asked)
    assert run.worker_log.read_text() == "said\n"


def test_a_run_is_told_its_processors(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray binds a worker to nothing."""
    monkeypatch.delenv("DLTUI_CPUS", raising=False)
    run = RunDirectory.create("one", {"created": 0.0})
    for options in ({"cpus": 3}, {}):
        asked = {"run_dir": str(run.path), "command": ["/bin/sh", "-c", "echo told $DLTUI_CPUS"], "environment": {}}
        ray_driver_process.train({**asked, "options": options})
    assert run.worker_log.read_text() == "told 3\ntold\n"


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux to end a child with its parent")
def test_a_command_dies_with_its_parent() -> None:
    with_parent = "dltui.plugins.launchers.with_parent_process"
    code = f"""
import os, subprocess, sys
found = subprocess.Popen([sys.executable, "-P", "-m", "{with_parent}", str(os.getpid()), "/bin/sleep", "60"])
while b"sleep" not in open(f"/proc/{{found.pid}}/cmdline", "rb").read()[:12]: pass
print(found.pid, flush=True); os.kill(os.getpid(), 9)
"""
    parent = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    until(lambda: not psutil.pid_exists(int(parent.stdout)) or _is_dead(int(parent.stdout)), 10.0)


def _is_dead(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def started(home: Path) -> Iterator[Callable[..., RunDirectory]]:
    """Starts runs, by Ray unless told otherwise, and ends them."""
    runs: list[RunDirectory] = []

    def begin(model: str, dataset: str, launcher: str = "ray", device: str = "cpu", **config: object) -> RunDirectory:
        workers = config.pop("workers", 1)
        request = RunRequest(
            model,
            dataset,
            device=device,
            config=config,
            name=f"r{len(runs)}",
            exports=str(home / "exports"),
            formats=("none",),
            plugins=(FAKE, DOUBLE),
            launcher=launcher,
            launcher_options={"workers": workers} if launcher == "ray" else {},
        )
        runs.append(create_run(request, load_catalog([FAKE, DOUBLE])))
        pid = start.spawn_worker(runs[-1])
        assert (pid == 0) == (launcher == "ray")
        return runs[-1]

    yield begin
    for run in runs:
        if launching.is_away(run):
            launching.end(run)


@needs_ray
@pytest.mark.longest
@pytest.mark.slow(60)
@pytest.mark.timeout(600)
def test_a_worker_that_is_killed_goes_on(started: Callable[..., RunDirectory]) -> None:
    """The worker of Ray is killed, and the run's own with it: both begin again, from the last checkpoint."""
    run = started("softmax-numpy", "blobs", epochs=20, step_seconds=0.03, checkpoint_seconds=0.5)
    reader = RunReader(run)
    until(lambda: reader.refresh() and len(reader.history.checkpoints) >= 2, 300.0)
    check_what_is_beside(reader)
    live = reader.live()
    assert live is not None
    os.kill(psutil.Process(live.pid).ppid(), signal.SIGKILL)
    until(lambda: (reader.refresh(), reader.status().name)[1] == "finished", 300.0)
    assert reader.history.attempts_started == 2
    assert len(reader.history.epochs) == 20


@needs_ray
@pytest.mark.slow(90)
@pytest.mark.timeout(600)
@pytest.mark.parametrize("framework", few(("torch", "tensorflow"), 0, long=0))
def test_both_frameworks_train_as_they_do_here(started: Callable[..., RunDirectory], framework: str) -> None:
    if own().version(framework) is None:
        pytest.skip(f"{framework} is not installed")
    run = started(f"mlp-{framework}", "digits", epochs=3, threads=1)
    reader = RunReader(run)
    until(lambda: (reader.refresh(), reader.status().name)[1] == "finished", 400.0)
    here = create_run(
        RunRequest(
            f"mlp-{framework}", "digits", device="cpu", config={"epochs": 3, "threads": 1}, name="here",
            exports=str(run.path.parent.parent / "e"), formats=("none",),
        ),
        load_catalog(),
    )  # fmt: skip
    os.waitpid(start.spawn_worker(here), 0)
    whole = RunReader(here)
    whole.refresh()
    assert reader.history.ended is not None
    assert whole.history.ended is not None
    assert reader.history.ended.weights_sha256 == whole.history.ended.weights_sha256


@needs_ray
@pytest.mark.longest
@pytest.mark.slow(60)
@pytest.mark.timeout(600)
@pytest.mark.parametrize("framework", few(("tensorflow", "torch"), 1, long=0))
def test_two_workers_train_as_one_does(started: Callable[..., RunDirectory], framework: str) -> None:
    """In double precision, batch norm included: the losses are those of one process."""
    if own().version(framework) is None:
        pytest.skip(f"{framework} is not installed")
    asked = {"epochs": 2, "threads": 2, "batch_size": 63, "accumulate": 2, "clip_norm": 0.5, "ema": 0.9}
    asked |= {"augment": "shift", "dropout": 0.2, "mixup": 0.4, "label_smoothing": 0.1}
    two = finished(started(f"cnn-{framework}64", "digits", workers=2, **asked))
    one = finished(started(f"cnn-{framework}64", "digits", launcher="local", **asked))
    assert two.history.attempt is not None
    assert two.history.attempt.device["name"] == "cpu:2"
    assert losses(two, "train") == pytest.approx(losses(one, "train"), rel=1e-8)
    assert losses(two, "validation") == pytest.approx(losses(one, "validation"), rel=1e-5)
    live = two.live()
    assert live is not None
    assert live.gpu_joules == live.cpu_joules == UNCOUNTED, "of two machines, as far as the worker knows"


@needs_ray
@pytest.mark.longest
@pytest.mark.slow(90)
@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [1, 0])
def test_a_killed_worker_of_two_changes_nothing(started: Callable[..., RunDirectory], number: int) -> None:
    """A worker of Ray is killed with its rank: all begin again, and the weights are those of two undisturbed ranks."""
    if own().version("torch") is None:
        pytest.skip("torch is not installed")
    asked = {"epochs": 80, "threads": 2, "deterministic": True, "checkpoint_seconds": 0.3}
    run = started("mlp-torch", "digits", workers=2, **asked)
    reader = RunReader(run)
    until(lambda: reader.refresh() and len(reader.history.checkpoints) >= 2, 300.0)
    check_what_is_beside(reader)
    os.kill(worker_of_ray(reader, number), signal.SIGKILL)
    until(lambda: (live := reader.live()) is not None and live.attempt == 2, 300.0)
    check_what_is_beside(reader)
    finished(run)
    whole = finished(started("mlp-torch", "digits", launcher="local", device="cpu:2", **asked))
    reader.refresh()
    assert reader.history.attempts_started == 2
    assert len(reader.history.epochs) == 80
    assert reader.history.ended is not None
    assert whole.history.ended is not None
    assert reader.history.ended.weights_sha256 == whole.history.ended.weights_sha256


def check_what_is_beside(reader: RunReader) -> None:
    """Ray runs nothing beside the ranks that they do not use, and the ranks come before all actors."""
    record, live = launch.read(reader.directory.path), reader.live()
    assert record is not None
    assert live is not None
    below = psutil.Process(int(record.job["pid"])).children(recursive=True)
    found = {" ".join(one.cmdline()): one.nice() for one in below}
    for unused in ("log_monitor", "DatasetManager", "PlacementGroupCleaner", "PreemptionWatcher"):
        assert not any(unused in command for command in found), unused
    actors = [nice for command, nice in found.items() if command.startswith(("ray::TrainController", "ray::Sync"))]
    assert set(actors) == {LOW_PRIORITY}
    assert psutil.Process(live.pid).nice() == psutil.Process().nice() < LOW_PRIORITY


def worker_of_ray(reader: RunReader, number: int) -> int:
    """The process of Ray in which a rank of the run was started."""
    record, live = launch.read(reader.directory.path), reader.live()
    assert record is not None
    assert live is not None
    if number == 0:
        return psutil.Process(live.pid).ppid()
    below = psutil.Process(int(record.job["pid"])).children(recursive=True)
    ranks = [one for one in below if "rank_process" in " ".join(one.cmdline()) and one.ppid() != live.pid]
    return ranks[0].ppid()


def finished(run: RunDirectory) -> RunReader:
    """A run that has finished."""
    reader = RunReader(run)
    until(lambda: (reader.refresh(), reader.status().name)[1] in ("finished", "failed"), 400.0)
    assert reader.status().name == "finished", reader.status().why
    return reader


def losses(reader: RunReader, part: str) -> list[float]:
    """The losses of each epoch, "train" or "validation"."""
    return [getattr(epoch, part)["loss"] for _, epoch in sorted(reader.history.epochs.items())]


def until(done: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)
