"""Reduces per-step statistics to a bounded number of points on a fixed grid of global steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

MOST_POINTS = 20_000


class Buckets:
    """Collects steps and returns them as columns. The grid depends on the length of the run alone, so that the curve
    does not depend on the chunks; a spike survives in a bucket's minimum and maximum.
    """

    def __init__(self, total_steps: int) -> None:
        self.size = 1
        self.resize(total_steps)
        self._first: int | None = None
        self._columns: list[tuple[Array, dict[str, Array], Array]] = []

    def resize(self, total_steps: int) -> None:
        """Use the bucket size of a run of this length. Allowed between two complete `take`s."""
        self.size = max(1, -(-total_steps // MOST_POINTS))

    def add(self, first_step: int, loss: Array, metrics: dict[str, Array], lr: Array) -> None:
        """Add means per step (steps,) of consecutive steps that begin at global step `first_step`."""
        if self._first is None:
            self._first = first_step
        self._columns.append((loss, metrics, lr))

    def take(self, final: bool) -> dict[str, Any] | None:
        """The columns of all complete buckets (of everything when `final`) as in the event `trained`, or None."""
        if self._first is None or not self._columns:
            return None
        first = self._first
        loss = np.concatenate([column[0] for column in self._columns])
        metrics = {name: np.concatenate([column[1][name] for column in self._columns]) for name in self._columns[0][1]}
        lr = np.concatenate([column[2] for column in self._columns])
        end = first + len(loss)
        last = end if final else end // self.size * self.size
        keep = last - first
        if keep <= 0:
            return None
        self._first = last if last < end else None
        self._columns = [(loss[keep:], {k: v[keep:] for k, v in metrics.items()}, lr[keep:])] if last < end else []
        return self._reduce(first, loss[:keep], {k: v[:keep] for k, v in metrics.items()}, lr[:keep])

    def _reduce(self, first: int, loss: Array, metrics: dict[str, Array], lr: Array) -> dict[str, Any]:
        count = len(loss)
        grid = np.arange((first // self.size + 1) * self.size, first + count, self.size) - first
        starts = np.concatenate([[0], grid]).astype(np.int64)
        ends = np.concatenate([starts[1:], [count]])
        sizes = ends - starts
        return {
            "steps": (first + ends).tolist(),
            "loss": _round(np.add.reduceat(loss, starts) / sizes),
            "loss_min": _round(np.minimum.reduceat(loss, starts)),
            "loss_max": _round(np.maximum.reduceat(loss, starts)),
            "metrics": {name: _round(np.add.reduceat(values, starts) / sizes) for name, values in metrics.items()},
            "lr": _round(lr[ends - 1]),
        }


def _round(values: Array) -> list[float]:
    """The values with six significant digits, which suffice for a curve and halve the log."""
    return [float(f"{value:.6g}") for value in values.tolist()]
