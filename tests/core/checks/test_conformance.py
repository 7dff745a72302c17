"""`dltui plugins check`: a sound plugin passes, and a plugin with one fault fails the one check that is for it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltui.core.catalog import assemble
from dltui.core.catalog.assemble import load_catalog
from dltui.core.checks.conformance import check_process, checks, exporting, launch_process, pieces, report, samples
from dltui.core.checks.conformance.report import CHECKS, Finding
from dltui.core.checks.conformance.subject import CheckFailed, Subject
from dltui.core.contract import Data, Model
from dltui.core.contract.config import TrainConfig
from dltui.core.contract.launchers import Launch, Launcher, LauncherOptions, LaunchState
from dltui.core.errors import RunError
from dltui.core.lifecycle.forms.presets import load_presets
from dltui.core.machine import sandbox
from dltui.testing import Conformance, findings
from dltui.tui.cli import main
from tests.fakes import fake_plugin as fake
from tests.helpers.installations import MODEL
from tests.helpers.known_catalog import Fill
from tests.helpers.marks import few

HEAD = """
import sys
import time
from dataclasses import replace
import numpy as np
from pydantic import Field
from dltui.core.contract import Exporter
from dltui.core.errors import RunError
from dltui.core.contract.hooks import hookimpl
from tests.fakes import fake_plugin as fake

class Config(fake.SoftmaxConfig):
    pass

class Trainable(fake.NumpyTrainable):
    pass

class Backend(fake.NumpyBackend):
    framework = "bad"
    def trainable(self, model, config, data, device):
        return Trainable(model.build(config, data.spec), config, data)

@hookimpl
def dltui_backends():
    return [Backend()]

@hookimpl
def dltui_models():
    return [replace(fake.dltui_models()[0], id="softmax-bad", framework="bad", config=Config, build=build)]

build = fake.build
"""
EXPORT = exporting.export
FAULTS = {
    "import": "import sklearn",
    "schema": """
class Config(fake.SoftmaxConfig):
    hidden: int = Field(64, description="hidden units")
""",
    "build": """
def build(config, spec):
    if spec.input_shape[2] != 1:
        raise ValueError("only gray images")
    return fake.build(config, spec)
""",
    "learn": """
class Trainable(fake.NumpyTrainable):
    def _update(self, name, gradient, lr):
        super()._update(name, gradient, 1e-6 * lr)
""",
    "state": """
class Trainable(fake.NumpyTrainable):
    def load_state(self, state):
        try:
            super().load_state(state)
        except RunError as error:
            raise KeyError("weights") from error
""",
    "resume": """
class Trainable(fake.NumpyTrainable):
    def state(self):
        return {name: array for name, array in super().state().items() if not name.endswith("momentum")}
""",
    "obey": """
class Trainable(fake.NumpyTrainable):
    def begin_epoch(self, plan):
        # Only in the check's own plan: asleep in all the others the test would take a minute.
        self.slow = plan.steps == 8
        super().begin_epoch(plan)
    def advance(self, steps):
        time.sleep(1.1 if steps == 1 and self.slow else 0)
        return super().advance(steps)
""",
    "telemetry": """
class Trainable(fake.NumpyTrainable):
    def advance(self, steps):
        stats = super().advance(steps)
        return replace(stats, metrics={**stats.metrics, **{f"m{n}": stats.loss for n in range(4000)}})
    def predict(self, split, rows):
        return super().predict(split, rows)
""",
    "quiet": """
class Trainable(fake.NumpyTrainable):
    def begin_epoch(self, plan):
        print("epoch", plan.epoch)
        super().begin_epoch(plan)
""",
    "export": """
@hookimpl
def dltui_exporters():
    return [Exporter("broken", "table", lambda run, target: target.write_text("<svg>"), "svg")]
