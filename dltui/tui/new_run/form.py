"""The form of a new run, without a screen: the choices and typed values, and their problems."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.catalog.fields import FIT
from dltui.core.data import suited
from dltui.core.errors import UsageError
from dltui.core.lifecycle.forms.presets import Presets
from dltui.core.numbers import exact
from dltui.core.rundir.launch import Chosen
from dltui.core.worker.figures import NONE
from dltui.tui.new_run import gone
from dltui.tui.new_run.setting import RUN_SETTINGS, Setting, check_own, launcher_settings

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, DatasetEntry, LauncherEntry, ModelEntry
    from dltui.core.contract import Preview
    from dltui.core.machine.devices import Device
    from dltui.core.rundir.directory import RunDirectory

FIRST = ("epochs", "lr", "batch_size", "schedule", "seed", "optimizer")
LAUNCHER = "launcher:launcher"
DROP = "data:drop"
OWN = "your own"
"""The choice while a path is still to be typed."""
DEFAULTS = "defaults"
"""The origin of a form that is like no run."""
FAVORITES = ("cnn", "fashion-mnist", "torch", "lines")


@dataclass
class RunForm:
    """The content of the form. `typed` holds the texts that differ from the defaults, by setting."""

    catalog: Catalog
    model_name: str = ""
    framework: str = ""
    dataset_name: str = ""
    own: DatasetEntry | None = None
    """Data at a path that was typed."""
    member: ModelEntry | None = None
    """A member of a family that was searched for."""
    device: str = "auto"
    origin: str = DEFAULTS
    typed: dict[str, str] = field(default_factory=dict)
    presets: Presets = field(default_factory=Presets)
    """The values set in the environment and in files, shown in the rows until something else is typed."""
    remembered: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    """The options that the user's own data had in its last run, by dataset plugin and path."""
    findings: Mapping[str, str] = field(default_factory=dict)
    """What was last found about each dataset, by its name in a run."""
    devices: Sequence[Device] = ()
    previews: dict[str, Preview] = field(default_factory=dict)
    """What was seen of the user's own data, by the key of the data with its options."""
    plugins: tuple[str, ...] = ()
    """The plugin files that the catalog has besides the installed ones."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Why the model and the dataset of the run that it is like cannot be chosen, as in `gone.reasons`."""
    parent: RunDirectory | None = None
    """The run that is forked: model, data and device are its own."""
    unforked: dict[str, str] = field(default_factory=dict)
    """The texts of all hyperparameters as the parent has them, by setting."""
    device_problem: str = ""
    """Why the word in `device` means no device here."""
    _recalled: dict[str, str] = field(default_factory=dict)
    """The texts of `typed` that are options of an earlier run with the chosen dataset."""
    _left: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    """The texts that were taken out of `typed` when a dataset was left, by its place."""
    _preset: dict[str, str] = field(default_factory=dict)
    _preset_of: str = ""
    """The model that `_preset` is for."""
    _preset_problem: str = ""

    @classmethod
    def with_defaults(cls, catalog: Catalog, presets: Presets | None = None) -> RunForm:
        """A form with the preferred model, framework and dataset where they exist."""
        form = cls(catalog, presets=presets or Presets())
        names = form.model_names()
        form.model_name = FAVORITES[0] if FAVORITES[0] in names else (names or [""])[0]
        usable = [name for name in form.frameworks() if (entry := form.twin(name)) and entry.available]
        form.framework = (usable or form.frameworks() or [""])[0]
        form.device = form.preset("device") or form.device
        form._take_preset_dataset()
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
        distrust: str = "",
    ) -> RunForm:
        """A form with the choices of another run: its model, its data with all options, and with `everything` its
        hyperparameters too. With `everything` what is not installed here is named, and prevents the start; `distrust`
        says why the plugin files of the run are not imported. Else something else takes its place.
        """
        from dltui.core.machine.devices import asked_for

        form = cls.with_defaults(catalog, presets)
        form.missing = gone.reasons(run, catalog, distrust) if everything else form.missing
        model = catalog.known_model(str(run.get("model")))
        if model is None and not everything:
            return form
        form.origin = f"{origin}{gone.not_taken(run)}" if everything else origin
        form._take_model(run, model)
        is_preset = not everything and form._take_preset_dataset()
        its_own = "" if is_preset else form._take_dataset(run)
        form._fit_dataset()
        form.device = asked_for(run) if everything else form.device
        if everything:
            form._take("model", run.get("config") or {})
            form._take_launcher(run)
            form._take_figures(run, theirs=bool(distrust))
        if its_own and form.dataset_name == its_own:
            form._take("data", run.get("dataset_options") or {})
            form.typed |= {"run:data_dir": str(run["data_dir"])} if run.get("data_dir") else {}
            form._recalled = {} if everything else dict(form.typed)
        return form

    def _take_model(self, run: Mapping[str, Any], model: ModelEntry | None) -> None:
        if model is None:
            self.model_name, self.framework = str(run.get("model")), str(run.get("framework"))
            return
        self.member = model if model.id not in self.catalog.models else None
        self.model_name, self.framework = model.name, model.framework

    def _take_launcher(self, run: Mapping[str, Any]) -> None:
        chosen = Chosen.from_json(run.get("launcher"))
        if not chosen.is_default and chosen.name in self._launchers:
            self.typed[LAUNCHER] = chosen.name
            self._take("launch", chosen.options)

    def _take_figures(self, run: Mapping[str, Any], theirs: bool) -> None:
        """Take the formats of a run's figures, but for the none that is usual for a trial, and their folder if that is
        not the usual one; no folder of a run that is `theirs`, another user's or host's.
        """
        from dltui.core.paths import absolute

        rows = {setting.spec.name: setting for setting in RUN_SETTINGS}
        formats = [str(name) for name in run.get("formats") or ()]
        if formats and not (run.get("sweep") and formats == [NONE]):
            self.put(rows["format"], ",".join(formats))
        if theirs or not run.get("exports") or not run.get("cwd"):
            return
        folder, usual = Path(str(run["exports"])).parent, rows["exports"].default
        if folder not in (Path(str(run["cwd"])) / usual, Path(absolute(usual))):
            self.put(rows["exports"], str(folder))

    def _take_preset_dataset(self) -> bool:
        """Choose the dataset that is set for this model in the environment or a file; False where none is. One that
        does not exist prevents the start.
        """
        wanted = self.preset("dataset")
        if not wanted:
            return False
        try:
            entry = self.catalog.dataset(wanted)
        except UsageError as error:
            self.dataset_name, self.missing = wanted, {**self.missing, gone.dataset_key(wanted): str(error)}
            return True
        self._set_dataset(entry)
        return True

    def _set_dataset(self, entry: DatasetEntry) -> None:
        self.own = entry if entry.given and not entry.plugin else self.own
        self.dataset_name = entry.reference

    def _take_dataset(self, run: Mapping[str, Any]) -> str:
        """Choose the dataset of a run: then its name, where it is installed; else ""."""
        from dltui.core.catalog import entries

        entry = entries.asked_for(run, self.catalog)
        if entry is not None:
            self._set_dataset(entry)
        elif gone.dataset_key(str(run.get("dataset"))) in self.missing:
            self.dataset_name = str(run.get("dataset"))
        return entry.reference if entry is not None else ""

    def fork_of(self, parent: RunDirectory, point: str) -> None:
        """Make it the form of a fork; `point` says where it begins."""
        self.parent, self.origin = parent, f"of {parent.id} at {point}"
        self.unforked = {setting.key: self.text(setting) for setting in self.settings()}

    def replace(self, values: Mapping[str, Any]) -> None:
        """Set other hyperparameters, or another `dataset`."""
        wanted = self.catalog.datasets.get(str(values.get("dataset", "")))
        if wanted is not None and self.fits(wanted):
            self.choose_dataset(wanted.name)
        self._take("model", values)

    def _take(self, kind: str, values: Mapping[str, Any]) -> None:
        from dltui.core.catalog.fields import renewed

        values = renewed([setting.spec for setting in self.settings() if setting.kind == kind], values)
        for setting in self.settings():
            name = setting.spec.name
            if setting.kind == kind and name in values:
                self.put(setting, exact(values[name]))

    def models(self) -> list[ModelEntry]:
        """The models to choose from: those of the catalog, and the member of a family that was searched for."""
        return [*self.catalog.models.values(), *([self.member] if self.member else [])]

    def choose_member(self, reference: str) -> None:
        """Choose a member of a family, FAMILY:NAME, or a model by its id. Raises UsageError."""
        model = self.catalog.model(reference)
        self.member = model if model.id not in self.catalog.models else self.member
        self.framework = model.framework
        self.choose_model(model.name)

    def model_names(self) -> list[str]:
        """The names of models without duplicates, in the catalog's order."""
        return list(dict.fromkeys(entry.name for entry in self.models()))

    def frameworks(self) -> list[str]:
        """The frameworks: PyTorch first, then by name."""
        names = {entry.framework for entry in self.models()}
        return sorted(names, key=lambda name: (name not in FAVORITES, name))

    def twin(self, framework: str, name: str | None = None) -> ModelEntry | None:
        """The chosen model in another framework."""
        wanted = (name or self.model_name, framework)
        return next((entry for entry in self.models() if (entry.name, entry.framework) == wanted), None)

    @property
    def model(self) -> ModelEntry | None:
        return self.twin(self.framework)

    @property
    def dataset(self) -> DatasetEntry | None:
        if self.own is not None and self.dataset_name == self.own.reference:
            return self.own
        return self.catalog.datasets.get(self.dataset_name)

    def datasets(self) -> list[DatasetEntry]:
        """The datasets, those that fit the model first; without those that still need a path."""
        entries = [entry for entry in self.catalog.datasets.values() if not entry.needs_path]
        return sorted(entries, key=lambda entry: (not self.fits(entry), entry.name not in FAVORITES))

    def dataset_names(self) -> list[str]:
        """The names to choose from: the datasets that fit, and last the user's own data."""
        own = self.own.reference if self.own is not None else OWN
        return [*(entry.name for entry in self.datasets() if self.fits(entry)), own]

    def choose_path(self, text: str) -> None:
        """Choose the user's own data: folder:PATH, csv:PATH, or a path alone. It has the options of its last run unless
        others are typed. Raises UsageError.
        """
        from dltui.core.catalog import entries

        own = entries.entry_of(text, self.catalog)
        self._choose(own.reference, own)

    def choose_dataset(self, name: str) -> None:
        """Choose a dataset by the name in `dataset_names`. Options that were recalled for other data are dropped unless
        they were changed since, and so is a review, which names samples of one dataset; back at that data they are
        there again.
        """
        self._choose(name, self.own)

    def _choose(self, name: str, own: DatasetEntry | None) -> None:
        before = self._place()
        self.dataset_name, self.own = name, own
        place = self._place()
        if place == before:
            return
        self._left = {**self._left, before: self._take_out()}
        self._recalled = self._left.get(place, {})
        self.typed = {**self._recalled, **self.typed}
        options = self.remembered.get(place)
        if options and not self._typed_options():
            self._take("data", options)
            self._recalled = {**self._recalled, **self._typed_options()}

    def _take_out(self) -> dict[str, str]:
        """Take out of `typed` what goes with the chosen dataset alone, and return it."""
        out = {key: text for key, text in self._recalled.items() if self.typed.get(key) == text}
        if DROP in self.typed:
            from dltui.core.data.findings.dropped import review_of

            out |= {DROP: self.typed[DROP]} if review_of(self.typed[DROP]) else {}
        self.typed = {key: text for key, text in self.typed.items() if key not in out}
        return out

    def _place(self) -> tuple[str, str]:
        """The dataset plugin and the path of the user's own data; of other data its name and ""."""
        own = self.own
        if own is not None and self.dataset is own:
            return own.name, str(own.given.get("path"))
        return self.dataset_name, ""

    def _typed_options(self) -> dict[str, str]:
        return {key: text for key, text in self.typed.items() if key.startswith("data:")}

    def choose_device(self, word: str, problem: str = "") -> None:
        """Choose a device; `problem` says why the word means none here."""
        self.device, self.device_problem = word, problem

    def kept(self) -> RunForm:
        """The form as it is, for a thread: what the person chooses meanwhile does not change it."""
        made = copy(self)
        made.typed = dict(self.typed)
        return made

    def fits(self, dataset: DatasetEntry) -> bool:
        return self.model is None or dataset.suits(self.model)

    def choose_model(self, name: str) -> None:
        """Choose another model; framework and dataset stay where they are possible."""
        self.model_name = name
        if self.model is None:
            self.framework = next((each for each in self.frameworks() if self.twin(each)), self.framework)
        self._fit_dataset()

    def choose_framework(self, framework: str) -> None:
        if self.twin(framework):
            self.framework = framework

    @property
    def _is_gone(self) -> bool:
        """True while the dataset is one that is not installed: only the person puts another in its place."""
        return self.dataset is None and gone.dataset_key(self.dataset_name) in self.missing

    def _fit_dataset(self) -> None:
        if self.dataset_name == OWN or self._is_gone:
            return
        if self.dataset is None or not self.fits(self.dataset):
            fitting = [entry for entry in self.datasets() if self.fits(entry)]
            if fitting:
                self.choose_dataset(fitting[0].name)

    def settings(self) -> list[Setting]:
        """All settings, the most frequently changed first; of a fork the hyperparameters alone."""
        every = self._all_settings()
        return every if self.parent is None else [setting for setting in every if setting.kind == "model"]

    def _all_settings(self) -> list[Setting]:
        fields = self.model.fields if self.model else ()
        known = sorted(fields, key=lambda spec: FIRST.index(spec.name) if spec.name in FIRST else len(FIRST))
        rows = [RUN_SETTINGS[0], *(Setting("model", spec) for spec in known)]
        # A path is the name of the dataset rather than one of its options.
        rows += [Setting("data", spec) for spec in (self.dataset.fields if self.dataset else ()) if spec.name != "path"]
        return [*rows, *RUN_SETTINGS[1:], *launcher_settings(self._launchers, self.launcher)]

    @cached_property
    def _launchers(self) -> Mapping[str, LauncherEntry]:
        from dltui.core.lifecycle.launch import launching

        return launching.usable(self.catalog)

    @property
    def launcher(self) -> str:
        """The chosen launcher; "" for the usual one."""
        name = self.typed.get(LAUNCHER, "")
        return name if name in self._launchers else ""

    @property
    def kinds(self) -> Sequence[str]:
        """The kinds of devices that the chosen framework can use; empty: all."""
        backend = self.catalog.backends.get(self.framework)
        return backend.kinds if backend else ()

    @property
    def is_away(self) -> bool:
        """True if the launcher chooses the machine, and so the device."""
        return bool(self.launcher) and self._launchers[self.launcher].away

    def text(self, setting: Setting) -> str:
        return self.typed.get(setting.key, self.initial(setting))

    def initial(self, setting: Setting) -> str:
        """The value in a row before anything is typed."""
        if setting.kind == "data" and self.dataset is not None and setting.spec.name in self.dataset.given:
            return exact(self.dataset.given[setting.spec.name])
        if setting.key == "data:size" and setting.default == "0" and self.model is not None:
            side = self.typed.get("model:image_size") or self.preset("image_size")
            asked = {"image_size": int(side) if side.isdecimal() else 0}
            return exact(suited.sized({"size": 0}, self.model, asked)["size"])
        preset = self.preset(setting.spec.name) if setting.kind in ("run", "model") else ""
        if preset == FIT and setting.can_be_found and self.is_sweep:
            # One that fits is found for a single run, and trials differ.
            preset = ""
        return preset or self.usual(setting)

    def usual(self, setting: Setting) -> str:
        """The value where a command line says nothing: trials draw no figures."""
        return NONE if setting.key == "run:format" and self.is_sweep else setting.default

    def preset(self, name: str) -> str:
        """The preset value for this model, as it would be typed; "" without a preset."""
        if self.model is None:
            return ""
        if self._preset_of != self.model.id:
            self._preset, self._preset_of, self._preset_problem = {}, self.model.id, ""
            try:
                found = self.presets.of(self.model, self.catalog)
            except UsageError as error:
                self._preset_problem = str(error)
            else:
                self._preset = {key: exact(preset.value) for key, preset in found.items()}
        return self._preset.get(name, "")

    def is_given(self, setting: Setting) -> bool:
        """True if the run gets the value of this row as one that was chosen."""
        return setting.key in self.typed or self.initial(setting) != setting.default

    def hyperparameters(self) -> tuple[dict[str, Any], set[str]]:
        """All of them, and the names of those that are given. One with an invalid text has its default."""
        config, given = {}, set()
        for setting in self.settings():
            if setting.kind == "model":
                is_valid = self.is_given(setting) and not self.problem(setting)
                config[setting.spec.name] = setting.parse(self.text(setting)) if is_valid else setting.spec.default
                given |= {setting.spec.name} if self.is_given(setting) else set()
        return config, given

    @property
    def is_suited(self) -> bool:
        """True if what is left open is suited to the data when the run is created."""
        return self.dataset is not None and bool(self.dataset.takes) and self.parent is None

    def _is_open(self, setting: Setting) -> bool:
        """True if the run may take another value than the initial one where none is given for this row."""
        if setting.kind != "model" or not self.is_suited:
            return False
        config, given = self.hyperparameters()
        return setting.spec.name in suited.left_open(config, given - {setting.spec.name})

    def put(self, setting: Setting, text: str) -> None:
        """Set the text of a setting; the initial text counts as not typed where neither the data nor a range in another
        row can change it.
        """
        text = text.strip()
        is_instead = setting.can_be_found and self.preset(setting.spec.name) == FIT != text
        if text == self.initial(setting) and not is_instead and not self._is_open(setting):
            self.typed.pop(setting.key, None)
        else:
            self.typed[setting.key] = text

    def turn(self, setting: Setting, by: int, shown: str | None = None) -> bool:
        """Take the next choice of a setting after the one that is shown; False when it has no choices."""
        spec = setting.spec
        choices: Sequence[str] = ("no", "yes") if spec.type == "bool" else spec.choices
        if not choices:
            return False
        text = self.text(setting) if shown is None else shown
        at = choices.index(text) if text in choices else 0
        self.put(setting, choices[(at + by) % len(choices)])
        return True

    def problem(self, setting: Setting, text: str | None = None) -> str:
        """The problem of a row's value, or ""."""
        text = self.text(setting) if text is None else text.strip()
        try:
            if setting.kind != "run":
                setting.parse(text)
                if text == FIT and setting.can_be_found and self.is_sweep:
                    return f"{setting.spec.flag} {FIT} is found for a single run, a sweep takes a number"
            elif text:
                check_own(setting.spec.name, text)
        except UsageError as error:
            return str(error)
        return ""

    def first_problem(self) -> tuple[Setting | None, str]:
        """The reason why the run cannot be started, with its row or None; (None, "") when it can."""
        if self.model is None:
            why = self.missing.get(gone.model_key(self.model_name))
            named = f"no {self.framework or 'framework'} model {self.model_name}"
            return None, f"{why}; choose another model" if why else named
        if not self.model.available:
            return None, f"{self.model.id} cannot be used: {self.model.reason}"
        if self.dataset is None and self.dataset_name == OWN:
            return None, "type the path of your data: folder:PATH or csv:PATH"
        if self._is_gone:
            return None, f"{self.missing[gone.dataset_key(self.dataset_name)]}; choose another dataset"
        if self.dataset is None or not self.fits(self.dataset):
            return None, f"{self.model.id} needs a dataset for {self.model.task}"
        if self.device_problem and self.parent is None and not self.is_away:
            return None, self.device_problem
        for setting in self.settings():
            problem = self.problem(setting) or self._preset_problem
            if problem:
                return setting, problem
        return None, ""

    def meant(self, reason: str) -> Setting | None:
        """The setting that a reason names as an option of the command line; None without one."""
        words = re.findall(r"--data [\w-]+=|--[\w-]+", reason)
        known = {f"--data {row.spec.name}=" if row.kind == "data" else row.spec.flag: row for row in self.settings()}
        return next((known[word] for word in words if word in known), None)

    def values(self, kind: str) -> dict[str, Any]:
        """The typed values of a kind, parsed. Raises UsageError."""
        return {
            setting.spec.name: setting.parse(self.text(setting))
            for setting in self.settings()
            if setting.kind == kind and self.is_given(setting)
        }

    @property
    def is_sweep(self) -> bool:
        """True if a range is typed."""
        rows = [setting for setting in self.settings() if setting.kind == "model"] if self.parent is None else []
        return any(setting.is_range(self.typed.get(setting.key, "")) for setting in rows)

    def steady(self, setting: Setting) -> str:
        """The text of a setting, of a range its last value."""
        text = self.text(setting)
        return exact(setting.parse(text).at(1.0)) if setting.is_range(text) else text
