"""`dltui datasets`: the list, a look at data of one's own, and names for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dltui.core.catalog.named_data import named_file, read_named
from dltui.tui.cli.main import run
from tests.helpers.known_catalog import Fill
from tests.helpers.own_data import make_folder, make_table


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know_catalog: Fill) -> Path:
    know_catalog(tmp_path / "home")
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DLTUI_CONFIG", raising=False)
    monkeypatch.delenv("DLTUI_CACHE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def test_a_folder_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_folder(tmp_path / "pets [bold]\x1b[31m")
    assert run(["datasets", "show", "folder:pets [bold]\x1b[31m"]) == 0
    out = capsys.readouterr().out
    assert "20 in 2 classes" in out
    assert "cat" in out
    assert "\x1b" not in out


def test_a_table_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_table(tmp_path / "t.csv", ["size,kind", *(f"{number},{'ab'[number % 2]}" for number in range(30))])
    assert run(["datasets", "show", "csv:t.csv", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert ["size", "number, 0 to 29"] in found["preview"]["facts"]
    assert found["preview"]["columns"] == ["size", "kind"]
    assert (found["preview"]["train"], found["preview"]["image"]) == (22, [])


@pytest.mark.parametrize(("image", "told"), [((9, 8, 3), (7, [9, 8, 3])), ((9, 8), (0, [])), ((0, 8, 3), (0, []))])
def test_what_a_preview_tells_of_images_is_taken_where_it_is_a_shape(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], image: tuple[int, ...], told: tuple[int, list[int]]
) -> None:
    (tmp_path / "mine.py").write_text(
        "from dltui import Dataset, DatasetOptions, Preview, hookimpl\n@hookimpl\ndef dltui_datasets():\n"
        "    nothing = lambda options, place: None\n"
        f"    look = lambda options: Preview(train=7, image={image})\n"
        '    return [Dataset("mine", "classification", "my own", DatasetOptions, nothing, nothing, preview=look)]\n'
    )
    assert run(["datasets", "show", "mine", "--plugin", "mine.py", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["preview"]
    assert (found["train"], found["image"]) == told


def test_a_name_is_kept_with_its_options_and_forgotten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_folder(tmp_path / "pets")
    assert run(["datasets", "add", "mine", "pets", "--data", "size=16"]) == 0
    assert run(["datasets", "--json"]) == 0
    entries = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out.splitlines()[-1])}
    assert entries["mine"]["path"] == str(folder)
    assert run(["datasets", "show", "mine"]) == 0
    assert "made 16x16" in capsys.readouterr().out
    assert run(["datasets", "add", "mine", "pets"]) == 2
    assert "there is a dataset mine already" in capsys.readouterr().err
    assert run(["datasets", "remove", "mine"]) == 0
    assert run(["datasets", "remove", "mine"]) == 2
    assert folder.is_dir()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", "folder"], "which folder? use folder:PATH"),
        (["show", "folder:nowhere"], "nowhere is not there"),
        (["show", "foldr:pets"], "no dataset"),
        (["add", "Mine!", "folder:pets"], "is not a valid name"),
        (["add", "digits", "folder:pets"], "there is a dataset digits already"),
        (["add", "mine", "nowhere"], "is not a path"),
        (["add", "mine", "folder:pets", "--data", "sise=3"], "size"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    make_folder(tmp_path / "pets")
    assert run(["datasets", *words]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert not named_file().exists()


def test_data_without_a_preview_can_have_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["datasets", "add", "leaves", "hf:beans"]) == 0
    assert read_named()["leaves"]["path"] == "beans"


def test_a_damaged_file_of_names_is_a_problem_of_its_own(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named_file().write_text("[mine")
    assert run(["datasets"]) == 0
    found = capsys.readouterr()
    assert "digits" in found.out
    assert "datasets.toml" in found.err


def test_a_name_that_is_added_leaves_the_rest_of_the_file_alone(tmp_path: Path, home: Path) -> None:
    make_folder(tmp_path / "pets")
    before = '# where they are\n[zoo]  # all of them\nplugin = "folder"\npath = "/data/zoo"\n'
    named_file().write_text(before)
    assert run(["datasets", "add", "mine", "pets"]) == 0
    assert named_file().read_text().startswith(before)
    assert list(read_named()) == ["mine", "zoo"]
    assert run(["datasets", "remove", "mine"]) == 0
    assert named_file().read_text().rstrip() == before.rstrip()


def test_a_damaged_file_of_names_is_not_written_over(tmp_path: Path, home: Path) -> None:
    make_folder(tmp_path / "pets")
    named_file().write_text("[mine")
    assert run(["datasets", "add", "yours", "pets"]) == 2
    assert named_file().read_text() == "[mine"


def test_the_data_of_a_plugin_file_is_listed_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text(
        "from dltui import Dataset, DatasetOptions, hookimpl\n@hookimpl\ndef dltui_datasets():\n"
        "    nothing = lambda options, place: None\n"
        '    return [Dataset("mine", "classification", "my own", DatasetOptions, nothing, nothing)]\n'
    )
    assert run(["datasets", "--plugin", "mine.py"]) == 0
    assert "mine" in capsys.readouterr().out.split()
    assert run(["datasets", "show", "mine", "--plugin", "mine.py"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "mine: my own"
    assert lines[1].startswith("classification, its size is known once it is prepared, ")


def test_a_plugin_that_cannot_be_loaded_is_named_beside_the_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.py").write_text("raise ValueError('not today')\n")
    for words in (["--json"], ["show", "digits", "--json"]):
        assert run(["datasets", *words, "--plugin", "broken.py"]) == 0
        out, err = capsys.readouterr()
        assert json.loads(out)
        assert (err.startswith("plugin broken.py: "), err.count("\n")) == (True, 1)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["datasets", "--json", "show", "digits"], "--json comes after the command: dltui datasets show --json"),
        (
            ["datasets", "--plugin", "a.py", "check", "mine"],
            "--plugin comes after the command: dltui datasets check --plugin",
        ),
        (
            ["datasets", "--json", "remove", "x"],
            "--json belongs to dltui datasets alone: dltui datasets remove has no --json",
        ),
        (["plugins", "--json", "check", "X"], "--json comes after the command: dltui plugins check --json"),
        (
            ["frameworks", "--json", "remove", "torch"],
            "--json belongs to dltui frameworks alone: dltui frameworks remove has no --json",
        ),
    ],
)
def test_an_option_before_a_subcommand_is_refused(
    words: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"dltui: {line}\n")