""",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know_catalog: Fill) -> Path:
    know_catalog(tmp_path / "home")
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow(20)
@pytest.mark.parametrize("fault", few(["", *FAULTS], 1, long=0))
def test_a_fault_fails_exactly_its_check(home: Path, fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "plugin.py").write_text(HEAD + FAULTS.get(fault, ""))
    code = main.run(["plugins", "check", "plugin.py", "--json"])
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)
    assert {finding["check"] for finding in found if not finding["ok"]} == ({fault} if fault else set())
    assert {finding["check"] for finding in found} == set(CHECKS)
    assert code == (1 if fault else 0)


def test_every_check_has_a_fault_and_a_test_for_authors() -> None:
    assert set(FAULTS) == set(CHECKS)
    # One for each check of a model, and one for everything else that a plugin brings.
    assert len([name for name in vars(Conformance) if name.startswith("test_")]) == len(CHECKS) + 1


@pytest.mark.slow
@pytest.mark.long
def test_a_crash_is_told_with_the_check_it_came_in(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fault = "def build(config, spec):\n    import os\n    os.abort()\n"
    (home / "plugin.py").write_text(HEAD + fault)
    assert main.run(["plugins", "check", "plugin.py"]) == 1
    out = capsys.readouterr().out
    assert "FAIL builds for several shapes" in out
    assert "crashed (SIGABRT)" in out


@pytest.mark.slow
@pytest.mark.longest
def test_authors_see_the_finding_in_their_own_tests(home: Path) -> None:
    (home / "plugin.py").write_text(HEAD + FAULTS["schema"])

    class Own(Conformance):
        plugin = "plugin.py"

    try:
        Own().test_the_loss_falls()
        with pytest.raises(AssertionError, match="hidden has no lower or no upper bound"):
            Own().test_hyperparameters_are_described_and_bounded()
    finally:
        findings.cache_clear()


def test_an_unknown_name_is_one_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["plugins", "check", "cnn-troch"]) == 2
    assert capsys.readouterr().err == 'dltui: no plugin or model "cnn-troch"; did you mean cnn-torch?\n'


@pytest.mark.parametrize(("shape", "outputs"), samples.SHAPES["classification"])
def test_made_up_classes_differ(shape: tuple[int, ...], outputs: int) -> None:
    data = samples.make("classification", shape, outputs)
    assert data.train.x.shape == (samples.ROWS, *shape)
    means = [data.train.x[data.train.y == n].mean(axis=0) for n in range(outputs)]
    assert len({(mean > 100).tobytes() for mean in means}) == outputs


class Random(fake.NumpyTrainable):
    """Noise in each step from the one generator of the process, as dropout has it; its state is part of the run's."""

    def _features(self, x: Any) -> Any:
        return super()._features(x) + np.float32(0.01 * np.random.rand())

    def state(self) -> Any:
        _, words, at, *_ = np.random.get_state(legacy=True)
        return {**super().state(), "rng/numpy": words, "rng/at": np.array(at)}

    def load_state(self, state: Any) -> None:
        super().load_state({key: array for key, array in state.items() if not key.startswith("rng/")})
        if "rng/numpy" in state:
            np.random.set_state(("MT19937", state["rng/numpy"], int(state["rng/at"]), 0, 0.0))


class RandomBackend(fake.NumpyBackend):
    def trainable(self, model: Model, config: TrainConfig, data: Data, device: str) -> Any:
        np.random.seed(config.seed)
        return Random(model.build(config, data.spec), config, data)  # type: ignore[arg-type]


def test_random_numbers_of_the_process_are_no_fault() -> None:
    """Whoever believes a false alarm hunts a bug that is not there."""
    before = np.random.get_state()
    try:
        subject = Subject(fake.dltui_models()[0], RandomBackend())
        assert checks.resumes(subject) == "stopped after step 4 of 6: equal to the last bit"
    finally:
        np.random.set_state(before)


def subject_of(build: Any) -> Subject:

    source = {"path": str(Path(__file__)), "kind": "file", "name": "x.py"}
    return Subject(replace(fake.dltui_models()[0], build=build), fake.NumpyBackend(), source)


def test_a_shape_that_a_model_refuses_in_its_own_words_is_no_fault() -> None:
    def gray(config: Any, spec: Any) -> Any:
        if spec.input_shape[2] != 1:
            raise RunError("takes gray images")
        return fake.build(config, spec)

    def none(config: Any, spec: Any) -> Any:
        raise RunError("takes nothing")

    found = checks.builds(subject_of(gray))
    assert found.endswith("it refuses 2: 32x32x3, 10 outputs: takes gray images; 19x23x3, 5 outputs: takes gray images")

    def value_error(config: Any, spec: Any) -> Any:
        raise ValueError("7 does not divide 12")

    with pytest.raises(
        CheckFailed, match=r"^12x12x1, 3 outputs: ValueError: 7 .* line \d+\); raise RunError for a shape"
    ):
        checks.builds(subject_of(value_error))
    with pytest.raises(CheckFailed, match=r"no shape is taken; 12x12x1, 3 outputs: takes nothing"):
        checks.builds(subject_of(none))


