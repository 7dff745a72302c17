"""The rows of the new-run form: hyperparameters, dataset options, and what dltui itself wants to know of a run."""

from __future__ import annotations

from dataclasses import dataclass

from dltui.core.catalog.fields import FieldSpec
from dltui.core.errors import UsageError
from dltui.tui.draw.wording import value as shown


@dataclass(frozen=True)
class Setting:
    """One row of the form. `kind` is "run" (dltui's own), "model" (a hyperparameter) or "data" (a dataset option)."""

    kind: str
    spec: FieldSpec

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.spec.name}"

    @property
    def label(self) -> str:
        name = self.spec.name.replace("_", " ")
        return f"data {name}" if self.kind == "data" else name

    @property
    def default(self) -> str:
        return shown(self.spec.default)


RUN_SETTINGS = (
    Setting("run", FieldSpec("name", "str", "", "name of the run; empty: two random words")),
    Setting("run", FieldSpec("data_dir", "str", "", "a folder with the dataset's files; empty: the usual places")),
    Setting("run", FieldSpec("exports", "str", "exports", "where its figures go, in a folder of its own")),
    Setting("run", FieldSpec("format", "str", "svg", "of the figures: svg, png, pdf, or several with commas")),
)


def check_own(name: str, text: str) -> None:
    """Raises UsageError for a value of dltui's own that cannot be."""
    if name == "name":
        from dltui.core.rundir.names import check_run_name

        check_run_name(text)
    elif name == "format":
        unknown = [part for part in text.split(",") if part.strip() not in ("svg", "png", "pdf")]
        if unknown:
            raise UsageError(f"format must be svg, png or pdf, got {unknown[0].strip()!r}")
