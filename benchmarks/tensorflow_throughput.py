"""How fast dltui's worker path trains the TensorFlow models, beside Keras's `model.fit` on tf.data.

    python benchmarks/tensorflow_throughput.py [--models softmax,mlp,cnn] [--rounds 40]

Each contender is a process; they take turns, one slice of training at a time, so that a noisy machine hurts all of
them alike. Random images of Fashion-MNIST's sizes (54,000 of 28x28), loss and accuracy computed by everyone:

    dltui   the training loop with its journal (event log, heartbeat, commands) on a run directory
    again   the same once more: the A/A control, whose ratio has to contain 1
    fit     model.fit on tf.data (shuffle, batch, vectorised map, prefetch) with dltui's own layers and without XLA
    stock   the same with Keras's batch norm and Keras's default, which compiles with XLA
    eigen   dltui without oneDNN, as TensorFlow computes by default on processors without AVX512-VNNI or later

Only training is timed: not dltui's evaluations and checkpoints, which model.fit is not asked for. Printed are the
milliseconds of a step and, as the median over the rounds with a 95 % bootstrap interval, how many times faster dltui
is. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from contender import random_data, run_loop
from turn_journal import TimedJournal
from turns import Turns, interval, measure, start

from dltui.plugins import tensorflow as plugin

if TYPE_CHECKING:
    from collections.abc import Callable

SLICES = {"softmax": 800, "mlp": 100, "cnn": 25}
"""Steps of one slice: about half a second on two cores."""
STOCK_SLICES = {"softmax": 800, "mlp": 100, "cnn": 2}
CONTENDERS = ("dltui", "fit", "again", "stock", "eigen")


def run_dltui(name: str, turns: Turns) -> None:
    model = next(model for model in plugin.dltui_models() if model.name == name)
    run_loop(
        plugin.TensorFlowBackend(),
        model,
        model.config(epochs=10_000),
        random_data(),
        "cpu",
        lambda run, _: TimedJournal(run, turns, SLICES[name]),
    )


def run_fit(name: str, turns: Turns, stock: bool) -> None:
    from dltui.plugins.tensorflow.session import import_framework

    tf = import_framework()
    import keras

    data = random_data()
    model = next(model for model in plugin.dltui_models() if model.name == name)
    config = model.config()
    net = model.build(config, data.spec)
    if stock:
        layers = [_stock_layer(keras, layer) for layer in net.layers]
        net = keras.Sequential([keras.layers.Input(data.spec.input_shape), *layers])
    net.compile(
        optimizer=_optimizer(keras, config),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile="auto" if stock else False,
    )
    mean, std = np.float32(data.spec.mean), np.float32(data.spec.std)
    batches = (
        tf.data.Dataset.from_tensor_slices((data.train.x, data.train.y))
        .shuffle(len(data.train), seed=0)
        .repeat()
        .batch(config.batch_size)
        .map(lambda x, y: ((tf.cast(x, tf.float32) - mean) / std, y), num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )
    steps = (STOCK_SLICES if stock else SLICES)[name]
    timer = _timer(keras, turns, steps)
    net.fit(batches, steps_per_epoch=steps, epochs=10_000, verbose=0, callbacks=[timer])


def _optimizer(keras: Any, config: Any) -> Any:
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(config.lr, config.momentum)
    return keras.optimizers.AdamW(config.lr, weight_decay=config.weight_decay)


def _stock_layer(keras: Any, layer: Any) -> Any:
    if type(layer).__name__ != "BatchNorm":
        return layer
    return keras.layers.BatchNormalization(epsilon=1e-5, momentum=0.9, name=layer.name)


def _timer(keras: Any, turns: Turns, steps: int) -> Any:
    class Timer(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_begin(self, logs: Any = None) -> None:
            turns.begin()

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.began = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            turns.end((time.perf_counter() - self.began) / steps)

    return Timer()


def contend(contender: str, name: str) -> None:
    turns = Turns()
    starters: dict[str, Callable[[], None]] = {
        "dltui": lambda: run_dltui(name, turns),
        "again": lambda: run_dltui(name, turns),
        "fit": lambda: run_fit(name, turns, stock=False),
        "stock": lambda: run_fit(name, turns, stock=True),
        "eigen": lambda: run_dltui(name, turns),
    }
    starters[contender]()


def compete(name: str, rounds: int) -> dict[str, list[float]]:
    """Seconds of a step in each round."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"}
    without = {"eigen": {"TF_ENABLE_ONEDNN_OPTS": "0"}}
    command = [sys.executable, __file__, "--models", name, "--contender"]
    children = {
        contender: start([*command, contender], quiet | without.get(contender, {}), silent=True)
        for contender in CONTENDERS
    }
    return measure(children, rounds)


def report(name: str, times: dict[str, list[float]]) -> None:
    for contender in CONTENDERS:
        step = 1e3 * statistics.median(times[contender])
        ratios = [other / own for own, other in zip(times["dltui"], times[contender], strict=True)]
        middle, low, high = interval(ratios)
        print(f"{name:8} {contender:6} {step:9.3f} ms/step   {middle:6.3f}  [{low:.3f}, {high:.3f}]", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="softmax,mlp,cnn")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contender:
        contend(arguments.contender, arguments.models)
        return
    print("model    who         time of a step   dltui is so many times as fast [95 % interval]", flush=True)
    for name in arguments.models.split(","):
        report(name, compete(name, arguments.rounds))


if __name__ == "__main__":
    main()
