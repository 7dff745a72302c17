"""How long from Enter on the form of a new run to the first trained step, with and without a worker warmed up.

    python benchmarks/warm_start.py [--count 5] [--model mlp-torch]

Starts runs the way the form does, cold and warm in turn, on the embedded digits; prints the medians in seconds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time

from dltui.core.catalog.assemble import load_catalog
from dltui.core.catalog.entries import Catalog
from dltui.core.lifecycle import kill
from dltui.core.lifecycle.create import RunRequest
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.heartbeat import read_live
from dltui.tui.base.services import Services

WARM_SECONDS = 15.0
"""How long somebody looks at the form; enough for any import."""
LIMIT = 120.0


def seconds_to_first_step(services: Services, catalog: Catalog, model: str, warm: bool) -> float:
    entry = catalog.model(model)
    if warm:
        services.warm.begin(catalog, entry.framework, "cpu")
        time.sleep(WARM_SECONDS)
    began = time.perf_counter()
    run = services.starting.start(RunRequest(model, "digits", device="cpu", config={"epochs": 500}), catalog, print)
    while (live := read_live(run.path)) is None or not live.step:
        if time.perf_counter() - began > LIMIT:
            raise SystemExit(f"no step within {LIMIT:g} s; see {run.worker_log}")
        time.sleep(0.005)
    passed = time.perf_counter() - began
    end(RunReader(run))
    return passed


def end(reader: RunReader) -> None:
    """Kill the worker of a run and wait until it is gone: the next start is to have the machine to itself."""
    kill.kill(reader)
    deadline = time.monotonic() + LIMIT
    while not reader.status().over:
        if time.monotonic() > deadline:
            raise SystemExit(f"{reader.directory.id} does not end")
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--model", default="mlp-torch")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["DLTUI_HOME"] = home
        services, catalog = Services(), load_catalog()
        times: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(given.count):
            for warm in times:
                times[warm].append(seconds_to_first_step(services, catalog, given.model, warm))
    for warm, seconds in times.items():
        title = "warm" if warm else "cold"
        print(
            f"{given.model} {title}  median {statistics.median(seconds):.2f} s   {min(seconds):.2f}-{max(seconds):.2f}"
        )


if __name__ == "__main__":
    main()
