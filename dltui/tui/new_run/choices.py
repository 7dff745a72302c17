"""The lists of the new-run form: models by framework, devices, datasets, and information about the choice."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from dltui.core.catalog.entries import title
from dltui.core.catalog.fields import FIT
from dltui.core.text import plural, safe
from dltui.tui.draw.styled_text import Row, cells, cut, fit, left, on, right, window
from dltui.tui.draw.wording import framework as short_framework
from dltui.tui.draw.wording import framework_title
from dltui.tui.new_run.devices import marks

if TYPE_CHECKING:
    from dltui.core.catalog.entries import DatasetEntry
    from dltui.core.machine.devices import Device
    from dltui.tui.base.line_edit import LineEdit
    from dltui.tui.new_run.forecast_row import Forecast
    from dltui.tui.new_run.form import RunForm


GIGA = 1e9
CURSOR = 3
"""The cells before a name."""


def models(form: RunForm, width: int, height: int, focused: bool) -> list[Row]:
    """The rows of models, with a column for each framework."""
    names, frameworks = form.model_names(), form.frameworks()
    titles, sizes = _framework_columns(form, width)
    room = max(width - sum(sizes) - CURSOR, 12)
    shown = shown_models(form, height)
    chosen = names.index(form.model_name) if form.model_name in names else -1
    hidden = hidden_rows(shown, len(names), room - 6)
    if form.catalog.families and focused:
        hidden = f"{hidden}  / for more".strip() if len(hidden) + 12 <= room - 6 else "/ for more"
    rows: list[Row] = [[(" MODEL  ", _heading(focused)), (left(hidden, room - 5), "faint")]]
    rows[0] += [(left(title, size), "dim") for title, size in zip(titles, sizes, strict=True)]
    for number in shown:
        picked = number == chosen
        row: Row = _marked(picked, focused, left(safe(names[number]), room))
        for framework, size in zip(frameworks, sizes, strict=True):
            row.append(_cell(form, names[number], framework, size, picked and framework == form.framework))
        rows.append(_line(row, width, picked, focused))
    return rows


def _framework_columns(form: RunForm, width: int) -> tuple[list[str], list[int]]:
    """The titles and the widths of the columns of frameworks."""
    names, frameworks = form.model_names(), form.frameworks()
    titles = [safe(framework_title(name, form.catalog.backends)) for name in frameworks]
    longest = max((len(name) for name in names), default=0)
    if width - CURSOR - longest < sum(len(title) + 1 for title in titles):
        titles = [short_framework(name) for name in frameworks]
    return titles, [max(len(title), 3) + 1 for title in titles]


def framework_at(form: RunForm, width: int, x: int) -> str:
    """The framework in whose column a place of the list of models is, if it has the chosen model; ""."""
    _, sizes = _framework_columns(form, width)
    end = CURSOR + max(width - sum(sizes) - CURSOR, 12)
    for framework, size in zip(form.frameworks(), sizes, strict=True):
        if end <= x < end + size:
            return framework if form.twin(framework) else ""
        end += size
    return ""


def shown_models(form: RunForm, height: int) -> range:
    """The models that are visible in a list of this height."""
    names = form.model_names()
    return window(len(names), names.index(form.model_name) if form.model_name in names else 0, height - 1)


def shown_devices(count: int, chosen: int, height: int) -> range:
    """The devices, with `auto`, that are visible in a list of this height."""
    return window(count, max(chosen, 0), height - 1)


def shown_datasets(form: RunForm, height: int) -> range:
    """The datasets that are visible in a list of this height, above the row of the user's own data."""
    names = [entry.name for entry in form.datasets()]
    return window(len(names), names.index(form.dataset_name) if form.dataset_name in names else 0, height - 2)


def _cell(form: RunForm, name: str, framework: str, size: int, chosen: bool) -> tuple[str, str]:
    """The sign of a model: ○ available, (●) chosen, x not installed, - does not exist."""
    entry = form.twin(framework, name)
    if entry is None:
        return ("-".center(size - 1) + " ", "faint")
    if chosen:
        return ("(●)".center(size - 1) + " ", "accent bold" if entry.available else "bad bold")
    return (("○" if entry.available else "x").center(size - 1) + " ", "dim" if entry.available else "faint")


