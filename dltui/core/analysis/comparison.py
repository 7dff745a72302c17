"""Compares runs side by side: the settings that differ, the results and the speed; a pure function of what was read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from dltui.core.errors import UsageError
from dltui.core.numbers import exact, plain_json, rounded
from dltui.core.reading.summary import sweep_of, training_speed
from dltui.core.rundir import confidential
from dltui.core.tasks.monitor import LOSS, choose_monitor
from dltui.core.tasks.registry import is_error, task_of
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.reading.history import EpochRecord, History
    from dltui.core.reading.reader import RunReader

MOST = 12
"""More curves cannot be told apart."""
LONGEST_LABEL = 3
"""Settings in the name of a run; with more differences its own name says more."""


@dataclass(frozen=True)
class Point:
    """A metric of the validation split after an epoch, and the training time until then in seconds."""

    epoch: int
    seconds: float
    value: float


@dataclass(frozen=True)
class Entry:
    """A run in a comparison. `best` is its best validation value of the comparison's metric, `test` its test value."""

    id: str
    name: str
    label: str
    """A label that is unique in this comparison: "cnn-torch", "lr=0.1", or its name."""
    model: str
    framework: str
    dataset: str
    device: str
    status: str
    settings: Mapping[str, Any]
    curves: Mapping[str, tuple[Point, ...]]
    best: Point | None
    test: Mapping[str, float]
    parameters: int | None
    samples_per_second: float | None
    train_seconds: float
    reached: Point | None
    """The first point at which the run reached the goal."""
    command: tuple[str, ...] = ()
    fingerprint: str = ""
    group: str = ""
    """The name of its series of seeds; "" for a run that is in none."""
    epochs: int = 0
    """The epochs that it has done, also those without a value of the metric."""


@dataclass(frozen=True)
class Comparison:
    """A comparison of runs by `metric`; `mode` ("max" or "min") is its better direction. `goal` is the value to be
    reached.
    """

    metric: str
    mode: str
    goal: float | None
    entries: tuple[Entry, ...]
    differences: Mapping[str, tuple[Any, ...]]
    """Settings that are not the same in all runs, with the value of each; None where a run has no such setting."""
    notes: tuple[str, ...] = field(default=())
    """The reasons why the runs are less comparable than they look."""

    @property
    def winner(self) -> int | None:
        """The run that was best on the validation split; None when several are equally good."""
        best = self.leaders([entry.best.value if entry.best else None for entry in self.entries], self.mode)
        return min(best) if len(best) == 1 else None

    def leaders(self, values: Sequence[float | None], mode: str) -> set[int]:
        """The indices of the entries with the best value; none when fewer than two values are known, or all
        are equal.
        """
        known = [(value, place) for place, value in enumerate(values) if value is not None and math.isfinite(value)]
        if len({value for value, _ in known}) < 2:
            return set()
        best = max(known)[0] if mode == "max" else min(known)[0]
        return {place for value, place in known if value == best}

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that have curves: that of the comparison, and the loss."""
        return tuple(dict.fromkeys((self.metric, LOSS)))

    def epochs(self) -> list[int]:
        """The epochs after which any run has a value of any of the metrics."""
        curves = [entry.curves.get(name, ()) for entry in self.entries for name in self.metrics]
        return sorted({point.epoch for curve in curves for point in curve})

    def aligned(self, metric: str) -> list[tuple[int, list[float | None]]]:
        """The metric of every run after each epoch that at least one run has finished; None where it is missing."""
        columns = [{point.epoch: point.value for point in entry.curves.get(metric, ())} for entry in self.entries]
        epochs = sorted({epoch for column in columns for epoch in column})
        return [(epoch, [column.get(epoch) for column in columns]) for epoch in epochs]


def compare(readers: Sequence[RunReader], goal: float | None = None) -> Comparison:
    """The comparison of refreshed readers of different runs of one task. Without a `goal` the goal is the best value
    that all of them reached.

    Raises UsageError when there is nothing to compare, and for a goal that no run can reach.
    """
    _check(readers)
    metric, mode = _monitor(readers)
    if goal is not None:
        _check_goal(goal, metric, any(reader.history.own_loss for reader in readers))
    settings = [_settings(reader) for reader in readers]
    differences = _differences(settings)
    names = _names(readers)
    labels = _labels(differences, names)
    bests = [_best(reader.history, _curve(reader.history, metric), mode) for reader in readers]
    wanted = goal if goal is not None else _common(bests, mode)
    entries = tuple(
        _entry(reader, (name, label), values, (metric, mode), wanted)
        for reader, name, label, values in zip(readers, names, labels, settings, strict=True)
    )
    return Comparison(metric, mode, wanted, entries, differences, _notes(entries))


def _monitor(readers: Sequence[RunReader]) -> tuple[str, str]:
    """The metric and its better direction by which all of the runs chose their best epoch; that of the task where they
    differ.
    """
    # A run that has not begun has none yet.
    known = [monitor for reader in readers if (monitor := reader.history.monitor)]
    chosen = {(str(monitor.get("metric", "")), str(monitor.get("mode", ""))) for monitor in known}
    metric, mode = next(iter(chosen)) if len(chosen) == 1 else ("", "")
    if metric and mode in ("min", "max"):
        return metric, mode
    usual = choose_monitor(task_of(readers[0].run.get("task")).name)
    return usual.metric, usual.mode


def _check_goal(goal: float, metric: str, own_loss: bool) -> None:
    """Raises UsageError for a goal that no run can reach; nothing is known of metrics and losses of a model's own."""
    if not math.isfinite(goal):
        raise UsageError(f"the goal must be a number, got {goal:g}")
    may_be_negative = not is_error(metric) or (own_loss and metric == LOSS)
    if goal <= 0 and (metric.endswith("accuracy") or not may_be_negative):
        raise UsageError(f"the goal must be greater than 0, got {goal:g}")
    if metric.endswith("accuracy") and goal > 1:
        raise UsageError(f"the goal is an accuracy, at most 1 or 100%, got {goal:g}; did you mean {goal:g}%?")


