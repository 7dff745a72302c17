"""`dltui resume` of runs that have not ended: what it says of a paused one, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dltui.core.analysis.trials import trial
from dltui.core.errors import RunError, UsageError
from dltui.core.reading.status import Status
from dltui.core.rundir import claim, launch
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.launch import LaunchRecord
from dltui.tui.cli.commands import resume
from dltui.tui.cli.launch import start
from tests.helpers.command import Run, runner
from tests.helpers.known_catalog import Fill
from tests.helpers.sample_run import make_sample_run


@pytest.fixture
def statuses() -> dict[str, str]:
    """The status of each run."""
    return {"r": "paused"}


@pytest.fixture
def dltui(
    tmp_path: Path,
    statuses: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    know_catalog: Fill,
) -> Run:
    know_catalog(tmp_path)
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    make_sample_run(tmp_path / "runs", run_id="r", epochs=2, done=1, status="interrupted", image=False)

    def opened(text: str) -> Any:
        run = RunDirectory(tmp_path / "runs" / Path(text).name)
        return SimpleNamespace(directory=run, status=lambda: Status(statuses[run.id]))

    monkeypatch.setattr(resume, "open_run", opened)
    monkeypatch.setattr(resume, "order", lambda *given: {"step": 40})
    monkeypatch.setattr(resume, "settle", lambda *given: None)

    return runner(capsys, "resume")


def test_a_paused_run_goes_on(dltui: Run, tmp_path: Path) -> None:
    assert dltui("r") == (0, "r goes on at step 40; watch it with: dltui attach r\n", "")
    code, out, err = dltui("r", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "type": "run", "id": "r", "path": str(tmp_path / "runs" / "r"), "exports": str(tmp_path / "exports" / "r"),
    }  # fmt: skip


CHANGES = {
    ("--device", "cpu"): "it changes its device when it has ended; dltui stop r first",
    ("--launcher", "local"): "it changes its launcher when it has ended; dltui stop r first",
    ("--plugin", "x.py"): "--plugin and --trust count when it has ended; dltui stop r first",
    ("--trust",): "--plugin and --trust count when it has ended; dltui stop r first",
    ("--more-epochs", "3"): "epochs can be added when it has ended; or stop it first",
}


@pytest.mark.parametrize("words", CHANGES)
@pytest.mark.parametrize("status", ["paused", "running"])
def test_what_goes_on_takes_no_changes(
    dltui: Run, statuses: dict[str, str], words: tuple[str, ...], status: str
) -> None:
    statuses["r"] = status
    assert dltui("r", *words) == (2, "", f"dltui: r is {status}: {CHANGES[words]}\n")


def test_nor_does_a_paused_run_of_a_series(dltui: Run, statuses: dict[str, str], tmp_path: Path) -> None:
    for name in ("lab-s1", "lab-s2"):
        run = make_sample_run(tmp_path / "runs", run_id=name, epochs=1, image=False)
        run.run_json.write_text(json.dumps({**json.loads(run.run_json.read_text()), "group": "lab"}))
    statuses |= {"lab-s1": "finished", "lab-s2": "paused"}
    code, out, err = dltui("lab", "--more-epochs", "3")
    line = "dltui: lab-s2 is paused: epochs can be added when it has ended; or stop it first\n"
    assert (code, out, err) == (2, "", line)


@pytest.mark.parametrize(
    ("step", "error", "code", "told"),
    [
        ("_checked", UsageError("it was refused"), 2, "dltui: it was refused\n"),
        ("_checked", KeyboardInterrupt(), 130, "\n"),
        ("begin", UsageError("it was refused"), 2, "dltui: it was refused\n"),
        ("wait_for_last", RunError("it was refused"), 1, "dltui: it was refused\n"),
    ],
)
def test_a_refusal_leaves_the_launcher_as_it_was(
    dltui: Run,
    statuses: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    error: BaseException,
    code: int,
    told: str,
) -> None:
    """Whether it is that of the run, that of the launcher, that of its last worker, or a Ctrl-C."""

    def refuse(*given: object) -> int:
        raise error

    statuses["r"] = "finished"
    monkeypatch.setattr(resume, "_checked", lambda *given: {})
    monkeypatch.setattr(trial, "pin_resumed", lambda reader: False)
    places: dict[str, object] = {"_checked": resume, "begin": start, "wait_for_last": claim}
    monkeypatch.setattr(places[step], step, refuse)
    path = tmp_path / "runs" / "r"
    assert dltui("r", "--launcher", "local") == (code, "", told)
    assert not launch.is_there(path)
    launch.write(path, LaunchRecord("slurm", {"gpus": 1}, time=5.0, job={"id": "7"}))
    before = launch.read(path)
    assert dltui("r", "--launcher", "local") == (code, "", told)
    assert launch.read(path) == before


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (UsageError("it is running"), 2)])
def test_a_launcher_that_has_begun_a_job_stays(
    dltui: Run,
    statuses: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
) -> None:
    """Ctrl-C may come between that and the first look at the run, or another command may have begun it."""
    path = tmp_path / "runs" / "r"
    begun = LaunchRecord("local", {}, time=9.0, job={"id": "8"})

    def begin(*given: object) -> int:
        launch.write(path, begun)
        raise error

    statuses["r"] = "finished"
    monkeypatch.setattr(resume, "_restart", begin)
    assert dltui("r", "--launcher", "local")[0] == code
    found = launch.read(path)
    assert found is not None
    assert found.job == begun.job
