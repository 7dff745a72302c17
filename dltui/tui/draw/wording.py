"""Formats values for the screens; durations, sizes and metrics are written as on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dltui.core.numbers import exact, metric
from dltui.core.text import plural

if TYPE_CHECKING:
    from dltui.core.analysis.groups import Spread
    from dltui.core.reading.history import History


FRAMEWORKS = {"torch": "PT", "tensorflow": "TF"}
TITLES = {"torch": "PyTorch", "tensorflow": "TensorFlow"}
STATUS_STYLES = {
    "queued": "dim",
    "starting": "accent",
    "running": "good",
    "paused": "warn",
    "silent": "warn",
    "finished": "accent",
    "stopped": "",
    "interrupted": "warn",
    "preempted": "warn",
    "failed": "bad",
}
LIVE = ("queued", "starting", "running", "paused", "silent")
RESUMABLE = ("interrupted", "preempted", "stopped", "failed")
SPARKS = "▁▂▃▄▅▆▇█"
SPARKS_ASCII = "__..--=^"


def framework(name: str) -> str:
    """The framework in two letters, for columns."""
    return FRAMEWORKS.get(name, name[:2].upper())


def spark(
    values: Sequence[float], room: int, ascii_only: bool = False, low: float | None = None, high: float | None = None
) -> str:
    """A sparkline of the last values, scaled between their minimum and maximum, or between the given limits."""
    signs = SPARKS_ASCII if ascii_only else SPARKS
    shown = [value for value in values if value == value][-room:] if room > 0 else []
    if not shown:
        return ""
    low = min(shown) if low is None else low
    high = max(shown) if high is None else high
    span = (high - low) or 1.0
    last = len(signs) - 1
    return "".join(signs[min(max(int((value - low) / span * len(signs)), 0), last)] for value in shown)


def differences(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The values that differ from the defaults: name, value, default."""
    return [
        (name, exact(config[name]), exact(defaults[name]))
        for name in config
        if name in defaults and config[name] != defaults[name]
    ]


def damaged(history: History) -> str:
    """A text about the damaged lines of the log."""
    return f"{plural(history.damaged, 'line')} of the log cannot be read"


def spread(name: str, value: Spread) -> str:
    """A mean with the standard deviation around it: `84.52 ±.10 %`, `0.1234 ±.0012`."""
    if value.deviation is None:
        return metric(name, value.mean)
    mean, unit = metric(name, value.mean).removesuffix(" %"), " %" if name.endswith("accuracy") else ""
    around = metric(name, value.deviation).removesuffix(" %")
    return f"{mean} ±{around.removeprefix('0') if around.startswith('0.') else around}{unit}"


def table(rows: list[list[str]], right: frozenset[int] = frozenset()) -> list[str]:
    """The rows as aligned lines; the columns in `right` are right-aligned."""
    from dltui.core.text import clean_line, width

    cells = [[clean_line(cell) for cell in row] for row in rows]
    widths = [max(width(row[column]) for row in cells) for column in range(len(cells[0]))] if cells else []
    lines = []
    for row in cells:
        padded = []
        for column, cell in enumerate(row):
            fill = " " * (widths[column] - width(cell))
            padded.append(fill + cell if column in right else cell + fill)
        lines.append("  ".join(padded).rstrip())
    return lines
