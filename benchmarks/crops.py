"""How much of the speed of training is left with random crops, and with photos that stream from their file.

    python benchmarks/crops.py [--model resnet18] [--images 2000] [--side 224] [--batch 16] [--steps 4] [--rounds 5]
                               [--processor]

Three contenders take turns on one PyTorch model, `--steps` steps each time: `plain`, on images of `--side` pixels in
memory; `crops`, on images with a border in memory, of which random resized crops are cut; `stream`, the same from
their file, as data larger than memory. Printed is the speed of each in parts of the speed of `plain`, and of the
stream in parts of `crops`: the median over the rounds with a 95 % bootstrap interval. `--processor` takes the time of
the processors in place of the clock's, for a machine that does other work as well.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from turns import Turns, interval, measure, start

CONTENDERS = ("plain", "crops", "stream")
CLASSES = 20


def contend(kind: str, folder: Path, options: argparse.Namespace) -> None:
    """The contender's side; the framework is imported here."""
    turns = Turns()
    trainable, planner = _prepared(kind, folder, options)
    epoch, done, each = 0, 0, options.steps
    turns.begin()
    while True:
        began = time.process_time()
        plan = planner.epoch(epoch, done)
        trainable.begin_epoch(plan.rows(slice(0, each)))
        trainable.advance(each)
        done += each
        if done + each > planner.steps_per_epoch:
            epoch, done = epoch + 1, 0
        turns.end(time.process_time() - began if options.processor else None)


def _prepared(kind: str, folder: Path, options: argparse.Namespace) -> tuple[Any, Any]:
    from dltui.core.contract import Data, Spec, Split
    from dltui.core.data import streaming
    from dltui.core.data.arrays import middle
    from dltui.core.machine.cpu import cpu_count
    from dltui.core.train.plan import Planner

    # Both ways are tried on the same number of images.
    streaming.STREAMED_BYTES = 0 if kind == "stream" else 1 << 40
    import dltui.plugins.torch as plugin

    stored = np.load(folder / "stored.npy", mmap_mode="r")
    shape = (options.side, options.side, 3)
    y = np.arange(len(stored)) % CLASSES
    if kind == "plain":
        split = Split(np.ascontiguousarray(middle(stored, shape)), y, np.arange(len(y)))
    else:
        whole = stored if kind == "stream" else np.array(stored)
        split = Split(middle(whole, shape), y, np.arange(len(y)), stored=whole)
    few = replace(split, x=split.x[:2], y=y[:2], ids=split.ids[:2], stored=split.whole[:2])
    spec = Spec("classification", shape, CLASSES, tuple(map(str, range(CLASSES))), (127.0,) * 3, (74.0,) * 3)
    (model,) = (one for one in plugin.dltui_models() if one.name == options.model)
    augment = "none" if kind == "plain" else "flip+crop"
    config = model.config(batch_size=options.batch, threads=cpu_count(), augment=augment)
    data = Data("noise", spec, split, few, few, "")
    planner = Planner(config, len(y), shape=shape, stored=split.whole.shape[1:])
    (backend,) = plugin.dltui_backends()
    return backend.trainable(model, config, data, "cpu"), planner


def write(path: Path, images: int, side: int) -> None:
    block = np.random.default_rng(0).integers(0, 256, (100, side, side, 3), dtype=np.uint8)
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(images, side, side, 3))
    for begin in range(0, images, len(block)):
        out[begin : begin + len(block)] = block[: images - begin]
    out.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("images", 2000), ("side", 224), ("batch", 16), ("steps", 4), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--processor", action="store_true", help="take the time of the processors")
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--contend", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contend:
        contend(options.contend[0], Path(options.contend[1]), options)
        return
    with tempfile.TemporaryDirectory(prefix="dltui-crops-") as folder:
        write(Path(folder) / "stored.npy", options.images, round(options.side / 0.875))
        command = [sys.executable, __file__, *sys.argv[1:], "--contend"]
        times = measure({name: start([*command, name, folder], {}) for name in CONTENDERS}, options.rounds)
    for name, of in (("plain", "plain"), ("crops", "plain"), ("stream", "plain"), ("stream", "crops")):
        median, low, high = interval([a / b for a, b in zip(times[of], times[name], strict=True)])
        speed = options.steps * options.batch / statistics.median(times[name])
        print(f"{name:6} {speed:8.1f} images/s, {median:.3f} of the speed of {of} [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
