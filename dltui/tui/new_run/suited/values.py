"""The values that a run takes where the form has none: by the user's own data, as far as a preview tells, and those
of the model's own defaults that are switched off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dltui.core.analysis.trials.space import Dimension
from dltui.core.data import suited
from dltui.core.errors import UsageError
from dltui.core.hosts.address import of_device
from dltui.core.numbers import exact
from dltui.core.train.options.check_options import adapted

if TYPE_CHECKING:
    from dltui.core.catalog.entries import DatasetEntry, ModelEntry
    from dltui.tui.new_run.form import RunForm
    from dltui.tui.new_run.setting import Setting

LATER = "by the data"
"""The value of a row while the data is not known, and the beginning of each reason."""


class SuitedValue(NamedTuple):
    """The value of a row in words, and why it is that."""

    text: str
    reason: str


def of(form: RunForm) -> dict[str, SuitedValue]:
    """The values that differ from the defaults, by the key of their row; LATER for those that are not known yet."""
    model, dataset = form.model, form.dataset
    if model is None or dataset is None:
        return {}
    off = _switched_off(form, dataset.task_with(_options(form), model))
    return off | _by_data(form, model, dataset) if form.is_suited else off


def _switched_off(form: RunForm, task: str) -> dict[str, SuitedValue]:
    """The model's own defaults that are not for the task, or do not go with what is typed."""
    config, given = form.hyperparameters()
    config = {name: value for name, value in config.items() if not isinstance(value, Dimension)}
    found = adapted(config, given, task)
    return {
        f"model:{name}": SuitedValue(exact(value), f"off: it does not go with this optimizer, or with {task}")
        for name, value in found.items()
        if value != config[name]
    }


def _by_data(form: RunForm, model: ModelEntry, dataset: DatasetEntry) -> dict[str, SuitedValue]:
    config, given = form.hyperparameters()
    preview, device = form.previews.get(data_key(form)), _device(form)
    facts = suited.facts_before(preview, model) if preview is not None else None
    if facts is None or device is None:
        names = suited.left_open(config, given) - (set() if _may_be_images(dataset, model) else {"augment"})
        return {f"model:{name}": SuitedValue(LATER, f"{LATER}: decided when the run is created") for name in names}
    found = suited.changes(config, facts, given, model, device)
    return {
        f"model:{name}": SuitedValue(exact(change.value), f"{LATER}: {change.reason}") for name, change in found.items()
    }


def shown(form: RunForm, setting: Setting) -> str:
    """The value of a row that the run takes, as far as it is known; else its text."""
    found = of(form).get(setting.key)
    return found.text if found is not None and found.text != LATER else form.text(setting)


def _options(form: RunForm) -> dict[str, Any]:
    try:
        return form.values("data")
    except UsageError:
        return {}


def data_key(form: RunForm) -> str:
    """The key of the chosen data with its options; "" where there is no preview."""
    if form.dataset is None or not form.dataset.previews or form.dataset.needs_path:
        return ""
    try:
        return f"{form.dataset_name} {sorted(form.values('data').items())}"
    except UsageError:
        return ""


def _may_be_images(dataset: DatasetEntry, model: ModelEntry) -> bool:
    return "single" in dataset.gives and "single" in model.takes


def _device(form: RunForm) -> str | None:
    """The kind of device that the run trains on; None where another machine has it, or there is no such device."""
    from dltui.core.machine.devices import choose

    here = [device for device in form.devices if of_device(device.name) is None]
    if form.is_away or of_device(form.device) is not None or not here:
        return None
    try:
        return choose(form.device, here, form.kinds).kind
    except UsageError:
        return None
