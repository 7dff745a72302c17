"""How much memory the training on photos takes, beside a loop written by hand around the same network.

    python benchmarks/photo_memory.py FOLDER [--models cnn-torch,timm:resnet18] [--images 2000,500] [--size 224]
                                             [--batch 32] [--steps 12]

FOLDER has photos, in a folder for each class (`benchmarks/photos.py --only-make --folder` makes them). For each model
and each number of `--images` (links to the first ones) a run trains an epoch as `dltui train` does; its worker is
watched. Beside it the loop runs for `--steps` steps on noise: `bare` as Python and PyTorch come, `kept` with the
settings of a worker, which keep freed memory. Printed is, in MB, the most memory of each process, the most of it that
is not of files, and the most in parts of `kept`. On Linux.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dltui.core.machine.devices import Device, cpu_count, worker_environment
from dltui.core.rundir.heartbeat import read_live

MB = 1 << 20
CLASSES = 20


def status(pid: int | str = "self") -> dict[str, int]:
    """The memory of a process in bytes, by the kernel's names; {} once it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {key: int(rest.split()[0]) << 10 for key, _, rest in (line.partition(":") for line in lines) if "kB" in rest}


def watched(run: Path, command: list[str], environment: dict[str, str]) -> dict[str, tuple[int, int]]:
    """The most memory of a run's worker in each phase: all of it, and what is not of files."""
    found: dict[str, tuple[int, int]] = {}
    pipe, place = subprocess.PIPE, run.parents[1]
    child = subprocess.Popen(command, cwd=place, env=environment, stdout=subprocess.DEVNULL, stderr=pipe, text=True)
    while child.poll() is None:
        live = read_live(run)
        seen = status(live.pid) if live is not None else {}
        if live is not None and "RssAnon" in seen:
            whole, own = found.get(live.phase, (0, 0))
            found[live.phase] = max(whole, seen["VmRSS"]), max(own, seen["RssAnon"])
            found["peak"] = seen["VmHWM"], max(own for _, own in found.values())
        time.sleep(0.02)
    if child.returncode:
        assert child.stderr is not None
        sys.exit(child.stderr.read())
    return found


def bare(model: str, size: int, batch: int, steps: int, keeps: bool) -> None:
    """The loop by hand; prints its memory in bytes, all and what is not of files."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(cpu_count())
    if keeps:
        from dltui.plugins.torch import session

        session.keep_freed_memory()
    module = _module(model, size).to(memory_format=torch.channels_last).train()
    adaptive = model.startswith("timm:")
    make = torch.optim.AdamW if adaptive else torch.optim.SGD
    optimizer = make(module.parameters(), 3e-4, fused=True, **({} if adaptive else {"momentum": 0.9}))
    stored = torch.randint(0, 256, (2 * batch, size, size, 3), dtype=torch.uint8)
    targets, own = torch.arange(2 * batch) % CLASSES, 0
    for _ in range(steps):
        rows = torch.randperm(2 * batch)[:batch]
        x = stored[rows].float().sub_(127).div_(74).permute(0, 3, 1, 2)
        optimizer.zero_grad()
        loss = functional.cross_entropy(module(x), targets[rows])
        own = max(own, status()["RssAnon"])
        loss.backward()
        own = max(own, status()["RssAnon"])
        optimizer.step()
    print(status()["VmHWM"], own)


def _module(model: str, size: int):  # type: ignore[no-untyped-def]
    if model.startswith("timm:"):
        import timm

        return timm.create_model(model.removeprefix("timm:"), num_classes=CLASSES)
    import dltui.plugins.torch as plugin
    from dltui.core.contract import Spec

    (found,) = (one for one in plugin.dltui_models() if one.id == model)
    names = tuple(map(str, range(CLASSES)))
    spec = Spec("classification", (size, size, 3), CLASSES, names, (127.0,) * 3, (74.0,) * 3)
    return found.build(found.config(), spec)


def linked(folder: Path, count: int, into: Path) -> Path:
    """A folder of links to the first photos."""
    paths = sorted(folder.rglob("*.jpg"), key=lambda path: path.name)[:count]
    for path in paths:
        link = into / str(count) / path.parent.name / path.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path.resolve())
    return into / str(count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", default="cnn-torch,timm:resnet18")
    parser.add_argument("--images", default="2000")
    parser.add_argument("--keep", type=Path, help="prepare the photos here, and use what is there")
    for name, default in (("size", 224), ("batch", 32), ("steps", 12)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--bare", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bare:
        bare(given.bare[0], given.size, given.batch, given.steps, given.bare[1] == "kept")
        return
    with tempfile.TemporaryDirectory(prefix="dltui-memory-") as folder:
        for model in given.models.split(","):
            compare(model, given, Path(folder))


def compare(model: str, given: argparse.Namespace, place: Path) -> None:
    settings = worker_environment(Device("cpu", "CPU"))
    plain = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    words = ["--size", str(given.size), "--batch", str(given.batch), "--steps", str(given.steps)]
    found: dict[str, tuple[int, int]] = {}
    for kind, environment in (("bare", plain), ("kept", plain | settings)):
        command = [sys.executable, __file__, str(given.folder), *words, "--bare", model, kind]
        whole, own = subprocess.check_output(command, env=environment, text=True).split()[-2:]
        found[kind] = int(whole), int(own)
    for count in map(int, given.images.split(",")):
        home = Path(tempfile.mkdtemp(dir=place))
        keep = (given.keep or place).resolve()
        photos = keep / str(count) if (keep / str(count)).is_dir() else linked(given.folder, count, keep)
        cache = {"DLTUI_HOME": str(home), "DLTUI_CACHE": str(keep / "cache"), "DLTUI_FORMAT": "none"}
        command = [sys.executable, "-P", "-m", "dltui", "train", model, "--dataset", f"folder:{photos}"]
        command += ["--data", f"size={given.size}", "--batch-size", str(given.batch), "--epochs", "1", "--plain"]
        command += ["--name", "run", *(["--no-pretrained"] if ":" in model else [])]
        seen = watched(home / "runs" / "run", command, {**os.environ, **cache})
        found[f"{count:,} photos"] = seen.pop("peak")
        phases = ", ".join(f"{name} {whole / MB:,.0f} ({own / MB:,.0f})" for name, (whole, own) in seen.items())
        print(f"{model} {count:,} photos, by phase: {phases}", flush=True)
    for name, (whole, own) in found.items():
        ratio = whole / found["kept"][0]
        print(
            f"{model} {name:14} {whole / MB:8,.0f} MB, {own / MB:8,.0f} not of files, {ratio:.2f} of kept", flush=True
        )


if __name__ == "__main__":
    main()
