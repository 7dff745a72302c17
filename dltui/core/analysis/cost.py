"""Tells what a run has used and cost: watt-hours from its heartbeat, money by the prices in the user's settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dltui.core import paths
from dltui.core.errors import UsageError
from dltui.core.settings import load_settings
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.reading.history import History
    from dltui.core.rundir.heartbeat import Live


@dataclass(frozen=True)
class Prices:
    """`[cost]` of the settings: of an hour of a run, of a kilowatt-hour, and the word for the currency."""

    hour: float = 0.0
    kwh: float = 0.0
    currency: str = ""
    problem: str = ""
    """The line that says why the settings have no usable prices."""


@dataclass(frozen=True)
class Cost:
    """The energy of a run in watt-hours, and its price; None where it is not known."""

    gpu_wh: float | None
    cpu_wh: float | None
    money: float | None
    currency: str = ""
    problem: str = ""

    @property
    def wh(self) -> float | None:
        """The energy of all that could be read."""
        known = [value for value in (self.gpu_wh, self.cpu_wh) if value is not None]
        return sum(known) if known else None


def prices(tables: Mapping[str, Any]) -> Prices:
    """The prices in the tables of the settings. Raises UsageError."""
    found = tables.get("cost", {})
    file = paths.config_file()
    if not isinstance(found, Mapping):
        raise UsageError(f"{file}: cost must be a table like [cost] price_per_hour = 2.5")
    values = {}
    for name in ("price_per_hour", "price_per_kwh"):
        value = found.get(name, 0.0)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
            raise UsageError(f"{file}: [cost] {name} must be a number of at least 0, got {clean_line(value, 40)}")
        values[name] = float(value)
    return Prices(values["price_per_hour"], values["price_per_kwh"], clean_line(found.get("currency", ""), 8))


def own_prices() -> Prices:
    """The prices in the user's settings; what is wrong with them is their `problem`."""
    try:
        return prices(load_settings().tables)
    except UsageError as error:
        return Prices(problem=clean_line(error, 200))


def cost(history: History, live: Live | None, known: Prices | None = None) -> Cost:
    """The cost of a run so far, over all attempts."""
    known = known or Prices()
    joules = (live.gpu_joules, live.cpu_joules) if live else (-1.0, -1.0)
    gpu, cpu = (value / 3600 if value >= 0 else None for value in joules)
    found = Cost(gpu, cpu, None, known.currency, known.problem)
    if not known.hour and (not known.kwh or found.wh is None):
        return found
    money = known.hour * history.elapsed / 3600 + known.kwh * (found.wh or 0.0) / 1000
    return Cost(gpu, cpu, money, known.currency)


def line(found: Cost) -> str:
    """The cost in words: `12.4 Wh (GPU 11.0, CPU 1.4), 0.52 EUR`; "" where nothing is known."""
    parts = []
    if found.wh is not None:
        named = [("GPU", found.gpu_wh), ("CPU", found.cpu_wh)]
        shares = ", ".join(f"{name} {_wh(value)}" for name, value in named if value is not None)
        parts.append(f"{_wh(found.wh)} Wh ({shares})")
    if found.money is not None:
        parts.append(f"{found.money:.2f} {found.currency}".strip())
    return ", ".join([*parts, *([found.problem] if found.problem else [])])


def _wh(value: float) -> str:
    """Watt-hours with three digits, without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{Decimal(f'{value:.3g}'):f}"
