"""Everything that a person can get wrong is one line on standard error, an exit code, and nothing left behind."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.helpers.command import Run, runner
from tests.helpers.known_catalog import Fill

FAKE = Path(__file__).parents[2] / "fakes" / "fake_plugin.py"
TRAIN = ("train", "softmax-numpy", "--plugin", str(FAKE), "--plain")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, know_catalog: Fill) -> Path:
    """The answers of the plugins in the box and of the fake one."""
    folder = tmp_path_factory.mktemp("known") / "home"
    know_catalog(folder)
    return folder / "cache"


@pytest.fixture
def place(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("DLTUI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DLTUI_CACHE", str(cache))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return tmp_path


@pytest.fixture
def dltui(place: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


def runs_of(place: Path) -> list[str]:
    folder = place / "home" / "runs"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def nothing_left(place: Path) -> bool:
    return runs_of(place) == [] and list((place / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("train", "softmax-nunpy", "--plugin", str(FAKE)), ("softmax-nunpy", "did you mean softmax-numpy")),
        ((*TRAIN, "--dataset", "blobz"), ("blobz", "did you mean blobs?")),
        ((*TRAIN, "--dataset", "blobs", "--device", "cdua:0"), ("cdua:0", "cpu")),
        ((*TRAIN, "--dataset", "blobs", "--device", "cuda:7"), ("cuda:7",)),
        ((*TRAIN, "--dataset", "blobs", "--lr", "-1"), ("lr must be greater than 0 and at most 10, got -1",)),
        ((*TRAIN, "--dataset", "blobs", "--lr", "abc"), ("lr must be greater than 0 and at most 10, got 'abc'",)),
        ((*TRAIN, "--dataset", "blobs", "--lr", "nan"), ("lr must be greater than 0",)),
        ((*TRAIN, "--dataset", "blobs", "--epochs", "0"), ("epochs must be a whole number from 1 to 10000, got 0",)),
        ((*TRAIN, "--dataset", "blobs", "--epohcs", "3"), ("--epohcs", "did you mean --epochs?")),
        ((*TRAIN, "--dataset", "slope"), ("slope", "softmax-numpy", "classification", "regression")),
        ((*TRAIN, "--dataset", "blobs", "--data", "nosie=1"), ("nosie", "did you mean noise?")),
        ((*TRAIN, "--dataset", "blobs", "--data", "noise"), ("KEY=VALUE", "noise")),
        ((*TRAIN, "--dataset", "blobs", "--data", "noise=-3"), ("noise must be", "got -3")),
        ((*TRAIN, "--dataset", "blobs", "--name", "../x"), ("../x",)),
        ((*TRAIN, "--dataset", "blobs", "--name", "a\nb"), ("letters",)),
        ((*TRAIN, "--dataset", "blobs", "--name", ""), ("letters",)),
        ((*TRAIN, "--dataset", "blobs", "--format", "gif"), ("gif", "svg, png, pdf")),
        ((*TRAIN, "--dataset", "blobs", "--data-dir", "no/such/folder"), ("no/such/folder",)),
        ((*TRAIN, "--dataset", "blobs", "--detach", "--dry-run"), ("--detach", "--dry-run")),
        ((*TRAIN, "--dataset", "blobs", "--debug"), ("--debug", "--json or --plain")),
        ((*TRAIN[:-1], "--dataset", "blobs", "--debug", "--json"), ("--debug", "--json or --plain")),
        (("train",), ("MODEL",)),
        (("train", "--lr", "0.1", "--plugin", str(FAKE)), ("--lr belongs to a model", "dltui train MODEL --lr")),
        ((*TRAIN, "--dataset", "blobs", "--val", "0.2"), ('no option "--val"; did you mean --data validation=...?',)),
        (("train", "--plugin", str(FAKE), "--nosuch"), ('no option "--nosuch"',)),
        (("set", "lr=0.1"), ("of which run? dltui set RUN lr=0.1",)),
        (("set", "brisk-otter"), ("to what? dltui set brisk-otter lr=0.01",)),
        (("train", "softmax-numpy", "--plugin", "no-such.py", "--dataset", "blobs"), ("no-such.py",)),
        (("attach", "nobody"), ("there are no runs yet",)),
        (("resume",), ("there are no runs yet",)),
        (("pause", "nobody"), ("there are no runs yet",)),
        (("export", "../nowhere"), ("../nowhere", "run.json")),
        (("rm", "/"), ("run.json",)),
        (("predict", "nobody", "no-such.png"), ("no such file: no-such.png",)),
        (("predict", "nobody", "/tmp"), ("/tmp is a folder, predict takes files; name those in it: /tmp/*",)),
        (("predict", "nobody", "/dev/null"), ("/dev/null is a pipe or a device, predict takes files",)),
        (("models", "cnn-torhc"), ("cnn-torhc", "did you mean cnn-torch")),
    ],
)
def test_wrong_use(dltui: Run, place: Path, arguments: tuple[str, ...], parts: tuple[str, ...]) -> None:
    code, out, error = dltui(*arguments)
    assert (code, out) == (2, "")
    assert error.startswith("dltui: ")
    assert error.count("\n") == 1
    for part in parts:
        assert part in error
    assert nothing_left(place)


def test_a_plugin_file_that_could_not_be_loaded_is_told_though_others_have_the_model(dltui: Run, place: Path) -> None:
    """Its figure or dataset would be missing without a word."""
    (place / "figure.py").write_text("def dltui_exporters():\n    return []\n")
    extra = ("--plugin", str(place / "figure.py"))
    assert dltui(*TRAIN, *extra, "--dataset", "nowhere")[2].count("\n") == 1
    code, _, error = dltui(*TRAIN, *extra, "--dataset", "blobs", "--exports", str(place / "figure.py" / "below"))
    warning, refusal = error.splitlines()
    assert code == 2
    assert warning.startswith("plugin figure.py: has no hook; mark one of dltui_models")
    assert refusal.startswith("dltui: ")


def test_unwritable_exports(dltui: Run, place: Path) -> None:
    (place / "file").write_text("")
    code, _, error = dltui(*TRAIN, "--dataset", "blobs", "--exports", str(place / "file" / "below"))
    assert code == 2
    assert error.count("\n") == 1
    assert str(place / "file") in error
    assert nothing_left(place)


def test_unwritable_home(dltui: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "file").write_text("")
    monkeypatch.setenv("DLTUI_HOME", str(place / "file" / "home"))
    code, _, error = dltui(*TRAIN, "--dataset", "blobs")
    assert code == 2
    assert error.count("\n") == 1
    assert "DLTUI_HOME" in error
    assert nothing_left(place)


@pytest.mark.parametrize("arguments", [("runs",), ("models",), ("doctor",), (*TRAIN, "--dataset", "blobs")])
def test_a_user_without_a_home(
    dltui: Run, place: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    for name in [name for name in os.environ if name in ("HOME", "DLTUI_HOME") or name.startswith("XDG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    code, _, error = dltui(*arguments)
    assert (code, error) == (
        2,
        "dltui: this user has no home folder; set DLTUI_HOME to a folder that you can write to\n",
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("runs",), 0),
        (("models", "softmax-numpy", "--plugin", str(FAKE)), 0),
        ((*TRAIN, "--dataset", "blobs"), 2),
        (("attach", "./x"), 2),
        (("attach", "~nobody-has-this/x"), 2),
        (("plugins", "new", "x", "--framework", "torch"), 2),
    ],
)
def test_a_working_directory_that_is_gone(dltui: Run, place: Path, arguments: tuple[str, ...], expected: int) -> None:
    (place / "work").rmdir()
    code, _, error = dltui(*arguments)
    assert "internal error" not in error
    assert code == expected
    assert error.count("\n") == (expected != 0)


def test_a_framework_that_is_not_installed(dltui: Run, place: Path) -> None:
    plugin = place / "other.py"
    source = FAKE.read_text()
    plugin.write_text(
        source.replace('"numpy"', '"nosuchframework"').replace("-numpy", "-nosuch").replace("pip install numpy", "buy")
    )
    code, out, error = dltui("train", "softmax-nosuch", "--plugin", str(plugin), "--dataset", "blobs")
    assert (code, out) == (2, "")
    assert error.count("\n") == 1
    assert "buy" in error
    assert nothing_left(place)


HOSTILE = {
    "raises": "raise RuntimeError('first line\\nsecond \\x1b[31m')",
    "exits": "import sys; sys.exit(3)",
    "exits_hard": "import os; os._exit(4)",
    "hangs": "import time; time.sleep(1000)",
    "syntax": "def (",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_broken_plugin_is_listed_with_its_reason_and_the_others_work(dltui: Run, place: Path, kind: str) -> None:
    broken = place / f"{kind}.py"
    broken.write_text(HOSTILE[kind])
    code, out, error = dltui("plugins", "list", "--json", "--plugin", str(broken), "--plugin", str(FAKE))
    assert code == 0, error
    found = {Path(entry["from"]).name: entry for entry in json.loads(out) if entry["from"].endswith(".py")}
    (problem,) = found[broken.name]["problems"]
    assert problem
    assert "\n" not in problem
    assert "\x1b" not in problem
    assert found[FAKE.name]["problems"] == []
    assert "softmax-numpy" in found[FAKE.name]["models"]


def mnist_like(folder: Path, train: int = 200, test: int = 50) -> None:
    """Files with the right names whose content is that of no known dataset."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, count in (("train", train), ("t10k", test)):
        images = b"\x00\x00\x08\x03" + count.to_bytes(4, "big") + (28).to_bytes(4, "big") * 2 + bytes(count * 784)
        labels = b"\x00\x00\x08\x01" + count.to_bytes(4, "big") + bytes(count)
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))


