"""How fast a folder of photos is prepared, beside a pool of processes that only decode and resize them.

    python benchmarks/photos.py [--images 1000] [--classes 20] [--width 1600] [--height 1200] [--size 224] [--rounds 3]
                                [--noise 6] [--only-make]

JPEGs are made with a seed, once for each `--folder`. Two contenders take turns: `dltui`, the process that prepares
`folder:PATH` for a model of `--size` pixels, with an empty cache, from its start to its end; and `pool`, as many
processes as there are cores, which decode in draft mode and resize with Pillow and keep nothing. Printed are images a
second, the processor time of an image, the speed of dltui in parts of that of the pool, and the most memory that one of
the processes of dltui took.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from dltui.core.machine.cpu import cpu_count

QUALITY = 88
COARSE = 16
SOURCE = {"kind": "distribution", "name": "dltui", "entry_points": [["datasets", "dltui.plugins.datasets"]]}


def make(folder: Path, images: int, classes: int, size: tuple[int, int], noise: int) -> list[Path]:
    """The photos: soft shapes of any color under fine noise, about as many bytes as a camera's; without noise fewer."""
    paths = [folder / f"class{number % classes:03d}" / f"{number:06d}.jpg" for number in range(images)]
    missing = [(number, path, size, noise) for number, path in enumerate(paths) if not path.exists()]
    for path in {path.parent for _, path, *_ in missing}:
        path.mkdir(parents=True, exist_ok=True)
    with multiprocessing.get_context("spawn").Pool(cpu_count()) as pool:
        pool.starmap(_make, missing, chunksize=8)
    return paths


def _make(number: int, path: Path, size: tuple[int, int], noise: int) -> None:
    random, (width, height) = np.random.default_rng(number), size
    soft = random.integers(0, 256, (-(-height // COARSE), -(-width // COARSE), 3), dtype=np.uint8)
    image = Image.fromarray(soft).resize(size, Image.Resampling.BICUBIC)
    if noise:
        pixels = np.asarray(image).astype(np.int16)
        pixels += random.integers(-noise, noise + 1, (height, width, 1), dtype=np.int16)
        image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    draft = path.with_suffix(".partial")
    image.save(draft, "JPEG", quality=QUALITY)
    draft.rename(path)


def shrink(side: int, path: Path) -> None:
    """The work of the pool on an image."""
    with Image.open(path) as image:
        image.draft("RGB", (side, side))
        ImageOps.fit(image.convert("RGB"), (side, side))


def by_pool(paths: list[Path], side: int) -> None:
    with multiprocessing.get_context("spawn").Pool(cpu_count()) as pool:
        for _ in pool.imap_unordered(partial(shrink, side), paths, chunksize=16):
            pass


def by_dltui(folder: Path, size: int, peaks: list[int]) -> None:
    """Prepare the folder as `dltui train` does, with an empty cache; `peaks` gets the most memory that one of its
    processes took, in KiB.
    """
    with tempfile.TemporaryDirectory(dir=folder.parent) as cache:
        asked = {
            "dataset": f"folder:{folder}",
            "dataset_plugin": "folder",
            "dataset_source": {**SOURCE, "python": sys.executable},
            "dataset_options": {"path": str(folder), "size": size},
        }
        command = [sys.executable, "-P", "-m", "dltui.core.data.prepare_process", "-"]
        environment = {**os.environ, "DLTUI_CACHE": cache}
        said, errors, peak = carried_out(command, json.dumps(asked), environment)
        answer = json.loads(said.splitlines()[-1])
        if "prepared" not in answer:
            sys.exit(f"{answer}\n{errors}")
        peaks.append(peak)


def carried_out(command: list[str], given: str, environment: dict[str, str]) -> tuple[str, str, int]:
    """What a command says, on stdout and stderr, and the most resident memory of it and of the processes that it waited
    for, in KiB. The other children of this process have no part in that.
    """
    with (
        tempfile.TemporaryFile("w+") as asked,
        tempfile.TemporaryFile("w+") as said,
        tempfile.TemporaryFile("w+") as told,
    ):
        asked.write(given)
        asked.seek(0)
        child = subprocess.Popen(command, stdin=asked, stdout=said, stderr=told, env=environment)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        told.seek(0)
        return said.read(), told.read(), used.ru_maxrss


def measured(work: Callable[[], None]) -> tuple[float, float]:
    """The seconds that work took, and those of the processors."""
    began, before = time.perf_counter(), _processors()
    work()
    return time.perf_counter() - began, _processors() - before


def _processors() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (
        ("images", 1000), ("classes", 20), ("width", 1600), ("height", 1200), ("size", 224), ("rounds", 3),
        ("noise", 6),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--only-make", action="store_true", help="make the photos, and no more")
    parser.add_argument("--folder", type=Path, default=None, help="keep the photos here")
    given = parser.parse_args()
    place = given.folder or Path(tempfile.mkdtemp(prefix="photos-"))
    try:
        report(given, place)
    finally:
        if given.folder is None:
            shutil.rmtree(place)


def report(given: Any, place: Path) -> None:
    folder = place / f"{given.images}-{given.width}x{given.height}"
    paths = make(folder, given.images, given.classes, (given.width, given.height), given.noise)
    mean = sum(path.stat().st_size for path in paths) / len(paths)
    print(f"{len(paths):,} JPEGs of {given.width}x{given.height}, {mean / 1000:,.0f} kB each, {cpu_count()} cores")
    if given.only_make:
        return
    peaks: list[int] = []
    works: dict[str, Callable[[], None]] = {
        "pool": partial(by_pool, paths, round(given.size / 0.875)),
        "dltui": partial(by_dltui, folder, given.size, peaks),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(given.rounds):
        for name, work in works.items():
            found[name].append(measured(work))
    for name, times in found.items():
        seconds, processors = (statistics.median(column) for column in zip(*times, strict=True))
        speed, each = len(paths) / seconds, 1000 * processors / len(paths)
        print(f"{name:6} {speed:8.1f} images/s {each:8.2f} ms of a processor for an image")
    ratios = [[pool[n] / own[n] for pool, own in zip(found["pool"], found["dltui"], strict=True)] for n in (0, 1)]
    wall, cpu = (statistics.median(ratio) for ratio in ratios)
    print(f"dltui prepares at {wall:.2f} of the speed of the pool; by processor time at {cpu:.2f}")
    print(f"most memory of a process of dltui: {max(peaks) / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
