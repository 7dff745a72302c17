"""What the protection of a run costs: event log, heartbeat, commands, checkpoints with fsync, predictions, lock.

    python benchmarks/protection.py --data-dir FOLDER [--model cnn] [--rows 26880] [--rounds 20] [--threads N]
                                    [--home FOLDER] [--json FILE]

FOLDER holds the four official files of Fashion-MNIST; `--home` is where the runs lie, which decides whose fsync is
measured. Three processes take turns, an epoch at a time over the same `--rows` training images and a ninth as many for
the evaluation:

    with     a run's worker as `dltui train` starts it
    again    the same once more: the A/A control, whose ratio has to contain 1
    without  the same loop on the same data, and nothing of it is kept: no line, no heartbeat, no copy of the weights,
             no file

Printed is the time of an epoch and, as the median over the rounds with a 95 % bootstrap interval, how much longer it
takes than without. An epoch of the whole training split, 54,000 images, is more than one commit long on any machine;
with fewer rows the share of the protection is larger than in use. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from turn_journal import TurnJournal
from turns import Turns, interval, measure, start

from dltui.core.contract import Data, Split
from dltui.core.rundir.events import Evaluated, Event
from dltui.core.train.loop import Loop

CONTENDERS = ("with", "without", "again")
EPOCHS = 10_000


class ForgetfulJournal(TurnJournal):
    """Keeps nothing."""

    def emit(self, event: Event, sync: bool = False) -> None:
        self._over = self._over or isinstance(event, Evaluated)

    def phase(self, name: str, detail: str = "") -> None:
        if name == "training" and self._over:
            self._over = False
            self.turns.end()

    def progress(self, step: int, epoch: int) -> None: ...

    def commands(self) -> list[Any]:
        return []

    def keep(self, record: dict[str, Any]) -> None: ...

    def commit(self, snapshots: list[Any], files: dict[str, Any]) -> None: ...


class ForgetfulLoop(Loop):
    """Copies no weights."""

    def _snapshot(self, best: bool) -> Any:
        return None

    def _commit(self) -> None:
        self._flush()
        self._pending, self._files = [], {}
        self._last_commit = self.clock()


def contend(contender: str, name: str, folder: Path, rows: int) -> None:
    from dltui.core.catalog.assemble import load_catalog
    from dltui.core.lifecycle.create import RunRequest, create_run
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.heartbeat import Heartbeat
    from dltui.core.rundir.lock import RunLock
    from dltui.core.rundir.log import EventLog
    from dltui.core.train.plan import Planner
    from dltui.core.worker.attempt import Attempt

    turns = Turns()
    request = RunRequest(
        f"{name}-torch",
        "fashion-mnist",
        data_dir=str(folder),
        device="cpu",
        config={"epochs": EPOCHS, "threads": int(os.environ["BENCHMARK_THREADS"])},
        exports=os.environ["DLTUI_HOME"],
    )
    run = create_run(request, load_catalog())
    lock = RunLock()
    lock.acquire(run.lock_path)
    heartbeat = Heartbeat(run.path, 1)
    attempt = Attempt(run, RunReader(run).history, EventLog(run.events_path, 1), heartbeat, 1)
    # The worker's own preparations; then its loop, on fewer images and without the others' turns on its clock.
    whole = attempt._prepare()
    protected = contender != "without"
    if not protected:
        heartbeat.stop()
    journal: Any = attempt.journal
    journal.__class__ = TurnJournal if protected else ForgetfulJournal
    journal.turns = turns
    part = first_rows(whole.data, rows)
    planner = Planner(whole.planner.config, len(part.train))
    turns.begin()
    (Loop if protected else ForgetfulLoop)(whole.trainable, part, planner, journal, clock=turns.clock).run()


def first_rows(data: Data, rows: int) -> Data:
    def first(split: Split, count: int) -> Split:
        return Split(split.x[:count], split.y[:count], split.ids[:count])

    return replace(data, train=first(data.train, rows), validation=first(data.validation, rows // 9))


def compete(arguments: argparse.Namespace, home: str) -> dict[str, list[float]]:
    asked = ["--model", arguments.model, "--data-dir", str(arguments.data_dir.resolve()), "--rows", str(arguments.rows)]
    children = {
        contender: start(
            [sys.executable, __file__, "--contender", contender, *asked],
            {
                "DLTUI_HOME": f"{home}/{contender}",
                "CUDA_VISIBLE_DEVICES": "",
                "BENCHMARK_THREADS": str(arguments.threads),
            },
        )
        for contender in CONTENDERS
    }
    return measure(children, arguments.rounds)


def report(times: dict[str, list[float]]) -> dict[str, Any]:
    found: dict[str, Any] = {"rounds": len(times["with"])}
    for contender in CONTENDERS:
        # The control is compared with its twin, everything else with the bare loop.
        base = times["with" if contender == "again" else "without"]
        ratios = [own / other for own, other in zip(times[contender], base, strict=True)]
        middle, low, high = interval(ratios)
        seconds = statistics.median(times[contender])
        found[contender] = {"ratio": middle, "interval": [low, high], "seconds": times[contender]}
        against = {"with": "of without", "without": "", "again": "of with"}[contender]
        print(f"{contender:8} {seconds:8.3f} s/epoch   {middle:6.4f}  [{low:.4f}, {high:.4f}]  {against}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--model", default="cnn")
    parser.add_argument("--rows", type=int, default=26_880, help="training images of an epoch, at most 54,000")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of each contender; 0: all cores")
    parser.add_argument("--home", type=Path, help="where the runs lie; a temporary folder without it")
    parser.add_argument("--json", type=Path, help="also write all times there")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contender:
        contend(arguments.contender, arguments.model, arguments.data_dir, arguments.rows)
        return
    with tempfile.TemporaryDirectory(dir=arguments.home) as home:
        found = report(compete(arguments, home))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
