"""Somebody's own images and tables, from one command to figures with the right names; and data that is no good."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from dltui.core.rundir import checksum
from tests.helpers.marks import few, few_rows
from tests.helpers.own_data import SHAPES, make_digits, make_folder, make_shapes, make_table
from tests.journeys.program import Program
from tests.journeys.test_models import needs


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_shapes(tmp_path_factory.mktemp("shapes") / "shapes", 480)


@pytest.mark.slow(28)
@pytest.mark.longest
@pytest.mark.parametrize("framework", few(["torch", "tensorflow"], 1, long=0))
def test_a_folder_of_color_photographs(program: Program, shapes: Path, framework: str) -> None:
    program.draws()
    needs(framework)
    program(
        "train", f"cnn-{framework}", "--dataset", f"folder:{shapes}", "--epochs", "4", "--threads", "1", "--name", "r"
    )
    summary = program.summary("r")
    assert summary["dataset"] == "folder:shapes"
    assert summary["test_accuracy"] >= 0.85
    attempt = program.reader("r").history.attempt
    assert attempt is not None
    assert attempt.dataset["classes"] == sorted(SHAPES)
    assert attempt.dataset["input_shape"] == [32, 32, 3]
    exports = program.folder / "exports" / "r"
    ElementTree.parse(exports / "confusion_matrix.svg")
    # Letters are drawn as outlines; the description in the file says them.
    described = "".join(ElementTree.parse(exports / "mislabeled.svg").getroot().itertext())
    assert any(f"true {name}, predicted " in described for name in SHAPES)
    thumbnails = np.load(program.run("r") / "predictions" / "test.npz")["thumbnails"]
    assert thumbnails.shape[1:] == (32, 32, 3)


@pytest.mark.longest
@pytest.mark.slow
@pytest.mark.parametrize("framework", few(["tensorflow", "torch"], 1, long=0))
def test_a_folder_of_gray_digits(program: Program, framework: str) -> None:
    needs(framework)
    digits = make_digits(program.folder / "my digits")
    program("train", f"cnn-{framework}", "--dataset", f"folder:{digits}", "--epochs", "8", "--name", "r")
    assert program.summary("r")["test_accuracy"] >= 0.93
    attempt = program.reader("r").history.attempt
    assert attempt is not None
    assert attempt.dataset["classes"] == list("0123456789")
    assert attempt.dataset["input_shape"] == [8, 8, 1]


@pytest.mark.longest
@pytest.mark.slow(25)
def test_a_run_with_the_options_of_an_earlier_version(program: Program) -> None:
    """They were spelled otherwise in commands, in run.json and in the file of named data."""
    needs("torch")
    digits = make_digits(program.folder / "digits")
    program("datasets", "add", "mine", f"folder:{digits}", "--data", "colour=grey")
    program("train", "softmax-torch", "--dataset", "mine", "--data", "colour=colour", "--epochs", "1", "--name", "r")
    asked = json.loads((program.run("r") / "run.json").read_text())
    options = asked["dataset_options"]
    assert (options.pop("color"), options.get("colour")) == ("color", None)
    asked = checksum.sealed(asked | {"dataset_options": options | {"colour": "colour"}})
    (program.run("r") / "run.json").write_text(json.dumps(asked))
    named = next(program.home.rglob("datasets.toml"))
    named.write_text(named.read_text().replace("color", "colour").replace("gray", "grey"))
    assert "1/1" in program("runs").stdout
    program("resume", "r", "--more-epochs", "1")
    program("export", "r", "--to", "elsewhere")
    assert program.summary("r")["epochs"] == 2
    program("train", "--like", "r", "--name", "s")
    options = json.loads((program.run("s") / "run.json").read_text())["dataset_options"]
    assert (options["color"], options.get("colour")) == ("color", None)
    program("train", "softmax-torch", "--dataset", "mine", "--epochs", "1", "--name", "t")
    assert json.loads((program.run("t") / "run.json").read_text())["dataset_options"]["color"] == "gray"


@pytest.mark.longest
@pytest.mark.slow(23)
@pytest.mark.parametrize("framework", few(["torch", "tensorflow"], 1, long=0))
def test_a_table_of_numbers_and_of_classes(program: Program, framework: str) -> None:
    needs(framework)
    lines = ["x,soil,kind,weight"]
    random = np.random.default_rng(0)
    for _ in range(400):
        x, sand = random.normal(5, 2), random.integers(2)
        lines.append(f"{x:.3f},{('clay', 'sand')[sand]},{'tall' if x > 5 else 'short'},{3 * x + 10 * sand + 1:.3f}")
    table = make_table(program.folder / "plants.csv", lines)
    program("datasets", "add", "plants", str(table))
    weight = ("--data", "target=weight", "--data", "drop=kind")
    program("train", f"linear-regression-{framework}", "--dataset", "plants", *weight, "--name", "weight")
    assert program.summary("weight")["test_mse"] < 0.5
    kind = ("--data", "target=kind", "--data", "drop=weight", "--epochs", "20", "--batch-size", "32")
    program("train", f"mlp-{framework}", "--dataset", "plants", *kind, "--name", "kind")
    assert program.summary("kind")["test_accuracy"] >= 0.9


@pytest.mark.parametrize(
    ("words", "message"),
    few_rows(
        [
            (("folder:text",), "none of 20 images can be read"),
            (("csv:gap.csv",), "line 4 has no 'price', the target"),
            (("folder:empty",), "empty has no images"),
            (("folder:nowhere",), "nowhere is not there"),
            (("folder:one",), "one has one class, cat; two are needed"),
            (("csv:ragged.csv",), "ragged.csv line 3 has 3 columns, the first has 2"),
            (("csv:good.csv", "--data", "target=prize"), "no column 'prize'; did you mean price"),
            (("csv:empty.csv",), "empty.csv is empty"),
            (("folder:one", "--data", "size=-1"), "size must be a whole number from 0 to 1024, got -1"),
        ],
        3,
    ),
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_data_is_one_line_and_leaves_nothing(program: Program, words: tuple[str, ...], message: str) -> None:
    here = program.folder
    (here / "empty").mkdir()
    make_folder(here / "one", ("cat",))
    for path in make_folder(here / "text").rglob("*.png"):
        path.write_text("not an image")
    make_table(here / "ragged.csv", ["size,price", "1,2", "1,2,3"])
    make_table(here / "good.csv", ["size,price", *(f"{number},{number * 2}" for number in range(50))])
    make_table(here / "gap.csv", ["size,price", "1,2", "2,4", "3,NaN", "4,8"])
    (here / "empty.csv").touch()
    plugin = Path(__file__).parent.parent / "fakes" / "fake_plugin.py"
    model = "linear-regression-numpy" if "csv" in words[0] else "softmax-numpy"
    done = program("train", model, "--plugin", str(plugin), "--dataset", *words, code=2)
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list((program.home / "runs").glob("*"))
    assert not [path for path in (program.home / "cache" / "datasets").glob("*") if not path.name.startswith(".")]
    assert not list((program.home / "cache" / "datasets").glob(".*-*-*"))
    assert not (here / "exports").exists()
