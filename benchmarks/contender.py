"""The parts that contenders of several benchmarks share: data, optimizers, and runs of dltui's own loop."""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.contract import Data, Spec, Split

if TYPE_CHECKING:
    from turn_journal import TimedJournal

    from dltui.core.contract import Backend, Model
    from dltui.core.rundir.directory import RunDirectory
    from dltui.core.worker.attempt import Attempt

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
TRAIN = 54_000
"""Training images of Fashion-MNIST when a tenth is held out."""


def read_idx(path: Path) -> np.ndarray[Any, Any]:
    """An IDX file of bytes."""
    content = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(content, ">u4", content[3], 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape).copy()


def make_spec(mean: float, std: float) -> Spec:
    return Spec("classification", (28, 28, 1), 10, tuple("0123456789"), (mean,), (std,))


def random_data(samples: int = TRAIN) -> Data:
    """Random images of Fashion-MNIST's shape."""
    random = np.random.default_rng(0)
    spec = make_spec(72.9, 90.0)

    def split(count: int) -> Split:
        x = random.integers(0, 256, (count, *spec.input_shape), dtype=np.uint8)
        return Split(x, random.integers(0, 10, count), np.arange(count))

    return Data("random", spec, split(samples), split(max(samples // 9, 1)), split(500), "none")


def fashion_data(folder: Path) -> Data:
    """Fashion-MNIST from its four official files; the last 6,000 training images are for validation."""
    arrays = [read_idx(folder / f"{file}.gz") for file in FILES]
    x, y = arrays[0][..., None], arrays[1].astype(np.int64)
    rows = np.arange(len(y))
    train, validation = (Split(x[part], y[part], rows[part]) for part in (slice(TRAIN), slice(TRAIN, None)))
    test = Split(arrays[2][..., None], arrays[3].astype(np.int64), np.arange(len(arrays[3])))
    spec = make_spec(float(train.x.mean()), float(train.x.std()))
    return Data("fashion-mnist", spec, train, validation, test, "none")


def make_optimizer(module: Any, config: Any, **options: bool) -> Any:
    """PyTorch's own optimizer with the settings of a model."""
    import torch

    if config.optimizer == "sgd":
        # No step of it depends on a number on the host.
        options.pop("capturable", None)
        momentum, decay = config.momentum, config.weight_decay
        return torch.optim.SGD(module.parameters(), config.lr, momentum, weight_decay=decay, **options)
    return torch.optim.AdamW(module.parameters(), config.lr, weight_decay=config.weight_decay, **options)


def make_attempt(
    model: str, folder: Path | None, device: str, config: dict[str, Any], dataset: str = "fashion-mnist"
) -> Attempt:
    """A run as `dltui train` creates it, before its worker has begun."""
    from dltui.core.catalog.assemble import load_catalog
    from dltui.core.lifecycle.create import RunRequest, create_run
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.heartbeat import Heartbeat
    from dltui.core.rundir.log import EventLog
    from dltui.core.worker.attempt import Attempt

    request = RunRequest(
        model,
        dataset,
        data_dir=folder and str(folder),
        device=device,
        config=config,
        exports=os.environ["DLTUI_HOME"],
    )
    run = create_run(request, load_catalog())
    return Attempt(run, RunReader(run).history, EventLog(run.events_path, 1), Heartbeat(run.path, 1), 1)


def run_loop(
    backend: Backend,
    model: Model,
    config: Any,
    data: Data,
    device: str,
    make_journal: Callable[[RunDirectory, Any], TimedJournal],
    told: Callable[[Sequence[str]], object] = lambda lines: None,
) -> None:
    """Train in turns, with a journal on a run directory; `make_journal` gets that and the trainable, which is prepared
    as a worker does it; `told` gets what it says about that.
    """
    from dltui.core.rundir.directory import RunDirectory
    from dltui.core.train.loop import Loop
    from dltui.core.train.plan import Planner

    trainable, planner = backend.trainable(model, config, data, device), Planner(config, len(data.train))
    prepare = getattr(trainable, "prepare", None)
    told(() if prepare is None else prepare(partial(planner.epoch, 0), planner.total_steps))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DLTUI_HOME"] = folder
        run = RunDirectory.create("benchmark", {"format": 1, "id": "benchmark"})
        journal = make_journal(run, trainable)
        journal.turns.begin()
        Loop(trainable, data, planner, journal).run()
