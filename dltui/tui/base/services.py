"""What the screens ask of core, in one place: a test gives them another, with a fixed clock and no processes."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.errors import UsageError
from dltui.tui.terminal.capabilities import SCREEN_LOG

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dltui.core.analysis.forecast import Earlier
    from dltui.core.catalog.entries import Catalog, DatasetEntry
    from dltui.core.contract import Preview
    from dltui.core.lifecycle.create import RunRequest
    from dltui.core.lifecycle.presets import Presets
    from dltui.core.lifecycle.resume import Resumption
    from dltui.core.machine.devices import Device
    from dltui.core.machine.usage import Meter, Sample
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.terminal.settings import ScreenSettings


class Services:
    """Every method but `clock` may take its time: they are called in threads."""

    def __init__(self, read_only: bool = False) -> None:
        self.read_only = read_only
        self._meter: Meter | None = None
        self._deleted: list[list[tuple[RunDirectory, Path]]] = []

    def first_time(self) -> bool:
        """Whether no screen was ever open here: each leaves a log from its start on."""
        from dltui.core import paths

        return not (paths.home() / SCREEN_LOG).exists()

    def settings(self) -> ScreenSettings:
        """How the screen is to look. Raises UsageError."""
        from dltui.tui.terminal.settings import load_screen

        return load_screen()

    def save_settings(self, settings: ScreenSettings) -> None:
        """Remember them. Raises UsageError."""
        from dltui.tui.terminal.settings import save_screen

        save_screen(settings)

    def clock(self) -> float:
        return time.time()

    def time_of_day(self, when: float, seconds: bool = False) -> str:
        return time.strftime("%H:%M:%S" if seconds else "%H:%M", time.localtime(when))

    def where(self) -> str:
        """Who looks, and on which machine: `user@host`."""
        return f"{_user()}@{self.host()}"

    def host(self) -> str:
        from dltui.core.machine.process import this_host

        return this_host()

    def find(self, text: str | None) -> RunDirectory:
        from dltui.core.rundir.directory import find_run

        return find_run(text)

    def runs(self) -> list[RunDirectory]:
        from dltui.core.rundir.directory import list_runs

        return list_runs()

    def catalog(self) -> Catalog:
        from dltui.core.catalog.assemble import load_catalog

        return load_catalog()

    def earlier(self) -> list[Earlier]:
        """Runs that have ended here, from which the next one can be foretold."""
        from dltui.core.analysis.forecast import earlier_runs

        return earlier_runs(self.runs())

    def presets(self) -> Presets:
        """What is set for all runs in the environment, ./dltui.toml and the user's settings. Raises UsageError."""
        from dltui.core.lifecycle.presets import load_presets

        return load_presets()

    def devices(self) -> list[Device]:
        from dltui.core.machine.devices import list_devices

        return list_devices()

    def measure(self, folder: Path, pid: int | None) -> Sample:
        """This machine at this moment, with the disk of a folder and a process of a run."""
        from dltui.core.machine.usage import Meter

        if self._meter is None:
            self._meter = Meter()
        return self._meter.sample(folder, pid)

    def presence(self, dataset: Any) -> str:
        """Whether a dataset's files are on this machine: "here", "embedded", "31 MB download"."""
        from dltui.core.data.search import presence

        return presence(dataset).text

    def preview(self, dataset: DatasetEntry, options: Mapping[str, Any]) -> Preview:
        """What lies at the path of somebody's own data. Raises UsageError with what is wrong there."""
        from dltui.core.catalog.questions import dataset_preview

        return dataset_preview(dataset, options)

    def warm_up(self, catalog: Catalog, framework: str, device: str) -> None:
        """Have a process ready that has imported a framework for a device; nothing where that is not possible."""
        from dltui.core.errors import UsageError
        from dltui.core.lifecycle import start as run_start
        from dltui.core.lifecycle import warm
        from dltui.core.machine.devices import resolve

        backend = catalog.backends.get(framework)
        if backend is None or backend.version is None:
            return
        try:
            environment = run_start.whole_environment(resolve(device))
        except UsageError:
            # Said when the run is to start on it.
            return
        warm.begin(backend.python, environment, framework, backend.source)

    def cool_down(self) -> None:
        """No run is about to start."""
        from dltui.core.lifecycle import warm

        warm.end()

    def start(self, request: RunRequest, catalog: Catalog, tell: Callable[[str], None]) -> RunDirectory:
        """Create a run and start its worker; `tell` gets how far its data are prepared. Raises UsageError and leaves
        nothing behind."""
        from dltui.core.lifecycle.create import create_run
        from dltui.core.lifecycle.start import spawn_worker

        run = create_run(request, catalog, tell)
        spawn_worker(run)
        return run

    def try_out(self, command: Sequence[str]) -> None:
        """Train, evaluate and draw a little of what a command line asks for. Raises UsageError."""
        from dltui.tui.base.services import try_out

        try_out(command)

    def enqueue(self, request: RunRequest, catalog: Catalog, tell: Callable[[str], None]) -> RunDirectory:
        """Create a run whose worker waits until its device is free. Raises UsageError and leaves nothing behind."""
        from dltui.core.lifecycle.create import create_run
        from dltui.core.lifecycle.start import queue_worker

        run = create_run(request, catalog, tell)
        queue_worker(run)
        return run

    def resumption(self, run: RunDirectory) -> Resumption:
        """What going on with a run would mean; of a finished one, with one more epoch. Raises UsageError."""
        from dltui.core.lifecycle import trust
        from dltui.core.lifecycle.resume import prepare

        reader = self._read(run)
        catalog = trust.catalog(run)
        instead = trust.replaced(run, catalog)
        return prepare(reader, catalog, 1 if reader.status().name == "finished" else 0, instead)

    def resume(self, run: RunDirectory, more_epochs: int = 0) -> None:
        """Start a worker that goes on from the last checkpoint."""
        from dltui.core.lifecycle import trust
        from dltui.core.lifecycle.start import spawn_worker

        spawn_worker(run, more_epochs, instead=trust.replaced(run, trust.catalog(run)))

    def send(self, run: RunDirectory, action: str, arguments: dict[str, Any]) -> str:
        """Give a command; the log will acknowledge it by the id that is returned. Raises UsageError."""
        from dltui.core.rundir.commands import send

        return send(run.path, action, arguments)

    def kill_cost(self, run: RunDirectory) -> str:
        """What a kill would lose, in words. Raises UsageError where nothing can be killed from here."""
        from dltui.core.lifecycle import kill as run_kill

        return run_kill.cost(self._read(run))

    def kill(self, run: RunDirectory) -> None:
        """End a run at once. Raises UsageError where that is not possible."""
        from dltui.core.lifecycle import kill as run_kill

        run_kill.kill(self._read(run))

    def _read(self, run: RunDirectory) -> RunReader:
        from dltui.core.reading.reader import RunReader

        reader = RunReader(run)
        reader.refresh()
        return reader

    def may_command(self, run: RunDirectory) -> bool:
        """Whether this viewer may give commands: not one that only looks, nor one who cannot write to the run."""
        return not self.read_only and os.access(run.path, os.W_OK) and os.access(run.control_dir, os.W_OK)

    def label(self, run: RunDirectory, **changes: Any) -> None:
        """Change name, tags or note. Raises RunError."""
        run.set_labels(**changes)

    def discard(self, run: RunDirectory, together: bool = False) -> None:
        """Delete a run so that it can come back, with those before it when they are `together`. Raises UsageError."""
        from dltui.core.lifecycle.trash import discard

        place = discard(run)
        if not together or not self._deleted:
            self._deleted.append([])
        self._deleted[-1].append((run, place))

    def restore(self) -> list[str]:
        """Bring back what was deleted last: the ids. Raises UsageError."""
        from dltui.core.lifecycle.trash import restore

        if not self._deleted:
            return []
        back = self._deleted[-1]
        for run, place in back:
            restore(place, run)
        self._deleted.pop()
        return [run.id for run, _ in back]

    def empty_trash(self) -> None:
        """Delete for good what was deleted here."""
        from dltui.core.lifecycle.trash import empty

        empty(place for together in self._deleted for _, place in together)
        self._deleted.clear()

    def fork(self, run: RunDirectory, words: list[str]) -> RunDirectory:
        """Start a run that begins with the last checkpoint of another; `words` as "lr=0.01". Raises UsageError."""
        from dltui.core.catalog.fields import key_values
        from dltui.core.lifecycle import trust
        from dltui.core.lifecycle.fork import ForkRequest, fork
        from dltui.core.lifecycle.start import spawn_worker
        from dltui.tui.draw.wording import shown

        reader = self._read(run)
        catalog = trust.catalog(run)
        trust.replaced(run, catalog)
        model = catalog.model(str(reader.run["model"]))
        asked = key_values(words, model.fields, f"model {model.id}")
        changes = {name: value for name, value in asked.items() if reader.run["config"].get(name) != value}
        flags = [part for name, value in changes.items() for part in (f"--{name.replace('_', '-')}", shown(value))]
        made = fork(reader, ForkRequest(changes, command=("dltui", "fork", run.id, *flags)), catalog)
        spawn_worker(made)
        return made

    def export(self, run: RunDirectory) -> Path:
        """Draw the figures again, in a process of their own. Returns their folder. Raises UsageError."""
        from dltui.core.errors import UsageError
        from dltui.core.rundir import place

        folder = place.exports_folder(run)
        command = [sys.executable, "-P", "-m", "dltui.exports", str(run.path), "--to", str(folder)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines()
            raise UsageError(f"figures not drawn: {lines[-1] if lines else f'exit code {done.returncode}'}")
        return folder

    def copy_line(self, *folders: Path) -> str:
        """The command that takes folders home, to be typed on the other machine."""
        import shlex

        return f"scp -r {shlex.join(f'{_user()}@{self.host()}:{folder}' for folder in folders)} ."


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


# A dry run has a place of its own for them.
PLACES = ("--exports", "--name")


def try_out(command: Sequence[str]) -> None:
    """Carry out `dltui train ...` with `--dry-run`. Raises UsageError with the line that says what went wrong."""
    words = [sys.executable, "-P", "-m", "dltui", *_anywhere(command[1:]), "--dry-run"]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        reasons = [line for line in said if not line.startswith(("dry run", "take them home"))]
        raise UsageError(f"it does not work: {reasons[-1].strip() if reasons else f'exit code {done.returncode}'}")


def _anywhere(words: Sequence[str]) -> list[str]:
    """Without the places that the run itself would have."""
    pairs = zip(words, ["", *words], strict=False)
    return [word for word, before in pairs if word not in PLACES and before not in PLACES]