def test_what_a_single_file_imports_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(modules: list[str], own: list[str]) -> str:
        found = {"errors": [], "own": own, "modules": modules, "said": ""}
        monkeypatch.setattr(report, "_run", lambda *given: found)
        monkeypatch.setattr(report, "_answers", lambda outcome: [outcome])
        finding = report._import({"kind": "file", "name": "net.py", "path": str(tmp_path / "net.py")})
        assert finding.ok
        return finding.text

    assert told(["torch"], ["torch"]) == "imports torch alone, as a single file may"
    assert told(["keras"], ["tensorflow"]) == "imports keras alone, as a single file may"
    assert told(["torch", "torchvision"], ["torch"]) == "imports torch, torchvision alone, as a single file may"
    assert told([], ["torch"]) == told([], []) == "no framework is imported"


def test_no_advice_names_the_run_of_a_check() -> None:
    lines = ["finished", "error: figures not drawn: x.svg not written: KeyError; `dltui export dim-owl` tries again"]
    assert exporting.missing(lines) == ["error: figures not drawn: x.svg not written: KeyError"]


def test_one_shape_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = subject_of(fake.build)
    shapes = subject.shapes()[:1]
    monkeypatch.setattr(type(subject), "shapes", lambda self: shapes)
    assert checks.builds(subject) == f"1 shape: {samples.label(*shapes[0])}"


def test_a_model_for_vectors_is_checked_with_vectors() -> None:
    def vectors(config: Any, spec: Any) -> Any:
        (_features,) = spec.input_shape
        return fake.build(config, spec)

    subject = subject_of(vectors)
    assert not subject.takes_images
    assert checks.builds(subject).startswith("3 shapes from 6, 3 outputs")
    assert subject.data().train.x.shape == (samples.ROWS, 6)
    assert subject_of(fake.build).takes_images


