"""The objects through which the screens reach core and the disk, one for each subject; a test replaces them, with a
fixed clock and no processes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.errors import RunError, UsageError
from dltui.core.sweep.actions import Sweeps
from dltui.tui.base.hosts.elsewhere import Elsewhere
from dltui.tui.terminal.capabilities import SCREEN_LOG

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dltui.core.analysis.cost import Prices
    from dltui.core.analysis.forecast import Earlier
    from dltui.core.catalog.entries import Catalog, DatasetEntry
    from dltui.core.contract import Preview
    from dltui.core.data.findings.ask import Looked
    from dltui.core.finders.find import Finder
    from dltui.core.lifecycle.create import RunRequest
    from dltui.core.lifecycle.forms.presets import Presets
    from dltui.core.lifecycle.forms.saved import SavedForm
    from dltui.core.lifecycle.resume import Resumption
    from dltui.core.lifecycle.trained_model import Conversation
    from dltui.core.machine.devices import Device
    from dltui.core.machine.usage import Meter, Sample
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.terminal.settings import ScreenSettings


class Services:
    """The services, one object for each subject. Every method but those of `clock` may block: they are called in
    threads.
    """

    def __init__(self, read_only: bool = False) -> None:
        self.clock = Clock()
        self.viewer = Viewer(read_only)
        self.settings = SettingsFile()
        self.runs = Runs()
        self.elsewhere = Elsewhere()
        self.trash = Trash()
        self.catalog = CatalogLoader()
        self.machine = Machine()
        self.starting = Starting()
        self.sweeps = Sweeps()
        self.finding = Finding()
        self.warm = WarmProcess()
        self.commands = Commands()
        self.exporting = Exporting(self.viewer)
        self.trying = Trying()


class Clock:
    """The time that all pages show."""

    def now(self) -> float:
        return time.time()

    def time_of_day(self, when: float, seconds: bool = False) -> str:
        return time.strftime("%H:%M:%S" if seconds else "%H:%M", time.localtime(when))


class Viewer:
    """The user in front of the screen: the machine and the rights."""

    def __init__(self, read_only: bool) -> None:
        self.read_only = read_only

    def where(self) -> str:
        """The name of the viewer and of this machine: `user@host`."""
        from dltui.core.machine.process import user_at_host

        return user_at_host()

    def host(self) -> str:
        from dltui.core.machine.process import this_host

        return this_host()

    def first_time(self) -> bool:
        """True if no screen was ever open here: each writes a log from its start on."""
        from dltui.core import paths

        return not (paths.home() / SCREEN_LOG).exists()

    def may_command(self, run: RunDirectory) -> bool:
        """True if this viewer may give commands: not when read-only, nor without write access to the run."""
        return not self.read_only and os.access(run.path, os.W_OK) and os.access(run.control_dir, os.W_OK)


class SettingsFile:
    """The saved settings of the screen."""

    def load(self) -> ScreenSettings:
        """The settings. Raises UsageError."""
        from dltui.tui.terminal.settings import load_screen

        return load_screen()

    def save(self, settings: ScreenSettings) -> None:
        """Save the settings. Raises UsageError."""
        from dltui.tui.terminal.settings import save_screen

        save_screen(settings)


class Runs:
    """The runs of this home, and their labels."""

    def find(self, text: str | None) -> RunDirectory:
        """The run for an id, a name or a path. Raises UsageError."""
        from dltui.core.rundir.directory import find_run

        return find_run(text)

    def folder(self) -> Path:
        """The folder of the runs."""
        from dltui.core import paths

        return paths.runs_dir()

    def all(self) -> list[RunDirectory]:
        """Every run, the newest first."""
        from dltui.core.rundir.directory import list_runs

        return list_runs()

    def earlier(self) -> list[Earlier]:
        """The runs that have ended here, from which the next run can be forecast."""
        from dltui.core.analysis.forecast import earlier_runs

        return earlier_runs(self.all())

    def label(self, run: RunDirectory, **changes: Any) -> None:
        """Change name, tags or note. Raises RunError."""
        run.set_labels(**changes)


class Trash:
    """The runs deleted in this session; each can be restored for a day, also after the screen is left."""

    def __init__(self) -> None:
        self._deleted: list[list[tuple[RunDirectory, Path]]] = []

    def discard(self, run: RunDirectory, together: bool = False) -> None:
        """Delete a run so that it can be restored, with those before it when they are `together`. Raises UsageError."""
        from dltui.core.lifecycle.trash import discard

        if not together or not self._deleted:
            self._deleted.append([])
        place = discard(run, with_=self._deleted[-1][0][1] if self._deleted[-1] else None)
        self._deleted[-1].append((run, place))

    def restore(self) -> list[str]:
        """Restore the last deleted runs, and return their ids. Raises UsageError."""
        from dltui.core.lifecycle.trash import restore

        if not self._deleted:
            return []
        back = self._deleted[-1]
        for run, place in back:
            restore(place, run)
        self._deleted.pop()
        return [run.id for run, _ in back]

    def leave(self) -> list[str]:
        """Delete runs for good that were deleted more than a day ago. Returns a line for the shell about those of this
        session.
        """
        from dltui.core.lifecycle.trash import empty
        from dltui.core.text import plural

        empty()
        count = sum(map(len, self._deleted))
        return [f"{plural(count, 'deleted run')} can come back for 24 hours: dltui rm --undo"] if count else []


class CatalogLoader:
    """The models and datasets for runs, and the presets."""

    def load(self) -> Catalog:
        from dltui.core.catalog.assemble import load_catalog

        return load_catalog()

    def members(self, catalog: Catalog) -> list[str]:
        """The models of all families, FAMILY:NAME. The first time each library is imported in a process."""
        from dltui.core.catalog.models.families import references

        return references(catalog.families.values())

    def presets(self) -> Presets:
        """The presets of the environment, ./dltui.toml and the user's settings. Raises UsageError."""
        from dltui.core.lifecycle.forms.presets import load_presets

        return load_presets()

    def forms(self) -> dict[str, SavedForm]:
        """The saved forms by name. Raises UsageError."""
        from dltui.core.lifecycle.forms.saved import load_forms

        return load_forms()

    def save_form(self, name: str, form: SavedForm) -> None:
        """Save a form under a name. Raises UsageError."""
        from dltui.core.lifecycle.forms.saved import save_form

        save_form(name, form)

    def presence(self, dataset: Any) -> str:
        """The location of a dataset's files: "here", "embedded", "31 MB download"."""
        from dltui.core.data.search import presence

        return presence(dataset).text

    def preview(self, dataset: DatasetEntry, options: Mapping[str, Any]) -> Preview:
        """A preview of the user's own data. Raises UsageError when it cannot be read."""
        from dltui.core.catalog.questions import dataset_preview

        return dataset_preview(dataset, options)

    def known_findings(self) -> dict[str, str]:
        """What was last found about each dataset, in a line."""
        from dltui.core.data.findings.record import lines

        return lines()

    def findings(
        self, dataset: DatasetEntry, options: Mapping[str, Any], data_dir: str | None, tell: Callable[[str], None]
    ) -> Looked:
        """What is wrong with a dataset, once it is prepared. Raises UsageError."""
        from dltui.core.data.findings import ask

        return ask.find(dataset, options, data_dir, tell)


