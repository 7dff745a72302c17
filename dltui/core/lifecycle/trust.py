"""Decides whose code a run continues with. A run of another user is data: what it names is imported, started or written
to only when this user says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import ownership, paths
from dltui.core.errors import UsageError
from dltui.core.rundir import place
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog
    from dltui.core.rundir.directory import RunDirectory


@dataclass(frozen=True)
class Code:
    """The command line's choice of code for a run: `plugins` replace those that run.json names, `trust` takes the named
    code although the run belongs to another user.
    """

    plugins: Sequence[str] = ()
    trust: bool = False

    def words(self) -> list[str]:
        """The command-line words that give another process the same choice."""
        given = [word for path in self.plugins for word in ("--plugin", paths.absolute(str(path)))]
        return [*given, *(["--trust"] if self.trust else [])]

    def __bool__(self) -> bool:
        return bool(self.plugins) or self.trust


AS_NAMED = Code()
"""The default choice: the code that run.json names, for the user's own runs."""


def keeps(run: RunDirectory, code: Code) -> bool:
    """True if the code that run.json names is used."""
    return not code.plugins and (code.trust or not place.untrusted_reason(run))


def files(run: RunDirectory, code: Code = AS_NAMED) -> list[str]:
    """The plugin files that may be imported for a run."""
    if code.plugins:
        return [paths.absolute(str(path)) for path in code.plugins]
    if not keeps(run, code):
        return []
    admit(run, code)
    return [str(path) for path in run.run().get("plugins") or ()]


def admit(run: RunDirectory, code: Code) -> None:
    """With `--trust`, let this process and its children import the code that the run names, even if other users may
    change it.
    """
    if code.trust and not code.plugins:
        asked = run.run()
        sources = [asked.get(f"{kind}_source") or {} for kind in ("model", "backend", "dataset")]
        named = [*(asked.get("plugins") or ()), *(source.get("path") for source in sources)]
        ownership.trust(str(path) for path in named if path)


def catalog(run: RunDirectory, code: Code = AS_NAMED) -> Catalog:
    """The models and datasets of this user, and those of the files that may be imported for the run."""
    from dltui.core.catalog.assemble import load_catalog

    return load_catalog(files(run, code))


def replaced(run: RunDirectory, known: Catalog, code: Code = AS_NAMED, data: bool = True) -> dict[str, Any]:
    """The replacements for fields of run.json: none for the user's own run, else this user's own code, no logger, and
    this user's exports folder. `data` says that the dataset is needed.

    Raises UsageError for code that is missing.
    """
    why = place.untrusted_reason(run)
    mine = {"exports": str(place.exports_folder(run))} if why else {}
    if keeps(run, code):
        return mine
    found = {**_model(run, known, why), **_dataset(run, known, why, data), "plugins": files(run, code), **mine}
    return found | {"loggers": []} if why else found


def _model(run: RunDirectory, known: Catalog, why: str) -> dict[str, Any]:
    asked = run.run()
    model = known.known_model(str(asked["model"]))
    if model is None:
        raise _missing(run, f"its model {asked['model']}", asked.get("model_source"), why)
    if not model.available:
        raise UsageError(f"{clean_line(model.id)} cannot be used here: {model.reason}")
    return {
        "model_source": dict(model.source),
        "backend_source": dict(known.backends[model.framework].source),
        "python": model.source["python"],
    }


def _dataset(run: RunDirectory, known: Catalog, why: str, needed: bool) -> dict[str, Any]:
    asked = run.run()
    name = str(asked.get("dataset_plugin") or asked["dataset"])
    dataset = known.datasets.get(name)
    if dataset is None and needed:
        raise _missing(run, f"its dataset {name}", asked.get("dataset_source"), why)
    model = known.known_model(str(asked["model"]))
    assert model is not None
    return {"dataset_source": {**dataset.source, "python": model.source["python"]} if dataset else None}


def _missing(run: RunDirectory, what: str, source: object, why: str) -> UsageError:
    named = source.get("path") or source.get("name") if isinstance(source, Mapping) else None
    of = f" of {clean_line(Path(str(named)).name, 80)}" if named else ""
    head = f"{clean_line(run.id, 80)}: {clean_line(what, 100)}"
    if not why:
        return UsageError(f"{head} is not in the files of --plugin")
    return UsageError(
        f"{head} is not installed here, and the code{of} that it names is not run: {why}; "
        "use --plugin FILE with a file of your own, or --trust"
    )
