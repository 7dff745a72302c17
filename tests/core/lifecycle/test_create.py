"""A request becomes a run, or one line and nothing on disk."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dltui.core import paths
from dltui.core.catalog import framework_devices
from dltui.core.catalog.assemble import load_catalog
from dltui.core.catalog.entries import Catalog
from dltui.core.catalog.fields import FieldSpec
from dltui.core.errors import RunError, UsageError
from dltui.core.lifecycle import create, start
from dltui.core.lifecycle.create import Fill, RunRequest, check_request, create_run
from dltui.core.lifecycle.launch import placing
from dltui.core.lifecycle.resume import on_device
from dltui.core.lifecycle.start import spawn_worker, worker_command
from dltui.core.machine import devices
from dltui.core.machine.devices import Device
from dltui.core.rundir.directory import RunDirectory
from tests.helpers.installations import MODEL

FAKE = Path(__file__).parents[2] / "fakes" / "fake_plugin.py"

STRICT = MODEL.replace("import Model", "import Field, Model").replace(
    "    pass",
    """    pairs: int = Field(2, description="must be even")

    from pydantic import field_validator
    @field_validator("pairs")
    @classmethod
    def even(cls, value):
        if value % 2:
            raise ValueError(f"pairs must be even, got {{value}}")
        return value""",
)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    folder = tmp_path_factory.mktemp("catalog")
    (folder / "strict.py").write_text(STRICT.format(id="strict-numpy", framework="numpy"))
    (folder / "lost.py").write_text(MODEL.format(id="cnn-lost", framework="lost"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLTUI_HOME", str(folder / "home"))
        return load_catalog([FAKE, folder / "strict.py", folder / "lost.py"])


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory; the home does not exist yet."""
    for name in ("DLTUI_CACHE", "DLTUI_CONFIG", "DLTUI_DATA", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def request(**changes: Any) -> RunRequest:
    return replace(RunRequest("softmax-numpy", "blobs", device="cpu"), **changes)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_run_json_says_all(catalog: Catalog, place: Path) -> None:
    asked = request(
        config={"lr": 0.5, "seed": 7},
        dataset_options={"n": 100},
        name="my-run",
        exports="figures",
        formats=("svg", "png", "svg"),
        plugins=[FAKE],
        command=("dltui", "train"),
        group="seeds",
    )
    run = create_run(asked, catalog)
    record = json.loads(run.run_json.read_text())
    assert run.path == place / "home" / "runs" / "my-run"
    assert record["format"] == 1
    assert record["id"] == record["name"] == "my-run"
    assert (record["model"], record["model_name"], record["framework"]) == ("softmax-numpy", "softmax", "numpy")
    assert (record["task"], record["dataset"], record["seed"]) == ("classification", "blobs", 7)
    assert record["config"]["lr"] == 0.5
    assert record["config"]["momentum"] == record["defaults"]["momentum"] == 0.9
    assert record["defaults"]["lr"] == 0.1
    assert record["dataset_options"] == {
        "validation": 0.1,
        "split_seed": 0,
        "drop": "",
        "n": 100,
        "noise": 60.0,
        "seed": 0,
    }
    assert record["device"]["name"] == "cpu"
    assert record["exports"] == str(place / "work" / "figures" / "my-run")
    assert (record["formats"], record["command"]) == (["svg", "png"], ["dltui", "train"])
    assert record["plugins"] == [str(FAKE)]
    assert record["model_source"]["path"] == record["backend_source"]["path"] == str(FAKE)
    assert record["dataset_source"]["python"] == record["python"] == sys.executable
    assert all(Path(folder).is_absolute() for folder in record["data_dirs"])
    assert record["cwd"] == str(place / "work")
    assert abs(record["created"] - time.time()) < 60
    assert (record["parent"], record["group"], record["dry_run"]) == (None, "seeds", False)
    assert not (place / "work" / "figures").exists()
    assert run.run_json.stat().st_mode & 0o077 == 0


def test_a_name_is_made_up_and_made_unique(catalog: Catalog, place: Path) -> None:
    assert create_run(request(), catalog).id != create_run(request(), catalog).id
    assert [create_run(request(name="same"), catalog).id for _ in range(3)] == ["same", "same-2", "same-3"]
    # Figures of a deleted run are not overwritten.
    (place / "work" / "exports" / "kept").mkdir(parents=True)
    assert create_run(request(name="kept"), catalog).id == "kept-2"
    longest = "x" * 64
    assert [len(create_run(request(name=longest), catalog).id) for _ in range(2)] == [64, 64]


def test_a_name_taken_at_the_same_moment(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = RunDirectory.create.__func__, []  # type: ignore[attr-defined]

    def late(cls: type[RunDirectory], run_id: str, run: dict[str, Any], fill: Fill) -> RunDirectory:
        calls.append(run_id)
        if len(calls) == 1:
            real(cls, run_id, run)
        return real(cls, run_id, run, fill)  # type: ignore[no-any-return]

    monkeypatch.setattr(RunDirectory, "create", classmethod(late))
    assert create_run(request(name="race"), catalog).id == "race-2"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "model": ({"model": "softmx-numpy"}, r'no model "softmx-numpy"; did you mean softmax-numpy'),
    "framework": ({"model": "cnn-lost"}, r'cnn-lost cannot be trained here: no plugin brings the framework "lost"'),
    "dataset": ({"dataset": "blob"}, r'no dataset "blob"; did you mean blobs\?'),
    "task": ({"dataset": "slope"}, r"dataset slope is for regression, model softmax-numpy does classification; for"),
    "labels": (
        {"dataset": "csv:tags.csv", "dataset_options": {"labels": "tags"}},
        "^with labels this data is for multilabel, model softmax-numpy does classification$",
    ),
    "monitor": (
        {"config": {"monitor": "validation.acuracy"}},
        r"monitor validation.acuracy: no such metric; did",
    ),
    "monitor of few classes": ({"config": {"monitor": "top5_accuracy"}}, "needs more than 5 classes, the data has 3"),
    "lr": ({"config": {"lr": -1}}, r"^lr must be greater than 0 and at most 10, got -1$"),
    "nan": ({"config": {"lr": float("nan")}}, r"^lr must be greater than 0 and at most 10, got nan$"),
    "epochs": ({"config": {"epochs": 0}}, r"^epochs must be a whole number from 1 to 10000, got 0$"),
    "type": ({"config": {"lr": "abc"}}, r"^lr must be .*, got 'abc'$"),
    "hyperparameter": ({"config": {"momentun": 1}}, r"model softmax-numpy has no option 'momentun'; did you mean mom"),
    "option": (
        {"dataset_options": {"m": 1}},
        r"dataset blobs has no option 'm'; it has validation, split_seed, drop, n",
    ),
    "option value": ({"dataset_options": {"n": 1}}, r"^n must be a whole number from 20 to 100000, got 1$"),
    "validator": ({"model": "strict-numpy", "config": {"pairs": 3}}, r"^pairs must be even, got 3$"),
    "device": ({"device": "cuda:7"}, r'no device "cuda:7"; this machine has .*cpu$'),
    "format": ({"formats": ("svg", "gif")}, r"no format 'gif'; there is svg, png, pdf"),
    "no format": ({"formats": ()}, r"a format is missing"),
    "data dir": ({"data_dir": "nowhere"}, r"no data folder nowhere"),
    "data dir too long": ({"data_dir": "x" * 300}, r"^cannot look at x{300}: file name too long; choose an"),
    "data dir with NUL": ({"data_dir": "a\0b"}, r"no data folder a\\x00b"),
    "exports is a file": ({"exports": "file/below"}, r"cannot write figures to .*/file/below: .*/file is a file$"),
    "exports in proc": ({"exports": "/proc/1/figures"}, r"cannot write figures to /proc/1/figures: "),
    "exports with NUL": ({"exports": "a\0b"}, r"cannot write figures to .*a\\x00b: embedded null byte"),
    **{
        f"name {name!r}": ({"name": name}, r"run name")
        for name in ("../x", "/abs", "", ".", "a/b", "a\0b", "x" * 256, "a\nb", "-a", ".a", "\ud800", "é")
    },
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_one_line_and_leaves_nothing(catalog: Catalog, place: Path, case: str) -> None:
    changes, words = WRONG[case]
    (place / "work" / "file").write_text("")
    before = files(place)
    with pytest.raises(UsageError, match=words) as caught:
        create_run(request(**changes), catalog)
    assert files(place) == before
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


NESTEROV = FieldSpec("nesterov", "bool", True)
WEIGHTS = FieldSpec("class_weights", "str", "")
MIRROR = FieldSpec("mirror_test", "bool", False)


def with_fields(catalog: Catalog, *fields: FieldSpec) -> Catalog:
    """The catalog whose first model has hyperparameters beyond those of its backend."""
    model = catalog.model("softmax-numpy")
    return replace(catalog, models={**catalog.models, model.id: replace(model, fields=(*model.fields, *fields))})


FORK = {"optimizer": "sgd", "momentum": 0.0, "nesterov": True, "epochs": 3}


@pytest.mark.parametrize(
    ("changes", "nesterov"),
    [
        ({"config": {}}, True),
        ({"config": {"momentum": 0.0}}, False),
        # Without what a fork changes, its request has all of its parent's values.
        ({"config": FORK, "fork": {"changes": {"momentum": 0.0}}}, False),
    ],
)
def test_a_default_that_does_not_go_with_the_optimizer_is_off(
    catalog: Catalog, changes: dict[str, Any], nesterov: bool
) -> None:
    checked = check_request(request(**changes), with_fields(catalog, NESTEROV))
    assert checked.fields["config"]["nesterov"] is nesterov


@pytest.mark.parametrize(
    ("fields", "changes", "words"),
    [
        (NESTEROV, {"config": {"momentum": 0.0, "nesterov": True}}, "^nesterov needs optimizer sgd with a momentum; t"),
        (
            NESTEROV,
            {"config": FORK, "fork": {"changes": {"momentum": 0.0, "nesterov": True}}},
            "^nesterov needs optimizer sgd with a momentum; take --no-nesterov",
        ),
        (
            replace(NESTEROV, default=False),
            {"config": FORK, "fork": {"changes": {"momentum": 0.0}}},
            "^nesterov needs optimizer sgd with a momentum; take --no-nesterov",
        ),
        (WEIGHTS, {"config": {"class_weights": "1,2"}}, "^class_weights has 2 numbers, the dataset has 3 classes; "),
        (WEIGHTS, {"config": {"class_weights": "1e308,1,1"}}, "^class_weights takes numbers up to 1,000,000, not 1e"),
        (MIRROR, {"config": {"test": False, "mirror_test": True}}, "^mirror_test is a part of the test, which --no-te"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    catalog: Catalog, fields: FieldSpec, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        check_request(request(**changes), with_fields(catalog, fields))


def test_a_trial_leaves_the_mirrored_test_to_the_winner(catalog: Catalog) -> None:
    asked = request(config={"test": False, "mirror_test": True}, sweep={"trial": 0})
    assert check_request(asked, with_fields(catalog, MIRROR)).fields["config"]["mirror_test"] is True


def test_the_number_of_class_weights_is_checked_with_the_users_own_data(catalog: Catalog, place: Path) -> None:
    rows = "".join(f"{number},{number % 3}\n" for number in range(60))
    (place / "work" / "own.csv").write_text(f"x,target\n{rows}")
    asked = request(dataset="csv:own.csv", config={"class_weights": "1,2"})
    with pytest.raises(UsageError, match=r"^class_weights has 2 numbers, the dataset has 3 classes; give one a class"):
        create_run(asked, with_fields(catalog, WEIGHTS))
    assert not [*(place / "home" / "runs").glob("*")]


def test_a_home_that_cannot_be_written(catalog: Catalog, place: Path) -> None:
    (place / "home").write_text("a file")
    before = files(place)
    with pytest.raises(UsageError, match=r"cannot write to .*home.*: .*; set DLTUI_HOME"):
        create_run(request(), catalog)
    assert files(place) == before


def test_trying_a_deep_exports_folder_leaves_nothing(catalog: Catalog, place: Path) -> None:
    """The trial of a deep folder leaves none of it behind, and nothing that was there before goes."""
    (place / "work" / "a").mkdir()
    create_run(request(exports="a/b/c"), catalog)
    assert files(place / "work") == ["a"]


def test_commands_at_the_same_moment_leave_each_other_their_exports(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each makes the folder to try it, and removes it again."""
    unlink, touch, mkdir = Path.unlink, Path.touch, Path.mkdir
    tries: list[str] = []

    def unlink_and_use(path: Path) -> None:
        unlink(path)
        touch(path.parent / "another")

    def touch_what_is_gone(path: Path, **more: Any) -> None:
        tries.append(path.name)
        if len(tries) == 1:
            raise FileNotFoundError(2, "No such file or directory", str(path))
        touch(path, **more)

    def make_what_is_there(path: Path) -> None:
        mkdir(path)
        raise FileExistsError(17, "File exists", str(path))

    for name, other in (("touch", touch_what_is_gone), ("mkdir", make_what_is_there), ("unlink", unlink_and_use)):
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(Path, name, other)
            assert create._writable(f"by-{name}") == place / "work" / f"by-{name}"
    assert len({*tries}) == 2, "processes of several machines may have the same number"
    assert files(place / "work") == ["by-mkdir", "by-unlink", "by-unlink/another"]


def test_a_worker_starts_where_there_is_no_home_yet(place: Path) -> None:
    """As where a receipt is verified by a user who has no runs."""
    assert not paths.home().exists()
    with (place / "log").open("wb") as log:
        worker = start.new_process([sys.executable, "-c", ""], dict(os.environ), log.fileno())
    assert worker.wait(60) == 0
    assert paths.home().is_dir()


def test_a_folder_without_the_files_of_the_dataset(catalog: Catalog, place: Path) -> None:
    (place / "work" / "data").mkdir()
    changed = Catalog(**vars(catalog))
    changed.datasets = {"blobs": replace(catalog.datasets["blobs"], files=("blobs.gz",))}
    # The fake's own answer is that it needs no files.
    assert create_run(request(data_dir="data"), changed).run()["data_dir"] == str(place / "work" / "data")
    assert create_run(request(data_dir="data"), catalog).run()["data_dirs"][0] == str(place / "work" / "data" / "blobs")


def test_augmentation_without_images(catalog: Catalog, place: Path) -> None:
    changed = Catalog(**vars(catalog))
    changed.datasets = {"blobs": replace(catalog.datasets["blobs"], input_shape=(5,))}
    with pytest.raises(UsageError, match=r"^augment shift needs images, dataset blobs has none"):
        create_run(request(config={"augment": "shift"}), changed)
    assert create_run(request(config={"augment": "shift"}), catalog).run()["config"]["augment"] == "shift"


@pytest.mark.long
def test_a_model_for_images_without_images(catalog: Catalog, place: Path) -> None:
    """Known from the dataset's shape, or where that is not told from the prepared data; nothing is left."""
    changed = Catalog(**vars(catalog))
    changed.models = {"softmax-numpy": replace(catalog.models["softmax-numpy"], needs_images=True)}
    assert create_run(request(), changed).run()["dataset"] == "blobs"
    changed.datasets = {"blobs": replace(catalog.datasets["blobs"], input_shape=(5,))}
    wanted = r"^model softmax-numpy needs images, dataset blobs has none; choose another model$"
    with pytest.raises(UsageError, match=wanted):
        create_run(request(), changed)
    table = place / "work" / "table.csv"
    table.write_text("a,b,kind\n" + "".join(f"{n},{n % 3},{'xy'[n % 2]}\n" for n in range(40)))
    before = len(list(paths.runs_dir().iterdir()))
    changed.datasets = dict(catalog.datasets)
    with pytest.raises(UsageError, match=r"^model softmax-numpy needs images, dataset csv:table.csv has none;"):
        create_run(request(dataset=f"csv:{table}"), changed)
    assert len(list(paths.runs_dir().iterdir())) == before


def test_a_validator_that_is_content(catalog: Catalog) -> None:
    run = create_run(request(model="strict-numpy", config={"pairs": 4}), catalog)
    assert run.run()["config"]["pairs"] == 4


def test_the_workers_environment(catalog: Catalog, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = Device("cuda:1", "GPU", "GPU-abc")
    monkeypatch.setattr(placing, "resolve", lambda *_: gpu)
    monkeypatch.setenv("DLTUI_HOME", "../home")
    run = create_run(request(device="cuda:1"), catalog)
    command, environment = worker_command(run)
    assert command == [sys.executable, "-P", "-m", "dltui.core.worker.worker_process", str(run.path)]
    assert environment["CUDA_VISIBLE_DEVICES"] == "GPU-abc"
    assert environment["DLTUI_HOME"] == str(place / "home")
    assert environment["DLTUI_CACHE"] == str(place / "home" / "cache")
    assert "PATH" in environment
    assert run.run()["device"] == {"name": "cuda:1", "title": "GPU", "uuid": "GPU-abc", "asked": "cuda:1"}


def test_a_run_goes_on_by_the_gpu_that_has_its_name_today(
    catalog: Catalog, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another machine, as after the loss of a spot instance, the UUID of its GPU is that of none."""
    monkeypatch.setattr(placing, "resolve", lambda *_: Device("cuda:0", "GPU", "GPU-old"))
    run = create_run(request(device="auto"), catalog)
    today = Device("cuda:0", "GPU", "GPU-new")
    monkeypatch.setattr(start, "list_devices", lambda: [today])
    monkeypatch.setattr(start, "resolve", lambda word: {"cuda:0": today}[word])
    command, environment = worker_command(run)
    assert environment["CUDA_VISIBLE_DEVICES"] == "GPU-new"
    assert json.loads(command[command.index("--instead") + 1])["device"] == today.record("auto")


def test_a_worker_leaves_this_terminal(catalog: Catalog, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own session, no descriptor of ours, the home as working directory, all that it prints in worker.log."""
    run = create_run(request(), catalog)
    code = (
        "import os, sys; print(os.getsid(0) == os.getpid(), os.getcwd(), [os.readlink(f'/proc/self/fd/{n}') for n in "
        "range(3)], sorted(os.listdir('/proc/self/fd'))[:-1]); print('to stderr', file=sys.stderr)"
    )
    monkeypatch.setattr(start, "worker_command", lambda *_: ([sys.executable, "-u", "-c", code], dict(os.environ)))
    held = os.open(place, os.O_RDONLY)
    os.set_inheritable(held, True)
    run.worker_log.write_text("before\n")
    pid = spawn_worker(run)
    assert start._WORKERS[0].pid == pid
    assert start._WORKERS[0].wait(10) == 0
    os.close(held)
    log = str(run.worker_log)
    lines = run.worker_log.read_text().splitlines()
    assert lines[0] == "before"
    assert lines[1] == f"True {paths.home()} {['/dev/null', log, log]} {['0', '1', '2']}"
    assert lines[2] == "to stderr"


def test_a_python_that_is_gone(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    run = create_run(request(), catalog)
    monkeypatch.setattr(start, "worker_command", lambda *_: (["/nowhere/python"], {}))
    with pytest.raises(RunError, match="cannot start the worker with /nowhere/python: No such file"):
        spawn_worker(run)


def test_workers_that_ended_are_no_zombies(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    run = create_run(request(), catalog)
    monkeypatch.setattr(start, "worker_command", lambda *_: ([sys.executable, "-c", ""], {}))
    first = spawn_worker(run)
    while os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT) is None:
        time.sleep(0.01)
    spawn_worker(run)
    with pytest.raises(ChildProcessError):
        os.waitpid(first, os.WNOHANG)
    start._WORKERS[0].wait()


def test_a_run_trains(catalog: Catalog, place: Path) -> None:
    """From a request to the end of the log, through a worker process."""
    from dltui.core.reading.reader import RunReader

    run = create_run(request(plugins=[FAKE]), catalog)
    spawn_worker(run)
    worker = start._WORKERS[0]
    worker.wait(120)
    reader = RunReader(run)
    reader.refresh()
    assert reader.history.ended is not None, run.worker_log.read_text()
    assert reader.history.ended.status == "finished", reader.history.ended
    assert reader.history.test is not None
    assert reader.history.test["metrics"]["accuracy"] > 0.8


def test_launching_imports_nothing_heavy() -> None:
    code = (
        "import sys, dltui.core.lifecycle.create; "
        "sys.exit(', '.join({'numpy', 'pydantic', 'pluggy'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_auto_is_resolved_when_the_run_is_made(catalog: Catalog) -> None:
    assert create_run(request(device="auto"), catalog).run()["device"]["name"] == framework_devices.resolve("auto").name


def test_auto_is_a_device_that_the_framework_can_use(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    mac = [Device("mps", "a GPU of Apple's"), Device("cpu", "a CPU")]
    monkeypatch.setattr(devices, "list_devices", lambda: mac)
    assert create_run(request(device="auto"), catalog).run()["device"]["name"] == "mps"
    changed = Catalog(**vars(catalog))
    changed.backends = {"numpy": replace(catalog.backends["numpy"], kinds=("cpu", "cuda"))}
    run = create_run(request(device="auto"), changed)
    assert run.run()["device"]["name"] == "cpu"
    told = r"^NumPy cannot train on mps; it can use cpu and cuda$"
    with pytest.raises(UsageError, match=told):
        create_run(request(device="mps"), changed)
    with pytest.raises(UsageError, match=told):
        on_device(run, "mps", changed)
    assert on_device(run, "auto", changed)["device"]["name"] == "cpu"