class Machine:
    """The devices and the load of this machine."""

    def __init__(self) -> None:
        self._meter: Meter | None = None

    def devices(self) -> list[Device]:
        from dltui.core.catalog.devices import list_devices

        return list_devices()

    def measure(self, folder: Path, pid: int | None) -> Sample:
        """A sample of this machine's load, with the disk of a folder and the process of a run."""
        from dltui.core.machine.usage import Meter

        if self._meter is None:
            self._meter = Meter()
        return self._meter.sample(folder, pid)

    def prices(self) -> Prices:
        """The prices of the user's settings."""
        from dltui.core.analysis.cost import own_prices

        return own_prices()


class Starting:
    """The operations that start a worker."""

    def start(self, request: RunRequest, catalog: Catalog, tell: Callable[[str], None]) -> RunDirectory:
        """Create a run and start its worker; `tell` gets the progress of data preparation. Raises UsageError and leaves
        nothing behind.
        """
        from dltui.core.lifecycle.start import spawn_worker

        run = self._created(request, catalog, tell)
        spawn_worker(run)
        return run

    def enqueue(self, request: RunRequest, catalog: Catalog, tell: Callable[[str], None]) -> RunDirectory:
        """Create a run whose worker waits until its device is free. Raises UsageError and leaves nothing behind."""
        from dltui.core.lifecycle.start import queue_worker

        run = self._created(request, catalog, tell)
        queue_worker(run)
        return run

    def _created(self, request: RunRequest, catalog: Catalog, tell: Callable[[str], None]) -> RunDirectory:
        """Find what is still to be found, and create the run."""
        from dltui.core.finders.find import Finder
        from dltui.core.lifecycle.create import create_run

        return create_run(Finder(tell).settled(request, catalog), catalog, tell)

    def try_out(self, command: Sequence[str]) -> None:
        """Carry out `dltui train ...` with `--dry-run`. Raises UsageError with the line that says why it failed."""
        words = [sys.executable, "-P", "-m", "dltui", *_anywhere(command[1:]), "--dry-run"]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            reasons = [line for line in said if not line.startswith(("dry run", "copy them: "))]
            raise UsageError(f"it does not work: {reasons[-1].strip() if reasons else f'exit code {done.returncode}'}")

    def resumption(self, run: RunDirectory) -> Resumption:
        """The consequences of resuming a run; of a finished run, for another epoch. Raises UsageError."""
        from dltui.core.lifecycle import trust
        from dltui.core.lifecycle.resume import prepare

        reader = _read(run)
        catalog = trust.catalog(run)
        trust.replaced(run, catalog)
        return prepare(reader, catalog, 1 if reader.status().name == "finished" else 0)

    def resume(self, run: RunDirectory, more_epochs: int = 0) -> None:
        """Start a worker that goes on from the last checkpoint."""
        from dltui.core.analysis.trials.trial import pin_resumed
        from dltui.core.lifecycle import trust
        from dltui.core.lifecycle.start import spawn_worker

        pin_resumed(_read(run))
        spawn_worker(run, more_epochs, instead=trust.replaced(run, trust.catalog(run)))

    def fork_point(self, run: RunDirectory) -> str:
        """Where a fork of a run begins: "epoch 6". Raises UsageError for a run without a checkpoint."""
        saved = _read(run).history.checkpoints
        if not saved:
            raise UsageError(f"{run.id} has no checkpoint yet; a fork needs a checkpoint to begin with")
        return f"epoch {int(saved[-1]['epoch'])}"

    def fork(self, run: RunDirectory, words: list[str]) -> RunDirectory:
        """Start a run that begins with the last checkpoint of another; `words` as "lr=0.01". Raises UsageError."""
        from dltui.core.catalog.fields import flag_words, key_values
        from dltui.core.lifecycle import trust
        from dltui.core.lifecycle.fork import ForkRequest, fork
        from dltui.core.lifecycle.start import spawn_worker

        reader = _read(run)
        catalog = trust.catalog(run)
        trust.replaced(run, catalog)
        model = catalog.model(str(reader.run["model"]))
        asked = key_values(words, model.fields, f"model {model.id}")
        changes = {name: value for name, value in asked.items() if reader.run["config"].get(name) != value}
        flags = [word for name, value in changes.items() for word in flag_words(name, value)]
        made = fork(reader, ForkRequest(changes, command=("dltui", "fork", run.id, *flags)), catalog)
        spawn_worker(made)
        return made


