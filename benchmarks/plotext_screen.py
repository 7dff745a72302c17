"""The screen of benchmarks/screen.py as plotext draws it: two charts of a run's points, whole frames, four a second."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import plotext

from dltui.core.reading.reader import RunReader

TICK = 0.25
BELOW = 13


def frame(reader: RunReader, width: int, height: int) -> str:
    """Two charts side by side: training points and validation over epochs."""
    history = reader.history
    steps = max(history.attempt.steps_per_epoch, 1) if history.attempt else 1
    x = [step / steps for step in history.points.steps]
    epochs = sorted(history.epochs)
    plotext.clear_figure()
    plotext.subplots(1, 2)
    for column, (name, values) in enumerate(
        (("loss", history.points.loss), ("accuracy", history.points.metrics.get("accuracy", []))), 1
    ):
        chart = plotext.subplot(1, column)
        chart.plotsize(width // 2, height - BELOW)
        chart.title(name)
        chart.plot(x, list(values), marker="braille", color="blue")
        chart.plot(
            epochs,
            [history.epochs[epoch].validation.get(name, 0.0) for epoch in epochs],
            marker="braille",
            color="orange",
        )
        chart.xlim(0, history.attempt.epochs if history.attempt else 1)
    return str(plotext.build())


def main() -> None:
    reader = RunReader(Path(sys.argv[1]))
    while True:
        began = time.perf_counter()
        reader.refresh()
        width, height = shutil.get_terminal_size()
        sys.stdout.write("\x1b[H" + frame(reader, width, height).replace("\n", "\r\n"))
        sys.stdout.flush()
        time.sleep(max(TICK - (time.perf_counter() - began), 0.01))


if __name__ == "__main__":
    main()
