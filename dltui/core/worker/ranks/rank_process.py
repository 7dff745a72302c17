"""One rank: `python -P -m dltui.core.worker.ranks.rank_process [DESCRIPTOR PARENT]`.

It gets orders from its worker over the socket DESCRIPTOR, answers each, and ends with it, whatever it is doing. Without
one it connects to the worker of which its launcher tells (`gathering`).
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dltui.core.catalog import plugin_loader
from dltui.core.catalog.schema import validated
from dltui.core.catalog.sources import FIRST
from dltui.core.contract import Rank
from dltui.core.contract.ranks import spreading
from dltui.core.data.prepared import load_prepared
from dltui.core.errors import DltuiError, RunError
from dltui.core.machine import cpu, memory
from dltui.core.train import evaluation
from dltui.core.worker import loading
from dltui.core.worker.ranks.channel import Channel, Disconnected, Message, plan_of
from dltui.core.worker.ranks.gathering import connect, told

if TYPE_CHECKING:
    from dltui.core.contract import Backend, Model, Trainable
    from dltui.core.contract.types import Array

_DEATH_SIGNAL = 1
"""Of prctl: the signal that a process gets when its parent ends."""


class Server:
    """Obeys the orders of a worker."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._asked: dict[str, Any] = {}
        self._model: Model
        self._backend: Backend
        self._rank: Rank
        self._trainable: Any = None
        self._samples = 0
        self._reserved: socket.socket | None = None

    def serve(self) -> None:
        """Obey until there are no more orders."""
        while True:
            order, arrays = self._channel.receive()
            if order["do"] == "end":
                return
            obey: Callable[[Mapping[str, Any], dict[str, Array]], Message] = getattr(self, f"_{order['do']}")
            try:
                answer = obey(order, arrays)
            except Exception as error:
                traceback.print_exc()
                self._channel.send({"error": self._told(error)})
                # Until the worker ends all ranks: those that miss this one in a sum would fail, too, or crash.
                self._channel.receive()
                return
            self._channel.send(*answer)

    def _told(self, error: BaseException) -> dict[str, Any]:
        source = self._asked.get("model_source") or {}
        place = "" if source.get("name") == FIRST else plugin_loader.line_in_plugin(error, source)
        return {
            "type": type(error).__name__,
            "text": str(error),
            "expected": isinstance(error, DltuiError),
            "remedy": error.remedy if isinstance(error, RunError) else {},
            "place": place,
        }

    def _load(self, order: Mapping[str, Any], arrays: dict[str, Array]) -> Message:
        """Import the framework and the plugin."""
        self._asked = dict(order["asked"])
        self._model, self._backend = loading.plugins(self._asked)
        return {}, {}

    def _reserve(self, order: Mapping[str, Any], arrays: dict[str, Array]) -> Message:
        """Keep a port of this machine free for the framework, and tell of the processors."""
        self._reserved = socket.socket()
        self._reserved.bind((str(order["host"]), 0))
        told = {"cpus": cpu.cpu_count(), "allowed": cpu.allowed(), "processors": cpu.processors()}
        return {"port": self._reserved.getsockname()[1], **told}, {}

    def _build(self, order: Mapping[str, Any], arrays: dict[str, Array]) -> Message:
        """Put the model and the data on this rank's device, and meet the other ranks."""
        config = validated(self._model.config, self._asked["config"])
        data, config = loading.shortened(self._asked, load_prepared(Path(order["prepared"])), config)
        config = config.model_copy(update={"threads": int(order["threads"])})
        if self._reserved is not None:
            self._reserved.close()
        addresses = tuple(map(str, order["addresses"]))
        rank = Rank(int(order["number"]), int(order["world"]), str(order["rendezvous"]), addresses)
        place = loading.device(self._asked)
        self._rank = rank
        trainable: Trainable = self._backend.trainable(self._model, config, data, place, rank=rank)  # type: ignore[call-arg]
        self._trainable = trainable
        known = {name: getattr(trainable, name) for name in ("mode", "predict_rows") if hasattr(trainable, name)}
        return {
            "own_loss": evaluation.has_own_loss(trainable),
            "notes": list(getattr(trainable, "notes", ())),
            "layers": [asdict(layer) for layer in trainable.layers()] if rank.number == 0 else [],
            **known,
        }, {}

    def _prepare(self, order: Mapping[str, Any], arrays: dict[str, Array]) -> Message:
        prepare = getattr(self._trainable, "prepare", None)
        plan = plan_of(order, arrays)
        lines = () if prepare is None else prepare(lambda: plan, int(order["steps"]))
        return {"lines": list(lines), "mode": str(getattr(self._trainable, "mode", ""))}, {}

    def _begin_epoch(self, order: Mapping[str, Any], arrays: dict[str, Array]) -> Message:
        plan = plan_of(order, arrays)
        mine = slice(self._rank.number, None, self._rank.world) if spreading(self._backend).whole else slice(None)
        self._samples = len(range(plan.batch)[mine])
        return {"lines": list(self._trainable.begin_epoch(plan) or ())}, {}

    def _advance(self, order: Mapping[str, Any], arrays: dict[str, Array]) -> Message:
        steps, began = int(order["steps"]), time.perf_counter()
        stats = self._trainable.advance(steps)
        seconds = time.perf_counter() - began - (stats.waited or 0.0)
        speed = None if stats.waited is None else steps * self._samples / max(seconds, 1e-9)
        # The name of a metric is a key of the message.
        found = {f"metric {name}": np.asarray(values) for name, values in stats.metrics.items()}
        told = {"data_seconds": stats.data_seconds, "speed": speed}
        return {**told, "rss": memory.rss(), "peak": memory.peak_rss()}, {"loss": np.asarray(stats.loss), **found}

    def _predict(self, order: Mapping[str, Any], arrays: dict[str, Array]) -> Message:
        return {}, {"outputs": self._trainable.predict(order["split"], slice(*order["rows"]))}

    def _predict_mirrored(self, order: Mapping[str, Any], arrays: dict[str, Array]) -> Message:
        return {}, {"outputs": self._trainable.predict_mirrored(order["split"], slice(*order["rows"]))}

    def _evaluate(self, order: Mapping[str, Any], arrays: dict[str, Array]) -> Message:
        outputs, losses = evaluation.ask(self._trainable, order["split"], slice(*order["rows"]))
        return {"losses": losses}, {"outputs": outputs}

    def _state(self, order: Mapping[str, Any], arrays: dict[str, Array]) -> Message:
        return {}, self._trainable.state()

    def _load_state(self, order: Mapping[str, Any], arrays: dict[str, Array]) -> Message:
        self._trainable.load_state(arrays)
        return {}, {}


def end_with(parent: int, connection: socket.socket) -> None:
    """End this process as soon as its worker has ended, also in the middle of a step."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    threading.Thread(target=_wait_for_end, args=(connection,), name="end with the worker", daemon=True).start()


def _wait_for_end(connection: socket.socket) -> None:
    poll = select.poll()
    poll.register(connection, getattr(select, "POLLRDHUP", 0))
    poll.poll()
    os._exit(1)


def main() -> int:
    faulthandler.enable()
    # The worker decides: Ctrl-C in a terminal and the signals of a machine reach the whole group of processes.
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(name, signal.SIG_IGN)
    place = told()
    if len(sys.argv) > 1 or place is None:
        connection = socket.socket(fileno=int(sys.argv[1]))
        end_with(int(sys.argv[2]), connection)
    else:
        connection = connect(place)
        threading.Thread(target=_wait_for_end, args=(connection,), name="end with the worker", daemon=True).start()
    try:
        Server(Channel(connection)).serve()
    except Disconnected:
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    # Not through the interpreter's end: what a framework still has to say to other ranks, they need not hear.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
