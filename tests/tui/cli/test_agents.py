"""The tools of `dltui mcp` in this process: what they read of runs, and that each change is refused in a line."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from dltui.core.catalog.models.families import FamilyEntry
from dltui.core.errors import DltuiError, UsageError
from dltui.core.lifecycle.launch import launching
from dltui.core.reading.status import Status
from dltui.core.rundir import launch
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.launch import LaunchRecord
from dltui.tui.cli import main
from dltui.tui.cli.agents import control, reading
from dltui.tui.cli.commands import mcp
from dltui.tui.cli.follow import sending
from tests.helpers.known_catalog import Fill
from tests.helpers.sample_run import make_sample_run
from tests.tui.sample_catalog import make_catalog

FAKE = Path(__file__).parents[2] / "fakes" / "fake_plugin.py"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    for name in ("one", "two"):
        make_sample_run(tmp_path / "runs", run_id=name, epochs=3, image=False)
    return tmp_path


def test_reading(home: Path) -> None:
    listed = reading.list_runs(most=1)
    assert (len(listed["runs"]), listed["total"]) == (1, 2)
    assert reading.list_runs(status="failed")["runs"] == []
    found = reading.read_run("one")
    assert (found["id"], found["status"], found["epoch"]) == ("one", "finished", 3)
    assert found["config"]
    assert found["dataset_found"]["sizes"]
    metrics = reading.read_metrics("one", last=2)
    assert [row["epoch"] for row in metrics["metrics"]] == [2, 3]
    assert set(metrics["metrics"][0]["validation"]) >= {"loss", "accuracy"}
    assert reading.read_log("one", last=1)["lines"]
    assert reading.wait_for("one", timeout="1s")["reason"] == "ended"
    assert reading.wait_for("one", until="epoch>=2", timeout="1s")["reason"] == "condition"
    compared = reading.compare_runs(["one", "two"])
    assert [run["id"] for run in compared["runs"]] == ["one", "two"]
    assert all(json.dumps(value) for value in (listed, found, metrics, compared))


def test_wrong_use_is_an_error_of_one_line(home: Path) -> None:
    with pytest.raises(DltuiError, match='no run "none"'):
        reading.read_run("none")
    with pytest.raises(UsageError, match="two runs or more are compared, got 1"):
        reading.compare_runs(["one"])
    with pytest.raises(UsageError, match="one is finished: nothing to pause"):
        control.pause_run("me", "one")


def test_without_the_package_it_is_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main.run(["mcp"]) == 2
    assert capsys.readouterr().err == f"dltui: {mcp.MISSING}\n"


@pytest.mark.skipif(importlib.util.find_spec("mcp") is None, reason="needs the extra mcp")
async def test_each_change_is_refused_without_permission(home: Path) -> None:
    from mcp import Client

    from dltui.tui.cli.agents.server import REFUSED, make_server

    async with Client(make_server(allow_control=False)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {tool.__name__ for tool in (*reading.TOOLS, *control.TOOLS)}
        for tool in control.TOOLS:
            named = tools[tool.__name__]
            assert not {"by", "plugins", "context"} & set(named.input_schema["properties"])
            given = {"run": "one", "model": "m", "lr": 0.1}
            wanted = {name: given[name] for name in named.input_schema.get("required", ())}
            found = await client.call_tool(tool.__name__, wanted)
            assert found.is_error
            assert str(getattr(found.content[0], "text", "")).endswith(REFUSED)
        found = await client.call_tool("read_run", {"run": "one"})
        assert found.structured_content is not None
        assert found.structured_content["id"] == "one"
        found = await client.call_tool("read_run", {"run": "none"})
        assert "\n" not in str(getattr(found.content[0], "text", ""))


def test_a_paused_run_takes_no_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = SimpleNamespace(directory=SimpleNamespace(id="r"), status=lambda: Status("paused"))
    monkeypatch.setattr(control, "open_run", lambda text: reader)
    with pytest.raises(UsageError, match=r"^r is paused: epochs can be added when it has ended$"):
        control.resume_run("an agent", "r", more_epochs=3)


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run that waits in the queue of its launcher, which answers at once: the job is still there."""
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    run = RunDirectory.create("job", {"created": time.time(), "config": {}})
    launch.write(run.path, LaunchRecord("slurm", {}, time=time.time(), job={"id": "7"}))
    monkeypatch.setattr(launching, "_process", lambda run, action, **more: tell(run, "waiting"))
    return run


def tell(run: RunDirectory, state: str) -> SimpleNamespace:
    record = launch.read(run.path)
    assert record is not None
    launch.write(run.path, replace(record, state=state, asked=time.time()))
    return SimpleNamespace(wait=lambda seconds: 0, poll=lambda: 0)


