"""What a form may promise: how long the run will take and whether it fits, where an earlier run tells; else nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dltui.core.errors import UsageError
from dltui.tui.format import duration, size, value
from dltui.tui.ink import Row, safe

if TYPE_CHECKING:
    from dltui.core.devices import Device
    from dltui.core.forecast import Earlier
    from dltui.tui.form import RunForm


@dataclass(frozen=True)
class Forecast:
    """Earlier runs, the newest first, and the devices as they are."""

    earlier: tuple[Earlier, ...] = ()
    devices: Sequence[Device] = field(default=())

    def row(self, form: RunForm) -> Row:
        """About the run that the form would start; empty where nothing is known."""
        device = self._device(form.device)
        known = next((run for run in self.earlier if device is not None and _alike(run, form, device)), None)
        if known is None or device is None:
            return []
        epochs = next((setting for setting in form.settings() if setting.key == "model:epochs"), None)
        parts: Row = []
        if epochs is not None and not form.problem(epochs):
            parts.append((f" about {duration(known.seconds(int(form.text(epochs))))},", "dim"))
        # What a process keeps on a GPU, its heartbeat does not tell.
        if device.kind == "cpu" and known.rss and device.free_bytes is not None:
            if known.rss <= device.free_bytes:
                parts.append((f" {size(known.rss)} of memory: fits,", "dim"))
            else:
                parts.append((f" {size(known.rss)}, but {size(device.free_bytes)} are free,", "bad"))
        return [*parts, (f" as {safe(known.name)}", "dim")] if parts else []

    def _device(self, wanted: str) -> Device | None:
        """The device that the form means."""
        from dltui.core.devices import choose

        try:
            return choose(wanted, list(self.devices)) if self.devices else None
        except UsageError:
            return None


def _alike(run: Earlier, form: RunForm, device: Device) -> bool:
    """Whether all that time and memory depend on is the same."""
    model = form.model
    if model is None or (run.model, run.dataset, run.device) != (model.id, form.dataset_name, device.name):
        return False
    for setting in form.settings():
        asked = run.config if setting.kind == "model" else run.options if setting.kind == "data" else {}
        name = setting.spec.name
        if name in asked and value(asked[name]) != form.text(setting):
            return False
    return True
