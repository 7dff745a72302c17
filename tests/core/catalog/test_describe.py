"""What a model must not be is said when plugins are listed, before there is a run."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import pytest
from pydantic import Field

from dltui.core.catalog import describe
from dltui.core.contract import Dataset, Exporter, Logger, Model
from dltui.core.contract.config import DatasetOptions, TrainConfig
from dltui.core.contract.launchers import Launcher, LaunchState
from dltui.core.errors import PluginError
from dltui.tui.cli.commands.find_lr import find_lr
from dltui.tui.cli.commands.fork import fork
from dltui.tui.cli.commands.sweep import begin
from dltui.tui.cli.commands.train import train
from dltui.tui.cli.commands.twin import twin


def model(config: type[TrainConfig] = TrainConfig, **fields: Any) -> Model:
    return replace(Model("m", "m", "torch", "classification", "s", config, lambda config, spec: None), **fields)


COMMANDS = {"train": train, "sweep": begin, "find-lr": find_lr, "fork": fork, "twin": twin}
"""Those that have a flag for each hyperparameter."""


@pytest.mark.parametrize("command", COMMANDS)
def test_names_of_options_are_reserved(command: str) -> None:
    """By their flags and by what they are called in the code."""
    params = COMMANDS[command].params
    flags = {option.removeprefix("--").replace("-", "_") for parameter in params for option in parameter.opts}
    wanted = flags | {str(parameter.name) for parameter in params} | {"help"}
    reserved = describe.RESERVED["train"] | describe.RESERVED.get(command, frozenset())
    assert wanted <= reserved
    assert describe.RESERVED.get(command, frozenset()) <= wanted
    assert not reserved & TrainConfig.model_fields.keys()


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("help", "train"),
        ("device", "train"),
        ("name", "train"),
        ("dry_run", "train"),
        ("formats", "train"),
        ("reduction", "sweep"),
        ("steps", "find-lr"),
        ("trust", "fork"),
    ],
)
def test_a_hyperparameter_called_like_an_option_is_refused(name: str, command: str) -> None:
    fields = {"__annotations__": {name: int}, name: Field(3, ge=1, le=9, description="x"), "__module__": __name__}
    config = type("Config", (TrainConfig,), fields)
    line = rf"Config.{name} is the name of an option of dltui {command}; choose another"
    with pytest.raises(PluginError, match=line):
        describe.model_record(model(config))


def test_several_hyperparameters_called_like_options_are_one_line() -> None:
    class Config(TrainConfig):
        steps: int = Field(3, ge=1, le=9, description="x")
        reduction: int = Field(3, ge=1, le=9, description="x")

    line = r"Config.reduction and Config.steps are names of options of dltui sweep and find-lr; choose others"
    with pytest.raises(PluginError, match=line):
        describe.model_record(model(Config))


def test_bounds_of_a_list_belong_to_its_items() -> None:
    class Wrong(TrainConfig):
        widths: list[int] = Field([32], ge=1, le=100, description="widths")

    class Right(TrainConfig):
        widths: list[Annotated[int, Field(ge=1, le=100)]] = Field([32], description="widths")

    with pytest.raises(
        PluginError, match=r"Wrong.widths: the bounds of a list are those of its items: list\[Annotated"
    ):
        describe.model_record(model(Wrong))
    assert describe.model_record(model(Right))["id"] == "m"


@pytest.mark.parametrize("alias", ["alias", "validation_alias"])
def test_an_alias_is_refused(alias: str) -> None:
    class Config(TrainConfig):
        width: int = Field(1, ge=1, le=9, description="x", **{alias: "x y"})  # type: ignore[misc]

    class Options(DatasetOptions):
        width: int = Field(1, ge=1, le=9, description="x", **{alias: "x y"})  # type: ignore[misc]

    with pytest.raises(PluginError, match=r"^Config.width has an alias; name the field itself so, without one$"):
        describe.model_record(model(Config))
    with pytest.raises(PluginError, match=r"Options.width has an alias"):
        describe.dataset_record(Dataset("d", "regression", "s", Options, lambda *_: None, lambda *_: None))  # type: ignore[arg-type]


def test_a_misspelled_schedule_is_named() -> None:
    class Config(TrainConfig):
        def schedule_factor(self, steps: Any, total: int) -> Any:
            return steps

    class Fine(TrainConfig):
        def schedule_factors(self, steps: Any, total: int) -> Any:
            return self.scheduled(steps)

        def scheduled(self, steps: Any) -> Any:
            return steps

    with pytest.raises(PluginError, match=r"never calls Config.schedule_factor; did you mean schedule_factors\(steps"):
        describe.model_record(model(Config))
    describe.model_record(model(Fine))


@pytest.mark.parametrize("monitor", ["f1", "-f1", "-loss", "accuracy", ""])
def test_monitors(monitor: str) -> None:
    record = describe.model_record(model(monitor=monitor, metrics=lambda outputs, targets: {"f1": 1.0}))
    assert record["id"] == model().id


@pytest.mark.parametrize(
    ("monitor", "words"),
    [
        ("F1 score", 'must be the name of a metric, "f1" or "-f1"'),
        (3, "must be the name"),
        ("wer", "monitor asks for wer"),
    ],
)
def test_monitors_that_are_none(monitor: Any, words: str) -> None:
    with pytest.raises(PluginError, match=words):
        describe.model_record(model(monitor=monitor))


def dataset(prepare: Any) -> Dataset:
    return Dataset("d", "classification", "s", DatasetOptions, prepare, lambda options, folders: None)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (lambda: describe.model_record(model(build=lambda config: None)), r"its build .* \(config, spec\), it takes"),
        (
            lambda: describe.model_record(model(metrics=lambda outputs: {})),
            r"its metrics .* \(outputs, targets\), it takes \(outputs\)",
        ),
        (lambda: describe.model_record(model(build=None)), r"its build must be a function \(config, spec\)$"),
        (
            lambda: describe.dataset_record(dataset(lambda options: None)),
            r"its prepare .* \(options, context\), it takes",
        ),
        (
            lambda: describe.exporter_record(Exporter("e", "figure", lambda run: None)),
            r"its draw .* \(run, target\), it",
        ),
        (lambda: describe.exporter_record(Exporter("e", "plot", print)), r"its kind must be .* it is 'plot'"),  # type: ignore[arg-type]
        (
            lambda: describe.logger_record(Logger("l", "s", lambda run: None)),
            r"its open .* \(run, option, attempt\), it",
        ),  # type: ignore[arg-type,misc]
    ],
)
def test_a_function_that_takes_other_arguments_is_named_with_those_it_is_called_with(record: Any, words: str) -> None:
    with pytest.raises(PluginError, match=words):
        record()


def options(**fields: Any) -> Dataset:
    return replace(dataset(lambda options, context: None), **fields)


def launcher(**fields: Any) -> Launcher:
    return Launcher("l", "s", lambda *_: {}, lambda *_: LaunchState("gone"), lambda *_: None, **fields)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (lambda: describe.model_record(model(requires="torchvision")), r"^its requires .*requires=\('torchvision',\)$"),
        (lambda: describe.model_record(model(also="regression")), r"^its also .*: also=\('regression',\)$"),
        (lambda: describe.model_record(model(example=3)), r"^its example must be a tuple: example=\(3,\)$"),
        (lambda: describe.dataset_record(options(urls="https://x")), r"^its urls .*: urls=\('https://x',\)$"),
        (lambda: describe.dataset_record(options(files="x.csv")), r"^its files .*: files=\('x.csv',\)$"),
        (lambda: describe.dataset_record(options(file_sizes=7)), r"^its file_sizes must be a tuple"),
        (lambda: describe.launcher_record(launcher(programs="sbatch")), r"^its programs .*: programs=\('sbatch',\)$"),
        (lambda: describe.launcher_record(launcher(flags="gpus")), r"^its flags .*: flags=\('gpus',\)$"),
        (lambda: describe.backend_record(backend(options="ema")), r"^its options .*: options=\('ema',\)$"),
        (lambda: describe.backend_record(backend(forbids="keras")), r"^its forbids .*: forbids=\('keras',\)$"),
        (lambda: describe.backend_record(backend(kinds="cpu")), r"^its kinds .*: kinds=\('cpu',\)$"),
    ],
)
def test_a_single_value_is_no_tuple(record: Any, words: str) -> None:
    with pytest.raises(PluginError, match=words):
        record()


def backend(**attributes: Any) -> Any:
    texts = {"framework": "f", "title": "F", "package": "f", "install": "pip install f"}
    return type("Backend", (), texts | attributes)()


def test_the_devices_of_a_backend_are_known_kinds() -> None:
    assert describe.backend_record(backend())["kinds"] == []
    assert describe.backend_record(backend(kinds=("cpu", "mps")))["kinds"] == ["cpu", "mps"]
    with pytest.raises(PluginError, match=r"^its kinds are of cpu, cuda, mps, one is 'cuda:0'$"):
        describe.backend_record(backend(kinds=("cpu", "cuda:0")))


def table(name: str, suffix: str) -> Exporter:
    return Exporter(name, "table", lambda run, target: None, suffix)


@pytest.mark.parametrize("name", ["plots/roc", "../x", "", ".hidden", "ROC curve"])
def test_an_exporter_with_the_name_of_another_place_is_refused(name: str) -> None:
    with pytest.raises(PluginError, match="is not a valid name"):
        describe.exporter_record(table(name, "csv"))


@pytest.mark.parametrize("suffix", [".csv", "", "csv/x", "../x", "a b", None])
def test_a_table_has_a_suffix(suffix: Any) -> None:
    with pytest.raises(PluginError, match=r'^its suffix must be that of the file, such as "csv", without a dot'):
        describe.exporter_record(table("roc", suffix))


def test_the_suffix_of_a_figure_is_its_format() -> None:
    assert describe.exporter_record(Exporter("roc", "figure", lambda run, target: None))["suffix"] == ""
    assert describe.exporter_record(table("roc", "tar.gz"))["suffix"] == "tar.gz"


def test_options_that_mean_a_task_are_those_of_the_dataset() -> None:
    class Options(DatasetOptions):
        labels: str = Field("", description="columns")

    record = describe.dataset_record(options(options=Options, task_options={"labels": "multilabel"}))
    assert record["task_options"] == {"labels": "multilabel"}
    with pytest.raises(PluginError, match=r"^its task_options name 'label', which its options do not have$"):
        describe.dataset_record(options(options=Options, task_options={"label": "multilabel"}))