def test_the_launcher_is_asked_about_what_tells_nothing_of_itself(
    job: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reading.list_runs()["runs"][0]["status"] == "queued"
    for read in (lambda: reading.read_run("job"), lambda: reading.list_runs()["runs"][0]):
        tell(job, "waiting")
        record = launch.read(job.path)
        assert record is not None
        launch.write(job.path, replace(record, asked=1.0))
        monkeypatch.setattr(launching, "_process", lambda run, action, **more: tell(run, "gone"))
        assert read()["status"] == "interrupted"


@pytest.mark.timeout(30)
def test_a_run_that_has_not_begun_is_taken_out_of_its_queue(job: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def end(run: RunDirectory, action: str) -> None:
        asked.append(action)
        record = launch.read(run.path)
        assert record is not None
        launch.write(run.path, replace(record, withdrawn=True))

    monkeypatch.setattr(launching, "_ask", end)
    done = control.stop_run("an agent", "job")
    assert (asked, done["run"], done["action"], done["by"]) == (["kill"], "job", "stop", "an agent")
    assert reading.read_run("job")["why"] == "ended by an agent before it began"


@pytest.fixture
def paused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run that lives and obeys nothing."""
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    make_sample_run(tmp_path / "runs", run_id="p", status="paused", epochs=3, done=1, image=False)
    catalog = make_catalog()
    monkeypatch.setattr("dltui.core.lifecycle.trust.catalog", lambda run: catalog)
    return "p"


@pytest.mark.timeout(30)
def test_a_worker_that_does_not_answer_is_not_waited_for_for_ever(paused: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "ANSWER_SECONDS", 0.2)
    with pytest.raises(DltuiError, match="p did not answer in 0 s to checkpoint: it is obeyed when the run goes on"):
        control.save_checkpoint("me", paused)


def test_a_device_that_was_not_given_back_is_an_error(paused: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "order", lambda reader, action, arguments, by, seconds: {"action": action})
    monkeypatch.setattr(sending, "RELEASE_SECONDS", 0.1)
    with pytest.raises(DltuiError, match=r"^p is "):
        control.pause_run("me", paused, release=True)


@pytest.mark.parametrize(
    ("lr", "at_step", "line"),
    [
        (0.01, 10**9, "the step must be at least 0 and below 120, got 1000000000"),
        (0.01, -2, "the step must be at least 0 and below 120, got -2"),
        (11.0, -1, "lr must be greater than 0 and at most 1, got 11"),
        (2.0, -1, "lr must be greater than 0 and at most 1, got 2"),
    ],
)
def test_a_learning_rate_is_checked_before_it_is_sent(
    paused: str, monkeypatch: pytest.MonkeyPatch, lr: float, at_step: int, line: str
) -> None:
    catalog = make_catalog()
    model = catalog.models["cnn-torch"]
    fields = tuple(replace(field, maximum=1) if field.name == "lr" else field for field in model.fields)
    catalog.models[model.id] = replace(model, fields=fields)
    monkeypatch.setattr("dltui.core.lifecycle.trust.catalog", lambda run: catalog)
    monkeypatch.setattr(control, "order", lambda *given: pytest.fail("it was sent"))
    with pytest.raises(UsageError, match=f"^{line}$"):
        control.set_learning_rate("me", paused, lr, at_step)


def test_epochs_are_not_taken_away(home: Path) -> None:
    with pytest.raises(UsageError, match=r"^more_epochs must be at least 0, got -3$"):
        control.resume_run("me", "one", more_epochs=-3)


def test_a_goal_beyond_an_accuracy_is_an_error(home: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 90%"):
        reading.compare_runs(["one", "two"], goal=90)


def test_families_and_broken_plugins_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = make_catalog()
    catalog.families["toy"] = FamilyEntry("toy", replace(catalog.models["cnn-torch"], id="toy:", also=("multilabel",)))
    catalog.problems.append(("mine.py", "not today"))
    monkeypatch.setattr("dltui.core.catalog.assemble.load_catalog", lambda plugins: catalog)
    found = reading.list_models()
    assert found["models"][-1]["id"] == "toy:NAME"
    assert found["models"][-1]["tasks"] == ["classification", "multilabel"]
    assert found["problems"] == reading.list_datasets()["problems"] == ["plugin mine.py: not today"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know_catalog: Fill) -> Path:
    """A folder in which runs are created and none is trained."""
    know_catalog(tmp_path / "home")
    for name in [name for name in os.environ if name.startswith("DLTUI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dltui.core.lifecycle.start.spawn_worker", lambda run: 0)
    return tmp_path


def test_a_run_is_started_as_the_user_has_set_it(place: Path) -> None:
    (place / "dltui.toml").write_text(
        '[train]\ndevice = "cpu"\nexports = "out"\nlr = 0.25\nepochs = 9\nformat = "png"\n'
    )
    given = {"config": {"epochs": 2}, "data": {"validation": 0.2}, "plugins": (str(FAKE),)}
    done = control.start_run("me", "softmax-numpy", "blobs", name="one", **given)
    asked = RunDirectory(Path(done["path"])).run()
    assert (asked["config"]["epochs"], asked["config"]["lr"]) == (2, 0.25)
    assert (asked["device"]["name"], asked["formats"], asked["dataset_options"]["validation"]) == ("cpu", ["png"], 0.2)
    assert done["exports"] == str(place / "out" / "one")
    assert done["presets"] == ["dltui.toml [train]: device cpu, exports out, lr 0.25, format png"]
    words = " ".join(done["command"])
    assert words.startswith(
        f"dltui train softmax-numpy --dataset blobs --plugin {FAKE} --epochs 2 --data validation=0.2"
    )
    assert "--device cpu" in words
    assert asked["command"] == done["command"]
    other = control.start_run("me", "softmax-numpy", "blobs", device="auto", name="two", **given)
    assert [word for word in other["command"] if word in ("cpu", "auto")] == ["auto"]


def test_without_settings_the_command_has_the_place_of_the_figures(place: Path) -> None:
    done = control.start_run("me", "softmax-numpy", "blobs", plugins=(str(FAKE),))
    assert done["command"][-2:] == ["--plugin", str(FAKE)]
    assert done["command"][done["command"].index("--exports") + 1] == "exports"
    assert (done["presets"], done["problems"]) == ([], [])


def test_a_name_that_another_plugin_took_is_refused(place: Path) -> None:
    shutil.copy(FAKE, place / "mine.py")
    with pytest.raises(UsageError, match=r"mine\.py: model softmax-numpy is left out: .*; give it another name$"):
        control.start_run("me", "softmax-numpy", "blobs", plugins=(str(FAKE), str(place / "mine.py")))
