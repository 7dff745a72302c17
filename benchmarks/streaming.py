"""How fast samples stream from their memory-mapped file when they do not fit into the memory.

    python benchmarks/streaming.py [--images 50000] [--side 96] [--limit 1000000000] [--rounds 8] [--steps 24]

Four processes take turns, `--steps` steps of the CNN with batches of 32 each time (of 128 its activations alone would
fill the memory): PyTorch and TensorFlow, each with the samples copied into memory and with the samples in their file.
The ones that stream are in a control group with a memory limit, page cache included (Linux with cgroup v1 or v2, as
root); without one they run unlimited, which is said. The file is dropped from the page cache first. Printed is the
speed of streaming in parts of the speed from memory, the median over the rounds with a 95 % bootstrap interval, and the
most memory that each group has used.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from turns import Turns, interval, measure, start

BATCH = 32
CLASSES = 10
FRAMEWORKS = ("torch", "tensorflow")
V1 = Path("/sys/fs/cgroup/memory")
V2 = Path("/sys/fs/cgroup")


def contend(framework: str, streams: bool, folder: Path, steps: int) -> None:
    """The contender's side; the framework is imported here."""
    from dltui.core.contract import EpochPlan

    turns = Turns()
    trainable, rows = _trainable(framework, streams, folder)
    random = np.random.default_rng(0)
    turns.begin()
    while True:
        indices = random.permutation(rows)[: steps * BATCH].reshape(steps, BATCH).astype(np.int32)
        trainable.begin_epoch(EpochPlan(0, 0, indices, np.full(steps, 0.01, np.float32)))
        trainable.advance(steps)
        turns.end()


def _trainable(framework: str, streams: bool, folder: Path) -> tuple[Any, int]:
    from dltui.core.contract import Data, Spec, Split
    from dltui.core.data import streaming
    from dltui.core.machine.cpu import cpu_count

    # Both ways are tried on the same number of images.
    streaming.STREAMED_BYTES = 0 if streams else 1 << 40
    x = np.load(folder / f"{framework}-{streams}.npy", mmap_mode="r")
    if framework == "torch":
        from dltui.plugins.torch.backend import TorchBackend as Backend
        from dltui.plugins.torch.models.cnn import MODEL
    else:
        from dltui.plugins.tensorflow import session
        from dltui.plugins.tensorflow.backend import TensorFlowBackend as Backend  # type: ignore[assignment]
        from dltui.plugins.tensorflow.models.cnn import MODEL

        session.import_framework()
    y = np.arange(len(x)) % CLASSES
    split = Split(x if streams else np.array(x), y, np.arange(len(x)))
    few = Split(x[:BATCH], y[:BATCH], split.ids[:BATCH])
    names = tuple(map(str, range(CLASSES)))
    spec = Spec("classification", x.shape[1:], CLASSES, names, (127.0,) * 3, (74.0,) * 3)
    config = MODEL.config(batch_size=BATCH, threads=cpu_count())
    data = Data("noise", spec, split, few, few, "")
    return Backend().trainable(MODEL, config, data, "cpu"), len(x)


class Group:
    """A control group with a memory limit; `problem` says why there is none."""

    def __init__(self, name: str, limit: int) -> None:
        old = (V1 / "memory.limit_in_bytes").exists()
        self.folder = (V1 if old else V2) / f"dltui-streaming-{os.getpid()}-{name}"
        self.peak_file = self.folder / ("memory.max_usage_in_bytes" if old else "memory.peak")
        self.problem = ""
        try:
            self.folder.mkdir()
            (self.folder / ("memory.limit_in_bytes" if old else "memory.max")).write_text(str(limit))
        except OSError as error:
            self.problem = f"no memory limit: {error}"

    def command(self, command: list[str]) -> list[str]:
        """The command, started inside the group."""
        if self.problem:
            return command
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.folder / "cgroup.procs"), *command]

    def peak(self) -> int | None:
        try:
            return int(self.peak_file.read_text())
        except (OSError, ValueError):
            return None

    def remove(self) -> None:
        if self.folder.is_dir():
            self.folder.rmdir()


def write(path: Path, images: int, side: int) -> None:
    """Noise, never the same twice in a batch; dropped from the page cache, as data of yesterday would be."""
    block = np.random.default_rng(0).integers(0, 256, (1000, side, side, 3), dtype=np.uint8)
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(images, side, side, 3))
    for begin in range(0, images, len(block)):
        out[begin : begin + len(block)] = block[: images - begin]
    out.flush()
    del out
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name, default in (("images", 50_000), ("side", 96), ("limit", 10**9), ("rounds", 8), ("steps", 24)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--contend", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contend:
        framework, streams, folder = options.contend
        contend(framework, streams == "True", Path(folder), options.steps)
        return
    groups = {framework: Group(framework, options.limit) for framework in FRAMEWORKS}
    try:
        with tempfile.TemporaryDirectory(prefix="dltui-streaming-") as folder:
            times, peaks = race(options, Path(folder), groups)
    finally:
        for group in groups.values():
            group.remove()
    report(options, times, peaks, groups)


def race(
    options: argparse.Namespace, folder: Path, groups: dict[str, Group]
) -> tuple[dict[str, list[float]], dict[str, int | None]]:
    children = {}
    for framework in FRAMEWORKS:
        for streams in (False, True):
            write(folder / f"{framework}-{streams}.npy", options.images, options.side)
            command = [sys.executable, __file__, "--steps", str(options.steps)]
            command += ["--contend", framework, str(streams), str(folder)]
            command = groups[framework].command(command) if streams else command
            children[f"{framework} {'file' if streams else 'memory'}"] = start(command, {}, silent=True)
    times = measure(children, options.rounds)
    return times, {framework: group.peak() for framework, group in groups.items()}


def report(
    options: argparse.Namespace, times: dict[str, list[float]], peaks: dict[str, int | None], groups: dict[str, Group]
) -> None:
    size = options.images * options.side**2 * 3
    print(
        f"{options.images:,} images of {options.side}x{options.side}x3: {size / 1e9:.2f} GB, "
        f"limit {options.limit / 1e9:g} GB"
    )
    found: dict[str, Any] = {"bytes": size, "limit": options.limit}
    for framework in FRAMEWORKS:
        memory, file = times[f"{framework} memory"], times[f"{framework} file"]
        median, low, high = interval([a / b for a, b in zip(memory, file, strict=True)])
        speed = options.steps * BATCH / statistics.median(file)
        peak = peaks[framework]
        used = groups[framework].problem or (f"at most {peak / 1e9:.2f} GB used" if peak else "memory not known")
        print(f"{framework:<11} {speed:7,.0f} images/s from the file, {median:.3f} of the speed from memory "
              f"[{low:.3f}, {high:.3f}]; {used}")  # fmt: skip
        found[framework] = {"ratio": median, "low": low, "high": high, "images_per_second": speed, "peak": peak}
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