def devices(
    found: Sequence[Device] | None,
    marked: Mapping[str, int],
    chosen: int,
    width: int,
    height: int,
    focused: bool,
    kinds: Collection[str] = (),
) -> list[Row]:
    """The rows of devices: `auto`, which takes one of `kinds`, then the devices of this machine; those that are marked
    train together.
    """
    shown = shown_devices(len(found or ()) + 1, chosen, height)
    told = marks.told(marked) or ("space marks several" if focused and found else "")
    hidden = hidden_rows(shown, len(found or ()) + 1)
    rows: list[Row] = [[(" DEVICE  ", _heading(focused)), (", ".join(filter(None, [hidden, told])), "faint")]]
    if found is None:
        return [*rows, [("   looking ...", "dim")]]
    room = max([8, *(min(len(device.name) + 1, 20) for device in found)])
    for number in shown:
        picked = number == chosen
        row: Row
        if number == 0:
            row = [*_marked(picked, focused, left("auto", room)), (f"would take {_automatic(found, kinds)}", "dim")]
        else:
            device = found[number - 1]
            name = left(marks.name(device.name, marked), room)
            style = "accent bold" if device.name in marked else ""
            row = [*_marked(picked, focused, name, style), *about(device, width - room - 3)]
        rows.append(_line(row, width, picked, focused))
    return rows


def about(device: Device, room: int) -> Row:
    """The load, memory, users and name of a device as far as they fit; or the reason why it cannot be used."""
    if device.problem:
        return [(safe(device.problem), "bad")]
    users = sorted({safe(process[0]) for process in device.processes})
    busy = bool(users) or (device.utilization is not None and device.utilization >= 50)
    row: Row = []
    if device.utilization is not None:
        row.append((f"{device.utilization:.0f} % ", "warn" if busy else "good"))
    row += [("busy ", "warn bold")] if busy else [(" ", "")] if row else []
    if device.kind == "cuda" and device.free_bytes is not None:
        row.append((f"{device.free_bytes / GIGA:.1f} GB free  ", ""))
    row += [(f"{', '.join(users)}  ", "warn")] if users else []
    return [*row, (safe(device.title), "dim")] if not users or cells(row) + len(device.title) <= room else row


def _automatic(found: Sequence[Device], kinds: Collection[str]) -> str:
    from dltui.core.errors import UsageError
    from dltui.core.hosts.address import of_device
    from dltui.core.machine.devices import choose

    try:
        # Another host's is taken only when it is chosen.
        return choose("auto", [device for device in found if of_device(device.name) is None], kinds).name
    except UsageError:
        return "no device that works"


def datasets(
    form: RunForm, present: dict[str, str], width: int, height: int, focused: bool, edit: LineEdit | None = None
) -> list[Row]:
    """The rows of datasets with their size and location, those that do not fit the model faint; the last row is the
    user's own data, whose path is typed there.
    """
    entries = form.datasets()
    chosen = next((number for number, entry in enumerate(entries) if entry.name == form.dataset_name), -1)
    shown = shown_datasets(form, height)
    hidden = hidden_rows(shown, len(entries), width - 28)
    head: Row = [
        (" DATASET  ", _heading(focused)),
        (left(hidden, width - 28), "faint"),
        (right("samples", 8), "dim"),
        (right("", 10), "dim"),
    ]
    rows: list[Row] = [head]
    for number in shown:
        picked = number == chosen
        rows.append(_line(_dataset(form, entries[number], present, width, picked, focused), width, picked, focused))
    own_chosen = form.dataset_name == form.dataset_names()[-1]
    return [*rows, _line(_own(form, width, own_chosen, focused, edit), width, own_chosen, focused)]


def hidden_rows(shown: range, count: int, room: int = 80) -> str:
    """`2 more above, 1 below`, or `2↑ 1↓`; nothing where the whole list is shown."""
    above, below = shown.start, count - shown.stop
    parts = [f"{above} more above"] if above else []
    parts += [f"{below} {'' if above else 'more '}below"] if below else []
    text = ", ".join(parts)
    return text if len(text) <= room else " ".join([f"{above}↑"] * bool(above) + [f"{below}↓"] * bool(below))


def _own(form: RunForm, width: int, picked: bool, focused: bool, edit: LineEdit | None) -> Row:
    if edit is not None:
        return [(" › ", "accent bold"), *edit.row("bold", width - 3)]
    if form.own is None:
        return _marked(picked, focused, "your own: folder:PATH or csv:PATH", "dim")
    name, path = form.own.name, safe(form.own.given["path"])
    room = width - 5 - len(name)
    # The end of a path tells more than its beginning.
    return _marked(picked, focused, f"{name}:{path if len(path) <= room else '…' + path[-room + 1 :]}")


