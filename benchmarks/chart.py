"""The chart with a million points: drawn anew, and a run of a million logged points opened and watched.

    python benchmarks/chart.py [--points 1000000] [--count 20]

Prints, in milliseconds: one redraw of a chart of so many points as they are, one of the two charts of a run that was
read from its log, at 80x24 and 200x50; the seconds from an unread log to both charts; and the memory of the process.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks.growing_run import Growing, create
from dltui.core.rundir.directory import RunDirectory
from dltui.tui.draw.chart import draw
from dltui.tui.draw.chart_data import Chart, Series
from dltui.tui.draw.styled_text import Look
from dltui.tui.run_page.curves.chart_grid import chart_grid
from dltui.tui.run_page.curves.curve_view import CurveView
from dltui.tui.run_page.view import RunView, RunWatch

STEPS, BLOCK = 4000, 400
SIZES = {"80x24": (80, 11), "200x50": (200, 31)}


def milliseconds(work: Callable[[], object], count: int) -> str:
    work()
    times = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - began))
    return f"median {statistics.median(times):6.2f} ms   quickest {min(times):6.2f}   slowest {max(times):6.2f}"


def write_log(path: Path, points: int) -> None:
    epochs = max(points // STEPS, 1)
    growing = Growing(create(path, epochs), epochs, 1.0, heartbeat=False, steps=STEPS)
    while growing.step < epochs * STEPS:
        growing.advance(BLOCK, 0.5)
    growing.log.close()


def charts(view: RunView, size: tuple[int, int]) -> object:
    return chart_grid(view, CurveView(), (), *size, Look())


def main() -> None:
    import numpy as np

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--count", type=int, default=20)
    given = parser.parse_args()
    process = psutil.Process()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench"
        # The writer's memory is not the viewer's.
        writer = multiprocessing.get_context("spawn").Process(target=write_log, args=(path, given.points))
        writer.start()
        writer.join()
        size = (path / "events.jsonl").stat().st_size
        began = time.perf_counter()
        view = RunWatch(RunDirectory(path), time.time).look()
        assert view is not None
        charts(view, SIZES["80x24"])
        opened = time.perf_counter() - began
        print(f"opened {given.points:,} logged points ({size / 1e6:.0f} MB) with both charts in {opened:.2f} s")
        print(f"kept {len(view.history.points):,} points; memory {process.memory_info().rss / 1e6:.0f} MB resident")
        for name, room in SIZES.items():
            print(f"{name:<7} charts of that run     ", milliseconds(lambda room=room: charts(view, room), given.count))
    x = np.arange(1, given.points + 1) / given.points * 10
    y = 0.2 + np.exp(-x) + 0.05 * np.random.default_rng(0).standard_normal(given.points)
    chart = Chart("loss", (Series("train", x, y, "train", "━", "raw"),), 10.0)
    for name, (width, height) in {"80x24": (80, 24), "200x50": (200, 50)}.items():
        print(
            f"{name:<7} all points as they are ",
            milliseconds(lambda w=width, h=height: draw(chart, w, h, Look()), given.count),
        )


if __name__ == "__main__":
    main()
