"""Formats values for the screens; durations, sizes and metrics are written as on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dltui.core.numbers import exact, metric
from dltui.core.text import plural

if TYPE_CHECKING:
    from dltui.core.analysis.groups import Spread
    from dltui.core.catalog.entries import BackendEntry
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
FAULTS = ("failed", "interrupted", "preempted")
"""Statuses of runs that ended unintentionally; they are shown with the reason."""
RESUMABLE = ("interrupted", "preempted", "stopped", "failed")
SPARKS = "▁▂▃▄▅▆▇█"
SPARKS_ASCII = "__..--=^"
LARGEST = 1e300
"""The difference of two larger values may be no number."""


def framework(name: str) -> str:
    """The framework in two letters, for columns."""
    return FRAMEWORKS.get(name, name[:2].upper())


def framework_title(name: str, backends: Mapping[str, BackendEntry]) -> str:
    """The framework as its backend calls it for people; where no plugin gives its backend, by a name known here."""
    return backends[name].title if name in backends else TITLES.get(name, name)


def spark(
    values: Sequence[float], room: int, ascii_only: bool = False, low: float | None = None, high: float | None = None
) -> str:
    """A sparkline of the last values, scaled between their minimum and maximum, or between the given limits."""
    signs = SPARKS_ASCII if ascii_only else SPARKS
    shown = [min(max(value, -LARGEST), LARGEST) for value in values if value == value][-room:] if room > 0 else []
    if not shown:
        return ""
    last = len(signs) - 1
    if low is None and high is None and min(shown) == max(shown):
        # Neither good nor bad.
        return signs[last // 2] * len(shown)
    low = min(shown) if low is None else low
    high = max(shown) if high is None else high
    span = (high - low) or 1.0
    return "".join(signs[min(max(int((value - low) / span * len(signs)), 0), last)] for value in shown)


def buckets(values: Sequence[float], room: int) -> list[float]:
    """At most `room` values for all of them: each the mean of its neighbors. NaNs are left out."""
    known = [value for value in values if value == value]
    if len(known) <= room:
        return known
    cuts = [len(known) * number // room for number in range(room + 1)]
    return [sum(known[a:b]) / (b - a) for a, b in pairwise(cuts)]


def differences(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The values that differ from the defaults: name, value, default."""
    return [
        (name, exact(config[name]), exact(defaults[name]))
        for name in config
        if name in defaults and config[name] != defaults[name]
    ]


def probability(value: float) -> str:
    """A probability in whole percent; `<1 %` for a little one, because 0 would be impossible, and `>99 %` for one that
    is not certain; NaN has no percents.
    """
    if value != value:
        return "NaN"
    text = f"{100 * value:.0f} %"
    if text == "100 %" and value < 1:
        return ">99 %"
    return "<1 %" if text == "0 %" and value > 0 else text


def damaged(history: History) -> str:
    """A text about the damaged lines of the log."""
    return f"{plural(history.damaged, 'line')} of the log cannot be read"


def spread(name: str, value: Spread) -> str:
    """A mean with the standard deviation around it: `84.52 ±0.10 %`, `0.1234 ±0.0012`."""
    if value.deviation is None:
        return metric(name, value.mean)
    mean, unit = metric(name, value.mean).removesuffix(" %"), " %" if name.endswith("accuracy") else ""
    around = metric(name, value.deviation).removesuffix(" %")
    return f"{mean} ±{around}{unit}"


def trained_epochs(history: History) -> str:
    """The epochs that a log tells of: `10 epochs`, or `epochs 6 to 10` where the run went on from another one's."""
    first, done = history.first_epoch, history.epochs_done
    if not first or done == first:
        return plural(done - first, "epoch")
    return f"epoch {done}" if done == first + 1 else f"epochs {first + 1} to {done}"