class Finding:
    """The search for values of a run that does not exist yet."""

    def finder(
        self, tell: Callable[[str], None], point: Callable[[float, float], None] = lambda lr, loss: None
    ) -> Finder:
        """A finder; `tell` gets its progress and `point` each tested rate with its loss."""
        from dltui.core.finders.find import Finder

        return Finder(tell, point)


class WarmProcess:
    """The process that imports a framework while the form of a new run is filled in."""

    def begin(self, catalog: Catalog, framework: str, device: str) -> None:
        """Start a process that imports a framework for a device; nothing where that is not possible."""
        from dltui.core.catalog.devices import resolve
        from dltui.core.lifecycle import start as run_start
        from dltui.core.lifecycle import warm

        backend = catalog.backends.get(framework)
        if backend is None or backend.version is None:
            return
        try:
            chosen = resolve(device, catalog)
        except UsageError:
            # Said when the run is to start on it.
            return
        if chosen.parts and backend.spread == "ranks":
            # Their worker needs no framework.
            warm.end()
            return
        environment = run_start.whole_environment(chosen)
        warm.begin(backend.python, environment, framework, backend.source)

    def end(self) -> None:
        """End the process: no run is about to start."""
        from dltui.core.lifecycle import warm

        warm.end()


class Commands:
    """Commands to a live run."""

    def send(self, run: RunDirectory, action: str, arguments: dict[str, Any]) -> str:
        """Send a command, and return the id by which the log will acknowledge it. Raises UsageError."""
        from dltui.core.rundir.commands import send

        return send(run.path, action, arguments)

    def take_out(self, run: RunDirectory) -> None:
        """Take a run out of the queue where its launcher has put it. Raises UsageError."""
        from dltui.core.lifecycle.launch import launching

        launching.end(run)

    def kill_cost(self, run: RunDirectory) -> str:
        """A description of what a kill would lose. Raises UsageError where nothing can be killed from here."""
        from dltui.core.lifecycle import kill as run_kill

        return run_kill.cost(_read(run))

    def kill(self, run: RunDirectory) -> None:
        """End a run at once. Raises UsageError where that is not possible."""
        from dltui.core.lifecycle import kill as run_kill

        run_kill.kill(_read(run))