def test_a_member_of_a_family_is_checked_like_a_model(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It alone: the data and figures of the plugin that brings the family are not its concern."""
    asked: list[Any] = []

    def model(entry: Any, catalog: Any) -> Any:
        asked.append(entry.id)
        yield Finding("build", entry.id, True, "")

    monkeypatch.setattr(report, "_model", model)
    monkeypatch.setattr(report.exporting, "export", lambda *given: exporting.Tried(True, ""))
    monkeypatch.setattr(report.pieces, "check", lambda *given: pytest.fail("pieces of the plugin"))
    family = Path(fake.__file__).with_name("fake_family.py")
    found = list(report.check("toy:large", [Path(fake.__file__), family]))
    assert asked == ["toy:large"]
    assert [(one.check, one.subject, one.ok) for one in found] == [
        ("import", "fake_family.py", True), ("build", "toy:large", True), ("export", "toy:large", True),
    ]  # fmt: skip


def test_a_model_that_needs_images_gets_them_for_numbers_too_and_no_weights() -> None:

    from pydantic import Field

    class Pretrained(fake.SoftmaxConfig):
        pretrained: bool = Field(True, description="begin with weights")

    subject = subject_of(fake.build)
    subject.model = replace(subject.model, task="regression", needs_images=True, config=Pretrained)
    assert subject.takes_images
    assert subject.shapes() == samples.IMAGES["regression"]
    assert not subject.config().pretrained  # type: ignore[attr-defined]
    data = samples.make("regression", (12, 12, 1), 1)
    assert data.train.y.dtype == np.float32
    light = data.train.x.mean(axis=(1, 2, 3))
    assert np.corrcoef(light, data.train.y[:, 0])[0, 1] > 0.99


def test_a_network_that_learns_early_need_not_train_on() -> None:
    """A transformer of seconds a step, on a busy machine, is checked within the time that a check has."""
    assert checks.learns(subject_of(fake.build)).endswith("in 10 epochs of 3 steps")


def test_a_check_without_time_is_no_crash() -> None:
    said = report._crash(sandbox.Outcome(b"", "timed out after 300 s", 0, True, "", slow=True))
    assert said.startswith(
        "timed out after 300 s; the machine is busy, or the defaults make a network that is too slow"
    )


def test_one_reason_is_told_once() -> None:
    given = [Finding(name, "m", name == "schema", "boom") for name in ("schema", "build", "learn", "state")]
    told = [finding.text for finding in report._once(iter(given))]
    same = 'for the same reason as "builds for several shapes and class counts"'
    assert told == ["boom", "boom", same, same]


PIECES = """
from pathlib import Path
from dltui import Arrays, Dataset, DatasetOptions, hookimpl
from tests.fakes import fake_plugin as fake

def nothing(options, context):
    pass

@hookimpl
def dltui_datasets():
    return [
        Dataset("good", "classification", "s", fake.BlobsOptions, fake.make_blobs, fake.embedded),
        Dataset("bad", "classification", "s", DatasetOptions, nothing, fake.embedded),
    ]
"""


@pytest.mark.slow
def test_datasets_are_prepared(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "data.py").write_text(PIECES)
    assert main.run(["plugins", "check", "data.py", "--json"]) == 1
    found = {(finding["check"], finding["subject"]): finding for finding in json.loads(capsys.readouterr().out)}
    assert found[("data", "good")]["text"] == "432 + 48 + 120 samples of 8x8x1, 3 outputs"
    assert not found[("data", "bad")]["ok"]
    assert "prepare returned None" in found[("data", "bad")]["text"]


def imported(source: str, place: Path) -> tuple[list[str], str]:
    """The slow modules that a plugin's file imports and what it prints, by the process that looks."""
    (place / "plugin.py").write_text(source)
    given = {"kind": "file", "name": "plugin.py", "path": str(place / "plugin.py")}
    code = "import sys, json\nfrom dltui.core.checks.conformance import check_process as c\n"
    code += "found = c._imports(json.loads(sys.argv[1]))\nprint(json.dumps([found['modules'], found['said']]))"
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(given)], capture_output=True, text=True, check=True, cwd=place
    )
    modules, said = json.loads(done.stdout)
    return modules, said


def test_what_a_framework_imports_is_not_the_plugins_concern(tmp_path: Path) -> None:
    """Keras imports scikit-learn and Matplotlib where they are installed, TensorFlow's native code speaks, and protobuf
    warns.
    """
    code = "import os, sklearn, warnings\nos.write(2, b'no GPU')\nwarnings.warn('an old version')\n"
    (tmp_path / "keras.py").write_text(code)
    (tmp_path / "sklearn.py").write_text("")
    (tmp_path / "matplotlib.py").write_text("")
    assert imported("import keras\n", tmp_path) == (["keras"], "")
    assert imported("import keras\nimport matplotlib\nprint(1)\n", tmp_path) == (["keras", "matplotlib"], "1\n")


NAMED = """
import numpy as np
from dltui import Arrays, Dataset, DatasetOptions, Field, Input, hookimpl

class Options(DatasetOptions):
    path: str = Field("", description="a file")

def prepare(options, context):
    part = {"scan": np.zeros((20, 8, 8, 1), np.uint8), "ward": np.zeros(20, np.int64)}, np.arange(20) % 2
    inputs = Input("scan", (8, 8, 1), "uint8"), Input("ward", (), "int32", vocabulary=(2,))
    return Arrays(part, part, ("a", "b"), named_inputs=inputs)

def sources(options, folders):
    return None

def at_path(options, folders):
    return [open(options.path).name]

@hookimpl
def dltui_datasets():
    return [
        Dataset("several", "classification", "s", DatasetOptions, prepare, sources, gives=("named",)),
        Dataset("at-path", "classification", "s", Options, prepare, at_path, takes="file", gives=("named",)),
    ]
"""


@pytest.mark.slow
def test_data_of_several_inputs_is_told_and_a_path_is_not_asked_for_early(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "named.py").write_text(NAMED)
    assert main.run(["plugins", "check", "named.py", "--json"]) == 0
    found = {finding["subject"]: finding["text"] for finding in json.loads(capsys.readouterr().out)}
    assert found["several"] == "18 + 2 + 20 samples of scan 8 × 8 × 1 + ward, 2 outputs"
    assert found["at-path"].startswith("takes a file of your own")