@pytest.mark.parametrize("damage", ["another dataset", "truncated", "garbage", "missing"])
def test_bad_data_files(dltui: Run, place: Path, damage: str) -> None:
    data = place / "data"
    mnist_like(data)
    images = data / "train-images-idx3-ubyte.gz"
    if damage == "truncated":
        images.write_bytes(images.read_bytes()[:50])
    elif damage == "garbage":
        images.write_bytes(os.urandom(1000))
    elif damage == "missing":
        images.unlink()
    code, out, error = dltui(*TRAIN, "--dataset", "fashion-mnist", "--data-dir", str(data), "--name", "r")
    assert code in (1, 2)
    assert error.startswith("dltui: ")
    assert error.count("\n") == 1
    assert str(data) in error
    assert "Traceback" not in out + error
    # A run that failed stays with its reason; wrong use leaves nothing.
    assert runs_of(place) == ([] if code == 2 else ["r"])
    assert not (place / "work" / "exports" / "r").exists() or not any((place / "work" / "exports" / "r").iterdir())


def test_plugins_are_listed_as_all_else_is(dltui: Run) -> None:
    listed = dltui("plugins", "list", "--plugin", str(FAKE))
    assert listed[0] == 0
    assert "softmax-numpy" in listed[1]
    assert dltui("plugins", "--plugin", str(FAKE)) == listed
    assert json.loads(dltui("plugins", "--json")[1]) == json.loads(dltui("plugins", "list", "--json")[1])