def _dataset(
    form: RunForm, entry: DatasetEntry, present: dict[str, str], width: int, picked: bool, focused: bool
) -> Row:
    shape = "×".join(map(str, entry.input_shape[:2])) if len(entry.input_shape) == 3 else ""
    name = f"{safe(entry.name)} {shape}"
    name = left(name if len(name) <= width - 21 else safe(entry.name), width - 21)
    if not form.fits(entry):
        why = f"for {entry.task} " if form.model and not entry.fits(*form.model.tasks) else f"{entry.gives[0]} input "
        why = "no images " if form.model and entry.lacks_images(form.model) else why
        return [*_marked(picked, focused, name, "faint"), (right(why, 18), "faint")]
    size = f"{_short(entry.train_size)}+{_short(entry.test_size)}" if entry.train_size else ""
    where = present.get(entry.name, "...").replace(" download", "")
    style = "good" if where in ("here", "embedded") else "dim"
    return [*_marked(picked, focused, name), (right(size, 8), "dim"), (right(where, 9) + " ", style)]


def _short(number: int) -> str:
    return f"{number / 1000:.0f}k" if number >= 10_000 else f"{number / 1000:.1f}k" if number >= 1000 else str(number)


def explain(
    form: RunForm, forecast: Forecast, present: dict[str, str], width: int, height: int, of_data: bool
) -> list[Row]:
    """Information about the choice: the model, or the dataset while that is being chosen."""
    model, dataset = form.model, form.dataset
    if model is None:
        return [[(f" {line}", "warn")] for line in wrap(safe(form.first_problem()[1]), width - 2)][:height]
    if not model.available:
        head: Row = [(f" {safe(model.id)}", "bold")]
        return [head, *([(f" {line}", "bad")] for line in wrap(safe(model.reason), width - 2))][:height]
    about_model: list[Row] = [[(f" {safe(model.id)}", "bold"), (f"  {_framework(form)}", "dim")]]
    about_model += [[(f" {line}", "")] for line in wrap(safe(model.summary), width - 2)]
    about_model += [[(f" for images of {model.image_size} px", "dim")]] if model.image_size else []
    about_data: list[Row] = []
    if dataset is not None:
        text = f"{_download(present.get(dataset.name, ''))}{safe(dataset.summary)}"
        about_data = [[(f" {safe(dataset.name)}", "bold")], *([(f" {line}", "")] for line in wrap(text, width - 2))]
        known = form.findings.get(title(dataset, dataset.given))
        about_data += [[(" d ", "key bold"), (cut(known.partition(": ")[2], width - 4), "warn")]] if known else []
    steps: list[Row] = [[(f" {_steps(form)}", "dim")]]
    steps += [row] if (row := forecast.row(form)) else []
    rows = about_data + steps if of_data else about_model + steps
    rows += (
        (about_model if of_data else about_data) if height >= len(about_model) + len(about_data) + len(steps) else []
    )
    return [fit(row, width) for row in rows[:height]]


def _download(where: str) -> str:
    return f"{where} first; " if where.endswith("download") else ""


def _steps(form: RunForm) -> str:
    """The length of training: `10 epochs of 210 steps`. Batches are complete, and validation rows are held out."""
    dataset = form.dataset
    settings = {setting.spec.name: setting for setting in form.settings() if setting.kind == "model"}
    if dataset is None or not dataset.train_size or not {"epochs", "batch_size"} <= settings.keys():
        return ""
    if form.problem(settings["epochs"]) or form.problem(settings["batch_size"]):
        return ""
    epochs, size = int(form.steady(settings["epochs"])), form.steady(settings["batch_size"])
    if size == FIT:
        return f"{plural(epochs, 'epoch')}, the largest batch that fits"
    batch = int(size)
    kept = next((setting for setting in form.settings() if setting.key == "data:validation"), None)
    share = float(form.text(kept)) if kept is not None and not form.problem(kept) else 0.0
    steps = max(1, round(dataset.train_size * (1 - share)) // batch)
    return f"{plural(epochs, 'epoch')} of about {plural(steps, 'step')}"


def _framework(form: RunForm) -> str:
    backend = form.catalog.backends.get(form.framework)
    return f"{safe(backend.package)} {safe(backend.version or '')}" if backend else ""


def _heading(focused: bool) -> str:
    return "accent bold" if focused else "dim"


def _marked(picked: bool, focused: bool, text: str, style: str = "") -> Row:
    sign = " › " if picked else "   "
    return [(sign, "accent bold" if focused else "dim"), (text, "bold" if picked else style)]


def _line(row: Row, width: int, picked: bool, focused: bool) -> Row:
    row = fit(row, width)
    return on(row, "selected" if focused else "unfocused") if picked else row
