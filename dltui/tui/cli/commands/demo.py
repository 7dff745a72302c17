"""`dltui demo`: train the CNN on the best image data available on this machine, from one command to figures."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from dltui.core.errors import UsageError
from dltui.tui.cli.output import is_terminal, say

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, DatasetEntry, ModelEntry
    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.cli.launch.start import Options

WANTED = "fashion-mnist"
EMBEDDED = "digits"
FRAMEWORKS = ("torch", "tensorflow")


@dataclass(frozen=True)
class Choice:
    dataset: str
    reason: str


@click.command()
@click.option("--device", default="auto", show_default=True, metavar="DEV", help="auto, cpu, cuda, cuda:N or mps")
@click.option("--exports", default="exports", show_default=True, metavar="DIR", help="figures go to DIR/<run id>")
@click.option("--plain", is_flag=True, help="plain lines, also on a terminal")
@click.option("--json", "as_json", is_flag=True, help="one event per line")
@click.option(
    "--replay", is_flag=True, help="play the last demo that has ended, in 20 seconds; without one, train first"
)
@click.pass_context
def demo(context: click.Context, /, plain: bool, as_json: bool, replay: bool, **flags: Any) -> int:
    """Train a convolutional network on Fashion-MNIST, or on embedded digits where that cannot be had."""
    if replay and (plain or as_json or not is_terminal()):
        raise UsageError("--replay plays in the full screen: it needs a terminal, and neither --plain nor --json")
    found = last_demo() if replay else None
    if found is not None:
        return _play(found)
    from dltui.core.catalog.assemble import load_catalog
    from dltui.tui.cli.launch import start

    catalog = load_catalog()
    model = choose_model(catalog)
    choice = choose_dataset(catalog, within_reach)
    if not as_json:
        say(f"demo: {model.id} on {choice.dataset}: {choice.reason}")
    config: dict[str, Any] = {}
    options = _options(context, model, catalog, choice.dataset, config)
    run = start.create(catalog, model, config, options)
    if replay:
        code = start.carry_out(run, options)
        return code or _play(run)
    if is_terminal() and not plain and not as_json:
        return _full_screen(run)
    if not as_json:
        say(f"the same by hand: {shlex.join(options.command)}")
    return start.carry_out(run, options)


def _options(
    context: click.Context, model: ModelEntry, catalog: Catalog, dataset: str, config: dict[str, Any]
) -> Options:
    """The options of the run, with the presets where no flag was given; those of hyperparameters go into `config`."""
    from dltui.core.lifecycle.forms.presets import load_presets
    from dltui.tui.cli.launch import presets, start

    options = {name: context.params[name] for name in ("device", "exports", "plain", "as_json")}
    typed = presets.typed_in(context)
    words = [word for name in ("device", "exports") if typed(name) for word in (f"--{name}", options[name])]
    known = load_presets().of(model, catalog)
    # The demo brings its data.
    used = presets.fill(known, config, options, lambda name: name == "dataset" or typed(name))
    for line in () if options["as_json"] else presets.lines(used):
        say(line)
    command = ("dltui", "train", model.id, "--dataset", dataset, *words, *presets.flags(used))
    return start.Options(command=command, dataset=dataset, **options)


def last_demo() -> RunDirectory | None:
    """The newest run of the demo's network and data that has finished, with whatever settings."""
    from dltui.core.errors import DltuiError
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.directory import list_runs

    for run in list_runs():
        with contextlib.suppress(DltuiError, OSError):
            asked = run.run()
            if asked.get("model_name") == "cnn" and asked.get("dataset") in (WANTED, EMBEDDED):
                reader = RunReader(run)
                reader.refresh()
                if reader.status().name == "finished":
                    return run
    return None


def _play(run: RunDirectory) -> int:
    from dltui.tui.full_screen import run_app

    return run_app(open_run=str(run.path), replay=True)


def choose_model(catalog: Catalog) -> ModelEntry:
    """The CNN of the first installed framework. Raises UsageError that says what to install."""
    entries = [catalog.models[name] for fw in FRAMEWORKS if (name := f"cnn-{fw}") in catalog.models]
    for entry in entries:
        if entry.available:
            return entry
    hint = " or ".join(catalog.backends[fw].install for fw in FRAMEWORKS if fw in catalog.backends)
    raise UsageError(f"the demo needs PyTorch or TensorFlow; install one: {hint or 'pip install torch'}")


def choose_dataset(catalog: Catalog, reach: Callable[[DatasetEntry], bool]) -> Choice:
    """Fashion-MNIST when it is here or can be downloaded, else the digits, each with the reason."""
    from dltui.core.data.search import presence

    entry = catalog.datasets.get(WANTED)
    if entry is None:
        return Choice(EMBEDDED, f"{WANTED} is not installed; these images come with scikit-learn")
    here = presence(entry)
    if here.here:
        return Choice(WANTED, f"its files are in {here.folder}")
    if reach(entry):
        return Choice(WANTED, f"not on this machine, but can be downloaded ({here.text.removesuffix(' download')})")
    return Choice(EMBEDDED, f"{WANTED} is not on this machine and cannot be downloaded; these come with scikit-learn")


def within_reach(entry: DatasetEntry) -> bool:
    """True if one of the download addresses sends its first byte within 3 seconds."""
    from dltui.core.data.network import reachable

    return reachable(entry.urls)


def _full_screen(run: RunDirectory) -> int:
    """Show the run in the full screen; then print the files, or how to come back."""
    from dltui.core.lifecycle.start import spawn_worker
    from dltui.core.reading.reader import RunReader
    from dltui.tui.cli.follow import closing
    from dltui.tui.full_screen import run_app

    spawn_worker(run)
    code = run_app(open_run=str(run.path))
    reader = RunReader(run)
    reader.refresh()
    status = reader.status()
    from dltui.core.rundir import place

    if status.over:
        lines = [closing.outcome(reader.history, status.name, status.why)]
        lines += [*closing.next_step(reader, status.name), *closing.take_home(place.exports_folder(reader.directory))]
    else:
        folder = place.exports_folder(reader.directory)
        lines = [*closing.reattach_lines(reader), f"figures will be in {folder}"]
    for line in lines:
        say(line)
    return code or (closing.EXIT_CODES.get(status.name, 1) if status.over else 0)