def test_a_list_without_runs(dltui: Run) -> None:
    assert dltui("runs", "--json") == (0, "[]\n", "")
    code, out, _ = dltui("runs")
    assert code == 0
    assert "dltui demo" in out


@pytest.mark.parametrize("command", [("models",), ("datasets",), ("devices",), ("plugins", "list"), ("runs",)])
def test_lists_are_one_json_array_of_objects(dltui: Run, command: tuple[str, ...]) -> None:
    code, out, _ = dltui(*command, "--json")
    assert code == 0
    assert out.count("\n") == 1
    assert all(isinstance(entry, dict) for entry in json.loads(out))


def test_help_of_a_model_has_a_flag_for_every_hyperparameter(dltui: Run) -> None:
    code, out, _ = dltui("train", "softmax-numpy", "--plugin", str(FAKE), "--help")
    assert code == 0
    words = " ".join(out.split())
    for part in ("--epochs N", "--lr X", "--batch-size N", "--step-seconds X", "--deterministic / --no-deterministic"):
        assert part in words
    assert "passes over the training data [1 <= N <= 10000 epochs; default 3]" in words
    assert "--dry-run" in words


def test_help_without_a_model_lists_the_models(dltui: Run) -> None:
    code, out, _ = dltui("train", "--help", "--plugin", str(FAKE))
    assert code == 0
    assert "softmax-numpy" in out
    assert "cnn-torch" in out


def test_what_is_deleted_where_nobody_can_be_asked_is_named_in_full(dltui: Run, place: Path) -> None:
    from tests.helpers.sample_run import make_sample_run

    for name in ("mine-1", "mine-2"):
        make_sample_run(place / "home" / "runs", run_id=name)
    code, out, error = dltui("rm", "mine-1", "mine-")
    assert (code, out) == (2, "")
    shutil.rmtree(place / "home" / "runs" / "mine-2")
    code, out, error = dltui("rm", "min")
    assert (code, out) == (2, "")
    assert error == "dltui: cannot ask here: delete mine-1 for good? Give the whole name, or --yes\n"
    assert runs_of(place) == ["mine-1"]
    assert dltui("rm", "min", "--yes")[:2] == (0, "mine-1 deleted\n")
    code, _, error = dltui("prune", "--older-than", "nan", "--dry-run")
    assert (code, error) == (2, "dltui: --older-than takes a number of days, not nan\n")


def test_the_name_of_a_run_of_another_host_is_whole_or_it_is_not(place: Path) -> None:
    from dltui.tui.cli.follow.sending import is_named
    from tests.helpers.sample_run import make_sample_run

    run = make_sample_run(place / "mirrors", run_id="gpu02:brisk-otter", epochs=1, image=False)
    run.set_labels(name="baseline")
    named = [text for text in ("gpu02:", "gpu02:brisk", "gpu02:base", "brisk-otter") if is_named(run, text)]
    assert named == []
    assert is_named(run, "gpu02:brisk-otter")
    assert is_named(run, "gpu02:baseline")
    assert is_named(run, str(run.path))


def test_rm_deletes_a_run_but_not_a_foreign_folder(dltui: Run, place: Path) -> None:
    from tests.helpers.sample_run import make_sample_run

    make_sample_run(place / "home" / "runs", run_id="mine")
    foreign = make_sample_run(place / "elsewhere", run_id="theirs")
    code, _, error = dltui("rm", str(foreign.path))
    assert code == 2
    assert str(foreign.path) in error
    assert foreign.run_json.exists()
    assert dltui("rm", "mine")[:2] == (0, "mine deleted\n")
    assert runs_of(place) == []
    shutil.rmtree(foreign.path)
