"""Whatever a plugin does while it is loaded, it is one line in the list of problems and the good ones still load."""

import contextlib
import errno
import os
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from dltui.core.catalog import probe
from dltui.core.catalog.assemble import load_catalog
from dltui.core.errors import UsageError
from dltui.core.machine import sandbox
from tests.fakes import hostile
from tests.helpers.known_catalog import Fill
from tests.helpers.marks import few

SECONDS = 5.0


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def write(folder: Path, name: str, code: str) -> Path:
    path = folder / f"{name}.py"
    path.write_text(code, encoding="utf-8")
    return path


def _small_jobs(original):  # type: ignore[no-untyped-def]
    def init(self, *arguments, **options):  # type: ignore[no-untyped-def]
        original(self, *arguments, **{"memory": 400_000_000, **options})

    return init


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know_catalog: Fill) -> Path:
    know_catalog(tmp_path / "home")
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def is_probe(child: psutil.Process) -> bool:
    """False also for a process that has just ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return "probe" in " ".join(child.cmdline())
    return False


@pytest.mark.slow(20)
def test_they_are_contained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """One of each kind, with `--longest` all, at once, between two good ones: a line for each, and nothing is left."""
    names = hostile.HOSTILE if request.config.getoption("--longest") else hostile.KINDS
    harm = {name: hostile.HOSTILE[name] for name in names}
    # A third of the real limit: this machine may be small.
    monkeypatch.setattr(sandbox.Job, "__init__", _small_jobs(sandbox.Job.__init__))
    files = [write(tmp_path, "first", hostile.GOOD.format(name="first"))]
    files += [write(tmp_path, name, code) for name, (code, _) in harm.items()]
    files += [write(tmp_path, "last", hostile.GOOD.format(name="last"))]
    catalog = load_catalog(files, seconds=SECONDS)
    for name, (_, expected) in harm.items():
        reasons = [reason for source, reason in catalog.problems if source == f"{name}.py"]
        assert len(reasons) == 1, (name, reasons)
        assert expected in reasons[0], name
        assert reasons[0].isprintable(), name
        assert len(reasons[0]) < 400, name
    assert {"first", "last"} <= set(catalog.models)
    assert {"m", 7, "7"}.isdisjoint(catalog.models)
    assert not [reason for name, reason in catalog.problems if name in ("first.py", "last.py")]
    assert [child for child in psutil.Process().children(recursive=True) if is_probe(child)] == []
    assert not list(tmp_path.glob("core*"))
    assert not list(Path.cwd().glob("core.*"))


@pytest.fixture
def kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[str]]:
    """A plugins folder with two that fail, which has been looked at; and what is asked from then on."""
    folder = home / "plugins"
    folder.mkdir(parents=True)
    for name in ("hang", "segfault"):
        write(folder, name, hostile.HOSTILE[name][0])
    assert {"hang.py", "segfault.py"} <= {name for name, _ in load_catalog(seconds=SECONDS).problems}
    asked: list[str] = []

    def no_run(jobs: list[sandbox.Job], at_once: int) -> list[sandbox.Outcome]:
        asked.extend(str(job.command) for job in jobs)
        return [sandbox.Outcome(b"", "not tried", 0, False, "") for _ in jobs]

    monkeypatch.setattr(sandbox, "run_all", no_run)
    return folder, asked


def test_failures_are_kept_too(kept: tuple[Path, list[str]]) -> None:
    """A plugin that hangs costs its time once, not at every start."""
    _, asked = kept
    assert {"hang.py", "segfault.py"} <= {name for name, _ in load_catalog(seconds=SECONDS).problems}
    assert asked == []


def test_a_slow_plugin_is_tried_again_later(kept: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    _, asked = kept
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + probe.RETRY_SECONDS + 1)
    load_catalog(seconds=SECONDS)
    assert len(asked) == 1
    assert "hang.py" in asked[0]


def test_a_slow_plugin_that_is_asked_for_is_tried_at_once(kept: tuple[Path, list[str]]) -> None:
    folder, asked = kept
    load_catalog([folder / "hang.py", folder / "segfault.py"], seconds=SECONDS)
    assert len(asked) == 1
    assert "hang.py" in asked[0]


def test_a_probe_that_a_signal_ends_is_tried_again_at_once(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = f"import os, signal\nif not os.path.exists({str(mark)!r}):\n    open({str(mark)!r}, 'w').close()\n"
    plugin = write(
        tmp_path, "once", code + "    os.kill(os.getpid(), signal.SIGTERM)\n" + hostile.GOOD.format(name="once")
    )
    assert "once" in load_catalog([plugin], seconds=SECONDS).models


@pytest.mark.parametrize(
    "end", few(["raise OSError(28, 'No space')", "os._exit(1)", "os.kill(os.getpid(), signal.SIGTERM)"], 1)
)
def test_what_failed_for_a_passing_reason_is_not_kept(tmp_path: Path, end: str) -> None:
    code = f"import os, signal\nif not os.path.exists({str(tmp_path / 'room')!r}):\n    {end}\n"
    plugin = write(tmp_path, "later", code + hostile.GOOD.format(name="later"))
    catalog = load_catalog([plugin], seconds=SECONDS)
    assert "later" not in catalog.models
    assert [name for name, _ in catalog.problems] == ["later.py"]
    (tmp_path / "room").touch()
    assert "later" in load_catalog([plugin], seconds=SECONDS).models


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="answers lie in the temporary folder here")
def test_a_full_temporary_folder_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> object:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    plugin = write(tmp_path, "good", hostile.GOOD.format(name="good"))
    assert "good" in load_catalog([plugin], seconds=SECONDS).models


def test_a_probe_without_an_answer_names_the_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dltui.core.fs.FileSystem.free_bytes", lambda self, path: 0)
    outcome = sandbox.Outcome(b"", "", 1, False, "")
    assert probe._no_answer("python", outcome, "loading").endswith(f"no room on the disk of {tempfile.gettempdir()}")


def test_children_that_a_plugin_leaves_are_ended(tmp_path: Path) -> None:
    (tmp_path / "pids").mkdir()
    code = hostile.FORKS.replace("{folder!r}", repr(str(tmp_path / "pids"))).format(name="forks")
    catalog = load_catalog([write(tmp_path, "forks", code)], seconds=SECONDS)
    assert "forks" in catalog.models
    pids = [int(path.name) for path in (tmp_path / "pids").iterdir()]
    assert len(pids) == 2
    deadline = time.monotonic() + 5
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(alive, pids))


def test_only_one_of_two_forked_probes_answers(tmp_path: Path) -> None:
    catalog = load_catalog([write(tmp_path, "on", hostile.FORKS_ON.format(name="on"))], seconds=SECONDS)
    assert "on" in catalog.models


def test_prints_reach_nobody(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """And neither a waiting thread nor an exit handler holds the probe."""
    began = time.monotonic()
    catalog = load_catalog([write(tmp_path, "prints", hostile.PRINTS.format(name="prints"))], seconds=SECONDS)
    assert time.monotonic() - began < SECONDS
    assert "prints" in catalog.models
    assert capfd.readouterr() == ("", "")


def test_the_real_limits_are_those_of_the_design() -> None:
    assert probe.SECONDS == 10
    assert sandbox.Job(["x"]).memory == 1_500_000_000
    assert sandbox.Job(["x"]).seconds == 10


def test_duplicates_of_an_id_are_refused(tmp_path: Path) -> None:
    first = write(tmp_path, "one", hostile.GOOD.format(name="same"))
    second = write(tmp_path, "two", hostile.GOOD.format(name="same"))
    catalog = load_catalog([first, second, first])
    assert dict(catalog.models["same"].source)["name"] == "one.py"
    assert [p for p in catalog.problems if p[0] == "two.py"] == [
        ("two.py", "model same is left out: one.py has it already")
    ]
    catalog.check_taken([str(first)], "same", "lines")
    catalog.check_taken([str(first), str(second)], "other", None)
    with pytest.raises(UsageError, match=r"two.py: model same is left out: one.py has it .*; give it another name"):
        catalog.check_taken([str(second)], "same", None)


def test_a_figure_with_the_name_of_one_in_the_box_is_refused(tmp_path: Path) -> None:
    """It would be dropped silently by a run of any model."""
    text = "from dltui import Exporter, hookimpl\n@hookimpl\ndef dltui_exporters():\n"
    text += "    return [Exporter('metrics', 'table', lambda run, target: None, 'csv')]\n"
    catalog = load_catalog([write(tmp_path, "mine", text)])
    told = "exporter metrics is left out: dltui has it already; give it another name"
    assert catalog.exporters_left_out() == [f"plugin mine.py: {told}"]
    with pytest.raises(UsageError, match=f"^mine.py: {told}$"):
        catalog.check_taken([str(tmp_path / "mine.py")], "softmax-torch", "digits")
