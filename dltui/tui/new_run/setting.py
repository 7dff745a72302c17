"""The rows of the new-run form: hyperparameters, dataset options, and dltui's own settings of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dltui.core.catalog.fields import FieldSpec
from dltui.core.numbers import exact
from dltui.core.worker.figures import RUN_FORMATS, RUN_FORMATS_TEXT, check_formats

if TYPE_CHECKING:
    from dltui.core.catalog.entries import LauncherEntry


@dataclass(frozen=True)
class Setting:
    """A row of the form. `kind` is "run" (dltui's own), "model" (a hyperparameter), "data" (a dataset option),
    "launcher" (the choice of a launcher) or "launch" (an option of the chosen one).
    """

    kind: str
    spec: FieldSpec

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.spec.name}"

    @property
    def label(self) -> str:
        name = self.spec.name.replace("_", " ")
        return f"{self.kind} {name}" if self.kind in ("data", "launch") else name

    @property
    def can_be_found(self) -> bool:
        """True if its value may be `fit` until the run begins."""
        return self.kind == "model" and self.spec.can_be_found

    def parse(self, text: str) -> Any:
        """The value of a typed text, or the range that it names. Raises UsageError."""
        if self.is_range(text):
            from dltui.core.analysis.trials import space

            return space.parse(self.spec, text)
        return self.spec.asked(text) if self.kind == "model" else self.spec.parse(text)

    def is_range(self, text: str) -> bool:
        """True for a hyperparameter whose text names several values: the run is then a sweep."""
        if self.kind != "model" or not any(sign in text for sign in (",", ";", "..")):
            return False
        from dltui.core.analysis.trials import space

        return space.is_range(self.spec, text)

    @property
    def default(self) -> str:
        return exact(self.spec.default)


RUN_SETTINGS = (
    Setting("run", FieldSpec("name", "str", "", "name of the run; empty: two random words")),
    Setting("run", FieldSpec("data_dir", "str", "", "a folder with the dataset's files; empty: the usual places")),
    Setting("run", FieldSpec("exports", "str", "exports", "where its figures go, in a folder of its own")),
    Setting("run", FieldSpec("format", "str", "svg", f"of the figures, several with commas: {RUN_FORMATS_TEXT}")),
)


def launcher_settings(found: Mapping[str, LauncherEntry], chosen: str) -> list[Setting]:
    """The rows for how the run is started, where there is a choice: the launcher, and the options of the chosen one."""
    if len(found) < 2:
        return []
    names, first = tuple(found), next(iter(found))
    text = "how the run is started: " + ", ".join(f"{name}: {entry.summary}" for name, entry in found.items())
    choice = FieldSpec("launcher", "choice", first, text, choices=names, choice_values=names)
    return [Setting("launcher", choice), *(Setting("launch", spec) for spec in found[chosen or first].fields)]


def check_own(name: str, text: str) -> None:
    """Raise UsageError for an invalid value of dltui's own settings."""
    if name == "name":
        from dltui.core.rundir.names import check_run_name

        check_run_name(text)
    elif name == "format":
        check_formats(text.split(","), RUN_FORMATS)
