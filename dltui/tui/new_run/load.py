"""Loads the data of the new-run form in a thread: catalog, devices, locations of data, and the last run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from textual.message import Message

from dltui.core.errors import DltuiError
from dltui.tui.new_run.forecast_row import Forecast
from dltui.tui.new_run.form import RunForm

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog
    from dltui.core.machine.devices import Device
    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.base.services import Services


LOOKED_AT = 50
"""The latest runs whose data is remembered."""


class Loaded(Message):
    """The data that the form shows."""

    def __init__(self, form: RunForm, forecast: Forecast, devices: list[Device], present: dict[str, str]) -> None:
        super().__init__()
        self.form = form
        self.forecast = forecast
        self.devices = devices
        self.present = present


def load(
    services: Services, like: RunDirectory | None, instead: Mapping[str, Any] | None = None, fork: bool = False
) -> Loaded:
    """Load the data, with a form like the run `like`, with the hyperparameters `instead` of its own, or for its `fork`;
    else like the last run, else with defaults. Raises UsageError.
    """
    catalog = services.catalog.load()
    presets = services.catalog.presets()
    present = {name: services.catalog.presence(entry) for name, entry in catalog.datasets.items()}
    if like is not None:
        _ensure_read(services, like)
        form = RunForm.like(catalog, like.run(), f"like {like.id}", True, presets)
        form.replace(instead or {})
        if fork:
            form.fork_of(like, services.starting.fork_point(like))
    else:
        last = _last(services)
        form = RunForm.with_defaults(catalog, presets)
        if last is not None:
            form = RunForm.like(catalog, last, "model and dataset as last time", False, presets)
        elif not present.get(form.dataset_name, "").startswith(("here", "embedded")):
            _prefer_here(form, present)
    form.remembered = _remembered(services, catalog)
    form.findings = services.catalog.known_findings()
    form.devices = devices = services.machine.devices()
    forecast = Forecast(tuple(services.runs.earlier()), devices)
    return Loaded(form, forecast, [*devices, *services.elsewhere.devices()], present)


def _ensure_read(services: Services, run: RunDirectory) -> None:
    """Have what a run was asked for here, also of a run of another host. Raises DltuiError."""
    followed = services.elsewhere.follow(run)
    try:
        followed.ready()
    finally:
        followed.stop()


def _remembered(services: Services, catalog: Catalog) -> dict[tuple[str, str], dict[str, Any]]:
    """The options of data at a path in the latest runs, by dataset plugin and path; a size that was the model's is left
    out."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for directory in services.runs.all()[:LOOKED_AT]:
        try:
            run = directory.run()
        except DltuiError:
            continue
        options = dict(run.get("dataset_options") or {})
        path, model = options.pop("path", None), catalog.known_model(str(run.get("model")))
        if model is not None and options.get("size") == model.image_size:
            options.pop("size", None)
        if path:
            found.setdefault((str(run.get("dataset_plugin")), str(path)), options)
    return found


def _last(services: Services) -> dict[str, Any] | None:
    for directory in services.runs.all()[:1]:
        try:
            return directory.run()
        except DltuiError:
            return None
    return None


def _prefer_here(form: RunForm, present: dict[str, str]) -> None:
    """Choose a dataset that fits and needs no download; others can be chosen from the list."""
    for entry in form.datasets():
        if form.fits(entry) and present.get(entry.name, "").startswith(("here", "embedded")):
            form.dataset_name = entry.name
            return