def test_a_model_of_several_inputs_trains_on_the_data_beside_it(home: Path) -> None:
    (home / "named.py").write_text(
        HEAD
        + NAMED
        + """
@hookimpl
def dltui_models():
    return [replace(fake.dltui_models()[0], id="several-bad", framework="bad", takes=("named",))]
"""
    )
    catalog = load_catalog([home / "named.py"])
    model = catalog.models["several-bad"]
    assert report._beside(model, catalog) == "several"
    assert exporting._named_data(model, home, "several") == "several"
    assert exporting._named_data(model, home, "") == exporting.NOT_TRIED


MORE = """
from dltui import Exporter, Logger, hookimpl

class Silent:
    def __init__(self, run, option, attempt): pass
    def event(self, record): pass
    def close(self, status): pass

class Raises(Silent):
    def event(self, record): raise KeyError("nope")

@hookimpl
def dltui_exporters():
    return [
        Exporter("fine", "table", lambda run, target: target.write_text("{}"), "json"),
        Exporter("lazy", "table", lambda run, target: None, "json"),
    ]

@hookimpl
def dltui_loggers():
    return [Logger("fine-log", "s", Silent), Logger("bad-log", "s", Raises)]
"""


@pytest.mark.slow(45)
@pytest.mark.longest
@pytest.mark.timeout(400)
def test_exporters_draw_and_loggers_follow(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "more.py").write_text(MORE)
    main.run(["plugins", "check", "more.py", "--json"])
    found = {finding["subject"]: finding for finding in json.loads(capsys.readouterr().out)}
    if "no framework is installed" in found["fine"]["text"]:
        pytest.skip("needs a framework")
    assert {name: found[name]["ok"] for name in ("fine", "lazy", "fine-log", "bad-log")} == {
        "fine": True, "lazy": False, "fine-log": True, "bad-log": False,
    }  # fmt: skip
    assert found["lazy"]["text"].endswith("lazy.json not written: draw(run, target) wrote nothing at target")
    assert "nope" in found["bad-log"]["text"]


def test_a_file_that_is_not_there_is_one_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["plugins", "check", "a/nope.py"]) == 2
    assert capsys.readouterr().err == "dltui: no file a/nope.py\n"


