"""What the demo decides, what resuming says, and what the lists show: pure functions of catalogs and histories."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dltui.core.catalog.entries import BackendEntry, Catalog, DatasetEntry, ModelEntry
from dltui.core.catalog.fields import FieldSpec
from dltui.core.errors import RunError, UsageError
from dltui.core.machine.devices import Device
from dltui.tui.cli import main, options
from dltui.tui.cli.commands import demo, devices
from dltui.tui.cli.launch import model_flags, start
from tests.helpers.sample_run import make_sample_run

FILES = ("a.gz", "b.gz")


def dataset(name: str, **more: Any) -> DatasetEntry:
    return DatasetEntry(name, "classification", name, (), False, {}, **more)


def model(framework: str, available: bool = True) -> ModelEntry:
    return ModelEntry(
        f"cnn-{framework}", "cnn", framework, "classification", "", (), False, {}, available, "" if available else "no"
    )


def catalog(*models: ModelEntry) -> Catalog:
    fashion = dataset("fashion-mnist", files=FILES, urls=("http://nowhere/",), download_bytes=31_000_000)
    backends = {
        name: BackendEntry(name, name, name, f"pip install {name}", "python", None, "", {})
        for name in ("torch", "tensorflow")
    }
    return Catalog(
        models={entry.id: entry for entry in models},
        datasets={"fashion-mnist": fashion, "digits": dataset("digits", embedded=True)},
        backends=backends,
    )


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DLTUI_DATA", raising=False)
    monkeypatch.delenv("DLTUI_CACHE", raising=False)
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_demo_takes_what_is_on_the_machine(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "sets" / "fashion-mnist"
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_bytes(b"")
    monkeypatch.setenv("DLTUI_DATA", str(home / "sets"))

    def never(entry: DatasetEntry) -> bool:
        raise AssertionError("the network was asked for files that are here")

    choice = demo.choose_dataset(catalog(), never)
    assert choice.dataset == "fashion-mnist"
    assert str(folder) in choice.reason


def test_the_demo_downloads_what_is_within_reach() -> None:
    choice = demo.choose_dataset(catalog(), lambda entry: entry.urls == ("http://nowhere/",))
    assert choice == demo.Choice("fashion-mnist", "not on this machine, but can be downloaded (31 MB)")


def test_the_demo_falls_back_to_embedded_data_and_says_why() -> None:
    choice = demo.choose_dataset(catalog(), lambda entry: False)
    assert choice.dataset == "digits"
    assert "fashion-mnist is not on this machine and cannot be downloaded" in choice.reason


def test_the_demo_prefers_pytorch_and_takes_tensorflow() -> None:
    both = catalog(model("tensorflow"), model("torch"))
    assert demo.choose_model(both).framework == "torch"
    assert demo.choose_model(catalog(model("tensorflow"), model("torch", available=False))).framework == "tensorflow"


def test_the_demo_without_a_framework_says_what_to_install() -> None:
    with pytest.raises(UsageError, match="pip install torch or pip install tensorflow"):
        demo.choose_model(catalog(model("torch", available=False)))


def test_the_usual_dataset_of_a_task() -> None:
    assert start.choose_dataset(catalog(), model("torch"), None).name == "fashion-mnist"
    assert start.choose_dataset(catalog(), model("torch"), "digits").name == "digits"
    with pytest.raises(UsageError, match="no dataset for regression"):
        start.choose_dataset(catalog(), replace(model("torch"), task="regression"), None)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["cnn-torch", "--lr", "1"], "cnn-torch"),
        (["--lr", "1", "cnn-torch"], "cnn-torch"),
        (["--lr=1", "--json", "cnn-torch"], "cnn-torch"),
        (["--lr", "-1", "--", "cnn-torch"], "cnn-torch"),
        (["--lr", "cnn-torch"], None),
        ([], None),
    ],
)
def test_finding_the_model_among_the_arguments(arguments: list[str], expected: str | None) -> None:
    assert model_flags.find_model(arguments, {"--lr", "--dataset"}) == expected


def test_finding_plugin_files_among_the_arguments() -> None:
    assert model_flags.plugin_files(["x", "--plugin", "a.py", "--plugin=b.py", "--plugin"]) == ["b.py", "a.py"]


def test_a_flag_for_every_type_of_field() -> None:
    fields = [
        FieldSpec("fast", "bool", False),
        FieldSpec("n_hidden", "int", 3, minimum=1, maximum=9),
        FieldSpec("lr", "float", 0.1, exclusive_minimum=0),
        FieldSpec("kind", "choice", "a", choices=("a", "b"), choice_values=("a", "b")),
        FieldSpec("widths", "numbers", [4, 5], whole=True),
        FieldSpec("note", "str", ""),
    ]
    command = main.click.Command("x", params=[options.FieldOption(field) for field in fields])
    arguments = ["--no-fast", "--n-hidden", "4", "--lr", "1e-3", "--kind", "b", "--widths", "1,2", "--note", "hi"]
    assert command.make_context("x", arguments).params == {
        "fast": False, "n_hidden": 4, "lr": 0.001, "kind": "b", "widths": [1, 2], "note": "hi",
    }  # fmt: skip
    assert set(command.make_context("x", []).params.values()) == {None}
    with pytest.raises(UsageError, match="n_hidden must be a whole number from 1 to 9, got 10"):
        command.make_context("x", ["--n-hidden", "10"])


def test_help_of_a_field_is_clean() -> None:
    text = options.field_help(FieldSpec("lr", "float", 0.1, "step\x1b]52;c;\x07 size", exclusive_minimum=0, maximum=10))
    assert text == r"step\x1b]52;c;\x07 size [0 < X <= 10; default 0.1]"


def test_a_device_as_a_row() -> None:
    device = Device(
        "cuda:0", "T4", "GPU-1", 16_000_000_000, 4_700_000_000, 92.0, processes=(("xy", 1, 5), ("ab", 2, 5))
    )
    assert devices.row(device) == ["cuda:0", "T4", "4.7 GB of 16 GB", "92 %", "GPU-1", "used by ab, xy"]
    assert devices.row(replace(device, problem="driver too old"))[-1] == "not usable: driver too old"


def test_export_streams_a_complete_tar_or_nothing(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import io
    import tarfile

    from dltui.tui.cli.commands import export

    make_sample_run(home / "home" / "runs")

    def draw(run: Any, folder: Path, formats: list[str] | None, more: object) -> None:
        folder.mkdir(parents=True)
        (folder / "summary.json").write_text(json.dumps(formats))

    out = io.BytesIO()
    monkeypatch.setattr(export, "draw", draw)
    stdout = SimpleNamespace(buffer=out, isatty=lambda: False, flush=lambda: None)
    monkeypatch.setattr(export.sys, "stdout", stdout)
    assert main.run(["export", "brisk-otter", "--to", "-", "--format", "pdf,svg"]) == 0
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
        assert tar.getnames() == ["brisk-otter", "brisk-otter/summary.json"]
        member = tar.extractfile("brisk-otter/summary.json")
        assert member is not None
        assert json.load(member) == ["pdf", "svg"]


def test_one_run_that_cannot_be_drawn_does_not_keep_the_others_from_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dltui.tui.cli.commands import export

    for name in ("one", "two", "three"):
        make_sample_run(home / "home" / "runs", run_id=name)

    def draw(run: Any, folder: Path, formats: list[str] | None, more: object) -> None:
        if run.id == "two":
            raise RunError("two: no epoch is done")

    monkeypatch.setattr(export, "draw", draw)
    assert main.run(["export", "one", "two", "three", "--json"]) == 1
    out, err = capsys.readouterr()
    assert [row["id"] for row in json.loads(out)] == ["one", "three"]
    assert err == "dltui: two: no epoch is done\n"
    assert main.run(["export", "two"]) == 1
    assert capsys.readouterr().err == "dltui: two: no epoch is done\n"


def test_export_does_not_write_a_tar_to_a_terminal(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dltui.tui.cli.commands import export

    make_sample_run(home / "home" / "runs")
    monkeypatch.setattr(export.sys, "stdout", SimpleNamespace(isatty=lambda: True, flush=lambda: None))
    assert main.run(["export", "--to", "-"]) == 2


@pytest.mark.parametrize(
    ("status", "screen", "code"),
    [("finished", 0, 0), ("failed", 0, 1), ("interrupted", 0, 130), ("running", 0, 0), ("failed", 129, 129)],
)
def test_a_demo_on_the_screen_ends_as_its_run_does(
    home: Path, monkeypatch: pytest.MonkeyPatch, status: str, screen: int, code: int
) -> None:
    run = make_sample_run(home / "home" / "runs", status=status, epochs=2, done=1, image=False)
    monkeypatch.setattr("dltui.core.lifecycle.start.spawn_worker", lambda run: 0)
    monkeypatch.setattr("dltui.tui.full_screen.run_app", lambda **given: screen)
    assert demo._full_screen(run) == code


def test_a_replay_is_of_the_newest_demo_that_has_finished(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = home / "home" / "runs"
    assert demo.last_demo() is None
    make_sample_run(runs, run_id="done", epochs=1)
    make_sample_run(runs, run_id="goes-on", epochs=2, done=1, status="running")
    make_sample_run(runs, run_id="other", epochs=1, task="regression")
    found = demo.last_demo()
    assert found is not None
    assert found.id == "done"
    played: list[Any] = []
    monkeypatch.setattr("dltui.tui.full_screen.run_app", lambda **given: played.append(given) or 0)
    monkeypatch.setattr(demo, "is_terminal", lambda: True)
    assert main.run(["demo", "--replay"]) == 0
    assert played == [{"open_run": str(found.path), "replay": True}]


@pytest.mark.parametrize("words", [(), ("--plain",), ("--json",)])
def test_a_replay_needs_a_terminal(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["demo", "--replay", *words]) == 2
    assert "needs a terminal" in capsys.readouterr().err


def test_the_demo_is_as_the_user_has_set_it_but_on_its_own_data(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DLTUI_FORMAT", raising=False)
    (home / "dltui.toml").write_text('[train]\ndataset = "lines"\ndevice = "cpu"\nlr = 0.25\nexports = "out"\n')
    found = catalog(replace(model("torch"), fields=(FieldSpec("lr", "float", 0.1),)))
    asked: list[tuple[Any, start.Options]] = []
    monkeypatch.setattr("dltui.core.catalog.assemble.load_catalog", lambda: found)
    monkeypatch.setattr(demo, "within_reach", lambda entry: False)
    monkeypatch.setattr(start, "create", lambda catalog, model, config, given: asked.append((config, given)))
    monkeypatch.setattr(start, "carry_out", lambda run, given: 0)
    assert main.run(["demo", "--plain"]) == 0
    assert main.run(["demo", "--plain", "--device", "auto", "--exports", "here"]) == 0
    assert [config for config, _ in asked] == [{"lr": 0.25}] * 2
    chosen = [(given.dataset, given.device, given.exports) for _, given in asked]
    assert chosen == [("digits", "cpu", "out"), ("digits", "auto", "here")]
    out = capsys.readouterr().out
    assert "dltui.toml [train]: device cpu, lr 0.25, exports out\n" in out
    by_hand = "the same by hand: dltui train cnn-torch --dataset digits --device auto --exports here --lr 0.25\n"
    assert by_hand in out
