"""Forecasts the duration and memory of the run in the form, from an earlier run; empty without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dltui.core.analysis.forecast import estimate
from dltui.core.catalog import entries
from dltui.core.catalog.fields import FIT
from dltui.core.errors import UsageError
from dltui.core.numbers import duration, exact, size
from dltui.core.text import safe
from dltui.core.train.options import time_budget
from dltui.tui.draw.styled_text import Row
from dltui.tui.new_run.suited import values

if TYPE_CHECKING:
    from dltui.core.analysis.forecast import Earlier
    from dltui.core.machine.devices import Device
    from dltui.tui.new_run.form import RunForm
    from dltui.tui.new_run.setting import Setting

    Asked = Mapping[str, tuple[Setting, str]]
    """Rows by key, with the texts that the run takes."""

NOT_STRUCTURE = frozenset(("batch_size", "optimizer", "precision", "augment", "validation"))
"""Settings that change how a network is trained, not what it is made of."""


@dataclass(frozen=True)
class Forecast:
    """The earlier runs, the newest first, and the current devices."""

    earlier: tuple[Earlier, ...] = ()
    devices: Sequence[Device] = field(default=())

    def row(self, form: RunForm) -> Row:
        """The forecast for the run in the form; empty where nothing is known."""
        device = self._device(form)
        earlier = [run for run in self.earlier if _of_same(run, form)]
        if device is None or not earlier:
            return []
        asked = _asked(form)
        known = next((run for run in earlier if run.device == device.name and _alike(run, asked)), None)
        parts: Row = []
        seconds = _seconds(form, known, asked) if known is not None else None
        if seconds is not None:
            parts.append((f" about {duration(seconds)}{' a trial' if form.is_sweep else ''},", "dim"))
        if device.kind == "cuda":
            built = (run for run in earlier if run.outputs and _alike(run, asked, besides=NOT_STRUCTURE))
            batch = _number(form, asked, "batch_size")
            known, memory = self._estimate(form, device, known, next(built, None), batch)
            parts += memory
        elif known is not None and device.kind == "cpu" and known.rss and device.free_bytes is not None:
            if known.rss <= device.free_bytes:
                parts.append((f" {size(known.rss)} of memory: fits,", "dim"))
            else:
                parts.append((f" {size(known.rss)}, but {size(device.free_bytes)} are free,", "bad"))
        return [*parts, (f" as {safe(known.name)}", "dim")] if parts and known is not None else []

    def _estimate(
        self, form: RunForm, device: Device, known: Earlier | None, built: Earlier | None, batch: int | None
    ) -> tuple[Earlier | None, Row]:
        """Estimate the memory on a GPU, which heartbeats do not report: it follows from the structure of a network that
        was trained on any device. Returns also the run on which the estimate is based.
        """
        if built is None or batch is None or device.free_bytes is None:
            return known, []
        chosen = {name: form.text(setting) for name in ("optimizer", "precision") if (setting := _setting(form, name))}
        # Of several devices each has its share of a batch.
        needed = estimate(built.parameters, built.outputs, -(-batch // device.world), chosen)
        free = min(part.free_bytes or 0 for part in device.parts or (device,))
        if needed <= free:
            return known or built, [(f" ~{size(needed)} of {size(free)} free,", "dim")]
        return known or built, [(f" ~{size(needed)}, {size(free)} free: may not fit,", "bad")]

    def _device(self, form: RunForm) -> Device | None:
        """The device chosen in the form."""
        from dltui.core.machine.devices import choose

        try:
            return choose(form.device, list(self.devices), form.kinds) if self.devices else None
        except UsageError:
            return None


def _seconds(form: RunForm, known: Earlier, asked: Asked) -> float | None:
    """The expected duration of the run in the form; None while its length is not known."""
    setting = _setting(form, "max_time")
    max_time = form.steady(setting) if setting is not None and not form.problem(setting) else ""
    if max_time:
        try:
            return known.seconds_for(time_budget.parse(max_time))
        except UsageError:
            return None
    epochs = _number(form, asked, "epochs")
    return None if epochs is None else known.seconds(epochs)


def _setting(form: RunForm, name: str) -> Setting | None:
    return next((setting for setting in form.settings() if setting.key == f"model:{name}"), None)


def _number(form: RunForm, asked: Asked, name: str) -> int | None:
    """A whole number of the form; None where it is missing, invalid or still to be found."""
    setting, text = asked.get(f"model:{name}", (None, FIT))
    if setting is None or form.problem(setting, text):
        return None
    text = form.steady(setting) if setting.is_range(text) else text
    return None if text == FIT else int(text)


def _of_same(run: Earlier, form: RunForm) -> bool:
    """True if the model and the data are the same."""
    model, data = form.model, form.dataset
    if model is None or data is None or (run.model, run.dataset) != (model.id, entries.title(data, data.given)):
        return False
    return str(run.options.get("path") or "") == str(data.given.get("path") or "")


def _asked(form: RunForm) -> Asked:
    """The rows that time and memory may depend on."""
    suited = values.of(form)
    found: dict[str, tuple[Setting, str]] = {}
    for setting in form.settings():
        if setting.kind in ("model", "data"):
            known = suited.get(setting.key)
            text = form.text(setting) if known is None or known.text == values.LATER else known.text
            found[setting.key] = setting, text
    return found


def _alike(run: Earlier, asked: Asked, besides: frozenset[str] = frozenset()) -> bool:
    """True if everything that time and memory depend on is the same, apart from the hyperparameters in `besides`."""
    of_run = {f"model:{name}": value for name, value in run.config.items() if name not in besides}
    of_run |= {f"data:{name}": value for name, value in run.options.items() if name not in besides}
    return all(_is(exact(value), *asked[key]) for key, value in of_run.items() if key in asked)


def _is(value: str, setting: Setting, text: str) -> bool:
    """True if the text of a row means this value: `.1` is 0.1."""
    if value == text or setting.is_range(text):
        return value == text
    try:
        return value == exact(setting.parse(text))
    except UsageError:
        return False