def _check(readers: Sequence[RunReader]) -> None:
    ids = [reader.directory.path for reader in readers]
    if len(set(ids)) < 2:
        raise UsageError("name two runs or more to compare; `dltui runs` lists them")
    if len(set(ids)) < len(ids):
        twice = next(reader.directory.id for reader in readers if ids.count(reader.directory.path) > 1)
        raise UsageError(f"run {clean_line(twice)} is named twice")
    if len(ids) > MOST:
        raise UsageError(f"{len(ids)} runs are too many to be told apart; name up to {MOST}")
    first = readers[0]
    for reader in readers[1:]:
        if reader.run.get("task") != first.run.get("task"):
            tasks = [f"{clean_line(r.directory.id)} is {clean_line(r.run.get('task'))}" for r in (first, reader)]
            raise UsageError(f"runs of different tasks cannot be compared: {tasks[0]}, {tasks[1]}")


def _settings(reader: RunReader) -> dict[str, Any]:
    """All settings that a user can choose, by their command-line names."""
    run = reader.run
    device = run.get("device") or {}
    chosen = {"model": run.get("model"), "dataset": run.get("dataset"), "device": device.get("title") or "-"}
    options = {f"data {name}": value for name, value in (run.get("dataset_options") or {}).items()}
    changed = [f"{exact(lr)} from step {step:,}" for step, lr in reader.history.lr_changes]
    later = {"lr set while running": ", ".join(changed)} if changed else {}
    settings = {**chosen, **options, **(run.get("config") or {}), **later}
    return {clean_line(name, 100): value for name, value in settings.items()}


