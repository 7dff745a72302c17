"""How the screens write values; durations, sizes and metrics are written as on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dltui.tui.cli.numbers import age, count, duration, metric, percent, size

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
    """Two letters for columns."""
    return FRAMEWORKS.get(name, name[:2].upper())


def spark(
    values: Sequence[float], room: int, ascii_only: bool = False, low: float | None = None, high: float | None = None
) -> str:
    """The last values as a row of little bars, between the lowest and the highest of them, or between these."""
    signs = SPARKS_ASCII if ascii_only else SPARKS
    shown = [value for value in values if value == value][-room:] if room > 0 else []
    if not shown:
        return ""
    low = min(shown) if low is None else low
    high = max(shown) if high is None else high
    span = (high - low) or 1.0
    last = len(signs) - 1
    return "".join(signs[min(max(int((value - low) / span * len(signs)), 0), last)] for value in shown)


def value(item: Any) -> str:
    """A hyperparameter as it is typed: 0.05, 128, yes, one-cycle, 64,32."""
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, float):
        short = f"{item:g}"
        return short if float(short) == item else repr(item)
    if isinstance(item, (list, tuple)):
        return ",".join(value(part) for part in item)
    return str(item)


def differences(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What was asked that is not the default: name, value, default."""
    return [
        (name, value(config[name]), value(defaults[name]))
        for name in config
        if name in defaults and config[name] != defaults[name]
    ]


__all__ = [
    "LIVE",
    "RESUMABLE",
    "STATUS_STYLES",
    "TITLES",
    "age",
    "count",
    "differences",
    "duration",
    "framework",
    "metric",
    "percent",
    "size",
    "spark",
    "value",
]
