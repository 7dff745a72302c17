"""Loads the data of the new-run form in a thread: catalog, devices, locations of data, and the last run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from textual.message import Message

from dltui.core.errors import DltuiError, UsageError
from dltui.tui.new_run.forecast_row import Forecast
from dltui.tui.new_run.form import DEFAULTS, RunForm

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
    form = _as_last_time(services) if like is None else _again(services, like, instead or {}, fork)
    catalog = form.catalog
    present = {name: services.catalog.presence(entry) for name, entry in catalog.datasets.items()}
    is_open = form.origin == DEFAULTS and not form.preset("dataset")
    if is_open and not present.get(form.dataset_name, "").startswith(("here", "embedded")):
        _prefer_here(form, present)
    form.remembered = _remembered(services, catalog)
    form.findings = services.catalog.known_findings()
    form.devices = devices = services.machine.devices()
    forecast = Forecast(tuple(services.runs.earlier()), devices)
    return Loaded(form, forecast, [*devices, *services.elsewhere.devices()], present)


def _again(services: Services, like: RunDirectory, instead: Mapping[str, Any], fork: bool) -> RunForm:
    """A form like a run, with the models and datasets that its own plugin files bring, or for its fork. Raises
    DltuiError.
    """
    from dltui.core.rundir import place

    _ensure_read(services, like)
    asked = like.run()
    catalog, files = services.catalog.of_run(like)
    catalog.check_taken(files, str(asked.get("model")), asked.get("dataset"))
    distrust = place.untrusted_reason(like)
    form = RunForm.like(catalog, asked, f"like {like.id}", True, services.catalog.presets(), distrust)
    form.plugins = files
    if fork:
        if form.missing:
            raise UsageError(f"{like.id} cannot be forked: {next(iter(form.missing.values()))}")
        form.fork_of(like, services.starting.fork_point(like))
    # After the fork knows what its parent had.
    form.replace(instead)
    return form


def _as_last_time(services: Services) -> RunForm:
    """A form with the model and dataset of the last run, as far as they are installed; else with defaults."""
    from dltui.core.catalog import entries

    catalog, presets, last = services.catalog.load(), services.catalog.presets(), _last(services)
    if last is None:
        return RunForm.with_defaults(catalog, presets)
    form = RunForm.like(catalog, last, "model and dataset as last time", False, presets)
    known = entries.asked_for(last, catalog)
    if form.origin != DEFAULTS and (known is None or known.reference != form.dataset_name):
        form.origin = "model as last time"
    return form


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