@pytest.mark.slow
def test_what_is_refused_when_it_is_listed_fails(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fault = 'class Config(fake.SoftmaxConfig):\n    name: int = Field(3, ge=1, le=9, description="x")\n'
    (home / "plugin.py").write_text(HEAD + fault)
    assert main.run(["plugins", "check", "plugin.py"]) == 1
    assert "Config.name is the name of an option of dltui train" in capsys.readouterr().out


def test_the_short_run_of_a_check_leaves_out_what_is_set_for_trainings(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a sound plugin fails, or takes as long as `max_time` says."""
    catalog = load_catalog([Path(fake.__file__)])
    model, given = catalog.models["softmax-numpy"], {}

    def run(command: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
        given.update(how["env"])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setenv("DLTUI_MAX_TIME", "30m")
    monkeypatch.setattr(exporting.subprocess, "run", run)
    assert load_presets().of(model, catalog)
    assert exporting.train(model, "blobs", [], tmp_path) == []
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert load_presets().of(model, catalog) == {}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Checks that start no process: what a model says is to be set as "says", and what was asked is kept."""
    asked: dict[str, Any] = {"models": [], "says": "", "tried": exporting.Tried(True, "")}

    def model(entry: Any, catalog: Any) -> Any:
        asked["models"].append(entry.id)
        yield Finding("build", entry.id, True, asked["says"])

    def export(*given: Any) -> exporting.Tried:
        asked["export"] = given
        return asked["tried"]  # type: ignore[no-any-return]

    def rest(catalog: Any, source: str, files: Any, drawn: Any) -> list[Any]:
        asked["drawn"] = drawn
        return []

    monkeypatch.setattr(assemble, "load_catalog", lambda files, refresh: load_catalog(files))
    monkeypatch.setattr(report, "_model", model)
    monkeypatch.setattr(report.exporting, "export", export)
    monkeypatch.setattr(report.pieces, "check", rest)
    return asked


def test_a_given_file_is_checked_and_no_other_of_its_name(home: Path, quick: dict[str, Any]) -> None:
    (home / "home" / "plugins").mkdir()
    (home / "home" / "plugins" / "net.py").write_text(MODEL.format(id="kept", framework="numpy"))
    (home / "net.py").write_text(MODEL.format(id="given", framework="numpy"))
    found = list(report.check("net.py", [Path(fake.__file__)]))
    assert quick["models"] == ["given"]
    assert all(one.ok for one in found)
    (home / "net.py").write_text(MODEL.format(id="kept", framework="numpy"))
    (first,) = report.check("net.py", [Path(fake.__file__)])
    assert (first.check, first.ok) == ("import", False)
    assert first.text == "model kept is left out: net.py has it already"


@pytest.mark.parametrize("drawn", [True, False])
def test_only_what_a_short_run_has_drawn_is_not_drawn_again(home: Path, quick: dict[str, Any], drawn: bool) -> None:
    (home / "net.py").write_text(MODEL.format(id="given", framework="numpy"))
    quick["tried"] = exporting.Tried(True, "", drawn)
    list(report.check("net.py", [Path(fake.__file__)]))
    assert quick["drawn"] == ({"classification"} if drawn else set())


def test_a_model_that_refuses_the_data_in_the_box_is_tried_on_its_own(home: Path, quick: dict[str, Any]) -> None:
    """Where the plugin has none, that is no fault."""
    quick["says"] = f"{check_process.REFUSES}needs 16 pixels"
    (home / "net.py").write_text(MODEL.format(id="given", framework="numpy"))
    found = list(report.check("net.py", [Path(fake.__file__)]))
    assert [one.check for one in found] == ["import", "export"]
    model, *_, refused = quick["export"]
    assert refused == "needs 16 pixels"
    assert EXPORT(model, [], refused=refused) == exporting.Tried(
        True, "not tried: needs 16 pixels; give a dataset that suits it in the same plugin"
    )
    catalog = load_catalog([Path(fake.__file__)])
    assert exporting.usual_shape(model, catalog) == ((8, 8, 1), 10)
    assert exporting.usual_shape(catalog.models["linear-regression-numpy"], catalog) == ((1,), 1)
    assert exporting.usual_shape(replace(model, takes=("sequence",)), catalog) is None
    assert exporting.usual_shape(replace(model, task="multilabel"), catalog) is None


def test_what_a_model_says_of_the_data_in_the_box_is_told() -> None:
    def large(config: Any, spec: Any) -> Any:
        if min(spec.input_shape[:2]) < 10:
            raise RunError("needs 10 pixels")
        return fake.build(config, spec)

    def broken(config: Any, spec: Any) -> Any:
        raise ValueError("no")

    subject = subject_of(large)
    assert check_process._unsuited(subject, ([8, 8, 1], 10)) == [f"{check_process.REFUSES}needs 10 pixels"]
    assert check_process._unsuited(subject, ([12, 12, 1], 10)) == []
    assert check_process._unsuited(subject, None) == []
    assert subject_of(broken).refusal((8, 8, 1), 10) == ""


def test_data_that_the_user_has_named_is_no_part_of_a_plugin(home: Path) -> None:
    catalog = load_catalog([Path(fake.__file__)])
    catalog.datasets = {
        "mine": replace(catalog.datasets["blobs"], name="mine", plugin="blobs", given={"path": "/mine"}),
        **catalog.datasets,
    }
    assert pieces.names(catalog, "fake_plugin.py")["datasets"] == ["blobs", "slope"]
    assert report._beside(catalog.models["softmax-numpy"], catalog) == "blobs"


def test_a_launcher_that_needs_an_option_is_not_tried(tmp_path: Path) -> None:
    def start(launch: Launch, options: LauncherOptions) -> dict[str, Any]:
        raise RunError("needs image=NAME")

    launcher = Launcher("lab", "s", start, lambda *_: LaunchState("gone"), lambda *_: None)
    assert launch_process._tried(launcher, tmp_path) == "not tried: needs image=NAME"
