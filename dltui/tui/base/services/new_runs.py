"""The choices for a new run, and its start."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from dltui.core.errors import UsageError
from dltui.tui.base.services.runs import read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dltui.core.catalog.entries import Catalog, DatasetEntry, ModelEntry
    from dltui.core.contract import Preview
    from dltui.core.data.findings.ask import Looked
    from dltui.core.finders.find import Finder
    from dltui.core.lifecycle.create import RunRequest
    from dltui.core.lifecycle.forms.presets import Presets
    from dltui.core.lifecycle.forms.saved import SavedForm
    from dltui.core.lifecycle.resume import Resumption
    from dltui.core.rundir.directory import RunDirectory


class CatalogLoader:
    """The models and datasets for runs, and the presets."""

    def load(self) -> Catalog:
        from dltui.core.catalog.assemble import load_catalog

        return load_catalog()

    def of_run(self, run: RunDirectory) -> tuple[Catalog, tuple[str, ...]]:
        """The models and datasets for a run like another one: with those of its plugin files that are there and may be
        imported, and these files. Raises DltuiError.
        """
        from dltui.core.catalog.assemble import load_catalog
        from dltui.core.lifecycle import trust

        # pathlib raises where a folder may not be entered.
        files = tuple(file for file in trust.files(run) if os.path.isfile(file))  # noqa: PTH113
        return load_catalog(files), files

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

    def holds_another(self, name: str, form: SavedForm) -> bool:
        """True where something else than this form is saved under a name. Raises UsageError."""
        from dltui.core.lifecycle.forms.saved import holds_another

        return holds_another(name, form)

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
        self,
        dataset: DatasetEntry,
        options: Mapping[str, Any],
        data_dir: str | None,
        tell: Callable[[str], None],
        model: ModelEntry | None,
    ) -> Looked:
        """What is wrong with a dataset, once it is prepared as for a model. Raises UsageError."""
        from dltui.core.data.findings import ask

        return ask.find(dataset, options, data_dir, tell, ask.of_model(dataset, model) if model else None)


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

    def resumption(self, run: RunDirectory, more_epochs: int | None = None) -> Resumption:
        """The consequences of resuming a run for so many more epochs; where that is to be chosen yet, of a finished run
        for one. Raises UsageError.
        """
        from dltui.core.lifecycle import trust
        from dltui.core.lifecycle.resume import prepare

        reader = read(run)
        catalog = trust.catalog(run)
        trust.replaced(run, catalog)
        if more_epochs is None:
            more_epochs = int(reader.status().name == "finished")
        return prepare(reader, catalog, more_epochs)

    def resume(self, run: RunDirectory, more_epochs: int = 0) -> None:
        """Start a worker that goes on from the last checkpoint."""
        from dltui.core.analysis.trials.trial import pin_resumed
        from dltui.core.lifecycle import trust
        from dltui.core.lifecycle.start import spawn_worker

        pin_resumed(read(run))
        spawn_worker(run, more_epochs, instead=trust.replaced(run, trust.catalog(run)))

    def fork_point(self, run: RunDirectory) -> str:
        """Where a fork of a run begins: "epoch 6". Raises UsageError for a run without a checkpoint."""
        saved = read(run).history.checkpoints
        if not saved:
            raise UsageError(f"{run.id} has no checkpoint yet; a fork needs a checkpoint to begin with")
        return f"epoch {int(saved[-1]['epoch'])}"

    def fork(self, run: RunDirectory, words: list[str]) -> RunDirectory:
        """Start a run that begins with the last checkpoint of another; `words` as "lr=0.01". Raises UsageError."""
        from dltui.core.catalog.fields import flag_words, key_values
        from dltui.core.lifecycle import trust
        from dltui.core.lifecycle.fork import ForkRequest, changes_of, fork
        from dltui.core.lifecycle.start import spawn_worker

        reader = read(run)
        catalog = trust.catalog(run)
        trust.replaced(run, catalog)
        model = catalog.model(str(reader.run["model"]))
        asked = key_values(words, model.fields, f"model {model.id}")
        changes = changes_of(reader, asked)
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
        from dltui.core.catalog.framework_devices import resolve
        from dltui.core.contract.ranks import spreading
        from dltui.core.lifecycle import start as run_start
        from dltui.core.lifecycle import warm

        backend = catalog.backends.get(framework)
        if backend is None or backend.version is None:
            return
        try:
            chosen = resolve(device, catalog, backend.kinds)
        except UsageError:
            # Said when the run is to start on it.
            return
        if chosen.parts and spreading(backend).here == "ranks":
            # Their worker needs no framework.
            warm.end()
            return
        environment = run_start.whole_environment(chosen)
        warm.begin(backend.python, environment, framework, backend.source)

    def end(self) -> None:
        """End the process: no run is about to start."""
        from dltui.core.lifecycle import warm

        warm.end()


# A dry run has a place of its own for them.
PLACES = ("--exports", "--name")


def _anywhere(words: Sequence[str]) -> list[str]:
    """A command line without the names of places that the run itself would have."""
    pairs = zip(words, ["", *words], strict=False)
    return [word for word, before in pairs if word not in PLACES and before not in PLACES]