def _differences(settings: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    names = dict.fromkeys(name for values in settings for name in values)
    columns = {name: tuple(values.get(name) for values in settings) for name in names}
    return {name: values for name, values in columns.items() if any(value != values[0] for value in values)}


def _names(readers: Sequence[RunReader]) -> list[str]:
    """The display names of the runs; a run whose name is not unique is shown by its id."""
    names = [clean_line(reader.labels["name"], 100) for reader in readers]
    ids = [clean_line(reader.directory.id, 100) for reader in readers]
    return [name if names.count(name) == 1 else run_id for name, run_id in zip(names, ids, strict=True)]


def _labels(differences: Mapping[str, tuple[Any, ...]], names: Sequence[str]) -> list[str]:
    """Labels made of the differences, as long as they are short and unique."""
    for chosen in (["model"], list(differences)):
        if not chosen or len(chosen) > LONGEST_LABEL or any(name not in differences for name in chosen):
            continue
        labels = [", ".join(_said(key, differences[key][place]) for key in chosen) for place in range(len(names))]
        if len(set(labels)) == len(names):
            return labels
    return list(names)


def _said(name: str, value: Any) -> str:
    text = clean_line(rounded(value), 60)
    return text if name in ("model", "dataset", "device") else f"{clean_line(name, 40)}={text}"


def _curve(history: History, metric: str) -> tuple[Point, ...]:
    """The evaluated epochs, in order; the time is training time only."""
    points, seconds = [], 0.0
    for number in sorted(history.epochs):
        record: EpochRecord = history.epochs[number]
        seconds += record.seconds
        value = record.validation.get(metric, math.nan)
        if math.isfinite(value):
            points.append(Point(number, seconds, value))
    return tuple(points)


def _best(history: History, curve: Sequence[Point], mode: str) -> Point | None:
    """The best point; of equals that of the epoch which the run took for its best, else the earliest."""
    sign = -1.0 if mode == "max" else 1.0
    of_run = history.best.epoch if history.best else 0
    return min(curve, key=lambda point: (sign * point.value, point.epoch != of_run, point.epoch), default=None)


def _common(bests: Sequence[Point | None], mode: str) -> float | None:
    """The best value that every run reached, rounded to a usual goal: to three digits, a score of 0.1 and more to
    thousandths.
    """
    known = [point.value for point in bests if point is not None]
    if len(known) < 2:
        return None
    worst = min(known) if mode == "max" else max(known)
    if not worst:
        return worst
    digits = min(2 - math.floor(math.log10(abs(worst))), 300)
    if mode == "max":
        scale = 10.0 ** max(digits, 3)
        return math.floor(worst * scale + 1e-9) / scale
    unit = 10.0**-digits
    return math.ceil(worst / unit - 1e-9) * unit


def _entry(
    reader: RunReader, names: tuple[str, str], settings: dict[str, Any], monitor: tuple[str, str], goal: float | None
) -> Entry:
    run, history = reader.run, reader.history
    metric, mode = monitor
    attempt = history.attempt
    curves = {name: _curve(history, name) for name in dict.fromkeys((metric, LOSS))}
    sign = -1.0 if mode == "max" else 1.0
    reached = [point for point in curves[metric] if goal is not None and sign * point.value <= sign * goal + 1e-12]
    return Entry(
        id=clean_line(reader.directory.id, 100),
        name=names[0],
        label=names[1],
        model=clean_line(run.get("model"), 100),
        framework=clean_line(run.get("framework"), 100),
        dataset=clean_line(run.get("dataset"), 200),
        device=clean_line((run.get("device") or {}).get("name"), 100),
        status=reader.status().name,
        settings=settings,
        curves=curves,
        best=_best(history, curves[metric], mode),
        test={name: value for name, value in (history.test or {}).get("metrics", {}).items() if math.isfinite(value)},
        parameters=attempt.parameters if attempt else None,
        samples_per_second=training_speed(history),
        train_seconds=history.train_seconds,
        reached=reached[0] if reached else None,
        command=tuple(confidential.mask_command(run.get("command") or [])),
        fingerprint=str((attempt.dataset if attempt else {}).get("fingerprint") or ""),
        group="" if sweep_of(run) else clean_line(run.get("group") or "", 100),
        epochs=history.epochs_done,
    )


def _notes(entries: Sequence[Entry]) -> tuple[str, ...]:
    notes = []
    if len({entry.dataset for entry in entries}) > 1:
        notes.append("the datasets are different: values do not compare")
    elif len({entry.fingerprint for entry in entries if entry.fingerprint}) > 1:
        notes.append("the data are not the same: fingerprints differ")
    if len({entry.settings["device"] for entry in entries}) > 1:
        notes.append("the devices are different: times do not compare models")
    alive = [entry.name for entry in entries if entry.status in ("queued", "starting", "running", "paused", "silent")]
    if alive:
        notes.append(f"not over yet: {', '.join(alive)}")
    return tuple(notes)


def as_object(found: Comparison) -> dict[str, Any]:
    """The object of `--json` for the comparison."""
    runs = []
    for entry in found.entries:
        record = asdict(entry)
        del record["curves"]
        runs.append({**record, "command": list(entry.command)})
    columns = {name: dict(found.aligned(name)) for name in found.metrics}
    absent: list[float | None] = [None] * len(runs)
    epochs = [
        {"epoch": epoch, **{name: column.get(epoch, absent) for name, column in columns.items()}}
        for epoch in found.epochs()
    ]
    winner = found.winner
    whole = {
        "metric": found.metric,
        "mode": found.mode,
        "goal": found.goal,
        "winner": None if winner is None else found.entries[winner].id,
        "runs": runs,
        "differences": {name: list(values) for name, values in found.differences.items()},
        "epochs": epochs,
        "notes": list(found.notes),
    }
    return {name: plain_json(value) for name, value in whole.items()}
