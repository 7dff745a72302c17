"""The form of a new run, without a screen: what is chosen and typed, what is wrong, and the command it amounts to."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dltui.core.errors import UsageError
from dltui.core.fields import FieldSpec
from dltui.core.presets import Presets
from dltui.tui.forecast import Forecast
from dltui.tui.format import value as shown

if TYPE_CHECKING:
    from dltui.core.catalog import Catalog, DatasetEntry, ModelEntry

FIRST = ("epochs", "lr", "batch_size", "schedule", "seed", "optimizer")
FAVOURITES = ("cnn", "fashion-mnist", "torch", "lines")


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
    Setting("run", FieldSpec("name", "str", "", "what the run is called; empty: two words are drawn")),
    Setting("run", FieldSpec("data_dir", "str", "", "a folder with the dataset's files; empty: the usual places")),
    Setting("run", FieldSpec("exports", "str", "exports", "where its figures go, in a folder of its own")),
    Setting("run", FieldSpec("format", "str", "svg", "of the figures: svg, png, pdf, or several with commas")),
)


@dataclass
class RunForm:
    """What somebody is about to train. `typed` holds the texts that differ from the defaults, by setting."""

    catalog: Catalog
    model_name: str = ""
    framework: str = ""
    dataset_name: str = ""
    device: str = "auto"
    origin: str = "defaults"
    typed: dict[str, str] = field(default_factory=dict)
    presets: Presets = field(default_factory=Presets)
    """What is set in the environment and in files; it stands in the rows until something else is typed."""
    forecast: Forecast = field(default_factory=Forecast)
    _preset: dict[str, str] = field(default_factory=dict)
    _preset_of: str = ""
    """The model that `_preset` is for."""
    _preset_problem: str = ""

    @classmethod
    def with_defaults(cls, catalog: Catalog, presets: Presets | None = None) -> RunForm:
        """The favourites where they exist, else what there is."""
        form = cls(catalog, presets=presets or Presets())
        names = form.model_names()
        form.model_name = FAVOURITES[0] if FAVOURITES[0] in names else (names or [""])[0]
        usable = [name for name in form.frameworks() if (entry := form.twin(name)) and entry.available]
        form.framework = (usable or form.frameworks() or [""])[0]
        form.device = form.preset("device") or form.device
        form.dataset_name = form.preset("dataset")
        form._fit_dataset()
        return form

    @classmethod
    def like(
        cls,
        catalog: Catalog,
        run: Mapping[str, Any],
        origin: str,
        everything: bool,
        presets: Presets | None = None,
    ) -> RunForm:
        """As another run was: its choices, and with `everything` its hyperparameters too."""
        form = cls.with_defaults(catalog, presets)
        model = catalog.models.get(str(run.get("model")))
        if model is None:
            return form
        form.model_name, form.framework, form.origin = model.name, model.framework, origin
        wanted = "" if everything else form.preset("dataset")
        if wanted or str(run.get("dataset")) in catalog.datasets:
            form.dataset_name = wanted or str(run.get("dataset"))
        form._fit_dataset()
        form.device = str((run.get("device") or {}).get("name", "auto")) if everything else form.device
        if everything:
            form._take("model", run.get("config") or {})
            form._take("data", run.get("dataset_options") or {})
            form.typed |= {"run:data_dir": str(run["data_dir"])} if run.get("data_dir") else {}
        return form

    def replace(self, values: Mapping[str, Any]) -> None:
        """Other hyperparameters than those that stand there."""
        self._take("model", values)

    def _take(self, kind: str, values: Mapping[str, Any]) -> None:
        for setting in self.settings():
            name = setting.spec.name
            if setting.kind == kind and name in values:
                self.put(setting, shown(values[name]))

    def model_names(self) -> list[str]:
        """Each once, in the catalog's order."""
        return list(dict.fromkeys(entry.name for entry in self.catalog.models.values()))

    def frameworks(self) -> list[str]:
        """PyTorch first, then by name."""
        names = {entry.framework for entry in self.catalog.models.values()}
        return sorted(names, key=lambda name: (name not in FAVOURITES, name))

    def twin(self, framework: str, name: str | None = None) -> ModelEntry | None:
        """The model of this row in a framework."""
        wanted = (name or self.model_name, framework)
        return next((entry for entry in self.catalog.models.values() if (entry.name, entry.framework) == wanted), None)

    @property
    def model(self) -> ModelEntry | None:
        return self.twin(self.framework)

    @property
    def dataset(self) -> DatasetEntry | None:
        return self.catalog.datasets.get(self.dataset_name)

    def datasets(self) -> list[DatasetEntry]:
        """Those that fit the model first."""
        task = self.model.task if self.model else ""
        entries = self.catalog.datasets.values()
        return sorted(entries, key=lambda entry: (entry.task != task, entry.name not in FAVOURITES))

    def fits(self, dataset: DatasetEntry) -> bool:
        return self.model is None or dataset.task == self.model.task

    def choose_model(self, name: str) -> None:
        """Another row; the framework stays where it can, the dataset where it fits."""
        self.model_name = name
        if self.model is None:
            self.framework = next((each for each in self.frameworks() if self.twin(each)), self.framework)
        self._fit_dataset()

    def choose_framework(self, framework: str) -> None:
        if self.twin(framework):
            self.framework = framework

    def _fit_dataset(self) -> None:
        if self.dataset is None or not self.fits(self.dataset):
            fitting = [entry for entry in self.datasets() if self.fits(entry)]
            self.dataset_name = fitting[0].name if fitting else self.dataset_name

    def settings(self) -> list[Setting]:
        """All rows, those first that people change most."""
        fields = self.model.fields if self.model else ()
        known = sorted(fields, key=lambda spec: FIRST.index(spec.name) if spec.name in FIRST else len(FIRST))
        rows = [RUN_SETTINGS[0], *(Setting("model", spec) for spec in known)]
        rows += [Setting("data", spec) for spec in (self.dataset.fields if self.dataset else ())]
        return rows + list(RUN_SETTINGS[1:])

    def text(self, setting: Setting) -> str:
        return self.typed.get(setting.key, self.initial(setting))

    def initial(self, setting: Setting) -> str:
        """What stands in a row before anything is typed."""
        return (self.preset(setting.spec.name) if setting.kind != "data" else "") or setting.default

    def preset(self, name: str) -> str:
        """What is set for this model, as it would be typed; "" when nothing is."""
        if self.model is None:
            return ""
        if self._preset_of != self.model.id:
            self._preset, self._preset_of, self._preset_problem = {}, self.model.id, ""
            try:
                found = self.presets.of(self.model, self.catalog)
            except UsageError as error:
                self._preset_problem = str(error)
            else:
                self._preset = {key: shown(preset.value) for key, preset in found.items()}
        return self._preset.get(name, "")

    def put(self, setting: Setting, text: str) -> None:
        """Type a value; what stood there before is nothing typed."""
        if text.strip() == self.initial(setting):
            self.typed.pop(setting.key, None)
        else:
            self.typed[setting.key] = text.strip()

    def turn(self, setting: Setting, by: int) -> bool:
        """The next of a row's choices; whether it has any."""
        spec = setting.spec
        choices: Sequence[str] = ("no", "yes") if spec.type == "bool" else spec.choices
        if not choices:
            return False
        text = self.text(setting)
        at = choices.index(text) if text in choices else 0
        self.put(setting, choices[(at + by) % len(choices)])
        return True

    def problem(self, setting: Setting, text: str | None = None) -> str:
        """What is wrong with a row's value, or ""."""
        text = self.text(setting) if text is None else text.strip()
        try:
            if setting.kind != "run":
                setting.spec.parse(text)
            elif text:
                _check_own(setting.spec.name, text)
        except UsageError as error:
            return str(error)
        return ""

    def first_problem(self) -> tuple[Setting | None, str]:
        """What keeps the run from being started: a row and its reason, or a choice that does not work."""
        if self.model is None:
            return None, f"no {self.framework or 'framework'} model {self.model_name}"
        if not self.model.available:
            return None, f"{self.model.id} cannot be used: {self.model.reason}"
        if self.dataset is None or not self.fits(self.dataset):
            return None, f"{self.model.id} needs a dataset for {self.model.task}"
        for setting in self.settings():
            problem = self.problem(setting) or self._preset_problem
            if problem:
                return setting, problem
        return None, ""

    def values(self, kind: str) -> dict[str, Any]:
        """The typed values of a kind, parsed. Raises UsageError."""
        return {
            setting.spec.name: setting.spec.parse(self.text(setting))
            for setting in self.settings()
            if setting.kind == kind and (setting.key in self.typed or self.initial(setting) != setting.default)
        }

    def command(self) -> list[str]:
        """The command line that starts exactly this run."""
        words = ["dltui", "train", self.model.id if self.model else self.model_name, "--dataset", self.dataset_name]
        words += ["--device", self.device] if self.device != "auto" else []
        for setting in self.settings():
            text = self.text(setting)
            if setting.key not in self.typed and text == setting.default:
                continue
            if setting.kind == "data":
                words += ["--data", f"{setting.spec.name}={text}"]
            elif setting.spec.type == "bool":
                words.append(setting.spec.flag if text == "yes" else f"--no-{setting.spec.flag[2:]}")
            else:
                words += [setting.spec.flag, text]
        return words

    def command_line(self) -> str:
        return shlex.join(self.command())

    def request(self) -> Any:
        """What core.launch takes. Raises UsageError for a value that is wrong."""
        from dltui.core.launch import RunRequest

        own = {setting.spec.name: self.text(setting) for setting in RUN_SETTINGS}
        return RunRequest(
            model=self.model.id if self.model else self.model_name,
            dataset=self.dataset_name,
            dataset_options=self.values("data"),
            data_dir=own["data_dir"] or None,
            device=self.device,
            config=self.values("model"),
            name=own["name"] or None,
            exports=own["exports"],
            formats=tuple(part.strip() for part in own["format"].split(",")),
            command=tuple(self.command()),
        )


def _check_own(name: str, text: str) -> None:
    if name == "name":
        from dltui.core.names import check_run_name

        check_run_name(text)
    elif name == "format":
        unknown = [part for part in text.split(",") if part.strip() not in ("svg", "png", "pdf")]
        if unknown:
            raise UsageError(f"format must be svg, png or pdf, got {unknown[0].strip()!r}")