class Exporting:
    """The figures of a run, and the command to copy them to another machine."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer

    def export(self, run: RunDirectory) -> Path:
        """Draw the figures again, in a separate process. Returns their folder. Raises UsageError."""
        from dltui.core.rundir import place
        from dltui.core.worker import figures

        folder = place.exports_folder(run)
        try:
            figures.draw(run, folder, None)
        except RunError as error:
            raise UsageError(f"figures not drawn: {error}") from error
        return folder

    def look_inside(self, run: RunDirectory) -> list[str]:
        """Make the heat maps of a run, in a process with its framework. Returns a line where there are none. Raises
        RunError or UsageError."""
        from dltui.core.lifecycle.trained_model import ask

        lines: list[str] = ask(run, {"look": ["heat-maps"]})["lines"]
        return lines

    def picture(self, svg: str, folder: Path, columns: int) -> list[Path]:
        """Write a picture of the screen; returns its files. Raises UsageError."""
        from dltui.tui.base.effects.screen_picture import write

        return write(svg, folder, columns)

    def comparison(self, runs: Sequence[RunDirectory], folder: Path) -> list[str]:
        """Draw the comparison of runs, in a separate process. Returns its files. Raises UsageError or RunError."""
        from dltui.core.worker import figures

        return figures.draw_comparison([run.path for run in runs], folder, ["svg"])[0]

    def copy_line(self, *folders: Path) -> str:
        """The command that copies folders, to be typed on the other machine."""
        from dltui.core.worker.figures import copy_line

        return copy_line(self._viewer.where(), folders)


class Trying:
    """The process with which a trained model is tried."""

    def open(self, run: RunDirectory) -> Conversation:
        """Start a process with the model of a run. Raises UsageError for code that is missing."""
        from dltui.core.lifecycle.trained_model import Conversation

        return Conversation(run)


def _read(run: RunDirectory) -> RunReader:
    from dltui.core.reading.reader import RunReader

    reader = RunReader(run)
    reader.refresh()
    return reader


# A dry run has a place of its own for them.
PLACES = ("--exports", "--name")


def _anywhere(words: Sequence[str]) -> list[str]:
    """A command line without the names of places that the run itself would have."""
    pairs = zip(words, ["", *words], strict=False)
    return [word for word, before in pairs if word not in PLACES and before not in PLACES]
