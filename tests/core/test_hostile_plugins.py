"""Whatever a plugin does while it is loaded, it is one line in the list of problems and the good ones still load."""

import time
from pathlib import Path

import psutil
import pytest

from dltui.core.catalog import probe
from dltui.core.catalog.assemble import load_catalog
from dltui.core.catalog.entries import Catalog
from dltui.core.errors import UsageError
from dltui.core.machine import sandbox
from tests.fakes import hostile

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


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[Catalog, float, Path]:
    """All of them at once, between two good ones."""
    folder = tmp_path_factory.mktemp("plugins")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLTUI_HOME", str(folder / "home"))
        # A third of the real limit: this machine may be small.
        patch.setattr(sandbox.Job, "__init__", _small_jobs(sandbox.Job.__init__))
        files = [write(folder, "first", hostile.GOOD.format(name="first"))]
        files += [write(folder, name, code) for name, (code, _) in hostile.HOSTILE.items()]
        files += [write(folder, "last", hostile.GOOD.format(name="last"))]
        began = time.monotonic()
        return load_catalog(files, seconds=SECONDS), time.monotonic() - began, folder


def _small_jobs(original):  # type: ignore[no-untyped-def]
    def init(self, *arguments, **options):  # type: ignore[no-untyped-def]
        original(self, *arguments, **{"memory": 400_000_000, **options})

    return init


@pytest.mark.parametrize("name", hostile.HOSTILE)
def test_contained_with_a_reason(everything: tuple[Catalog, float, Path], name: str) -> None:
    catalog, _, _ = everything
    reasons = [reason for source, reason in catalog.problems if source == f"{name}.py"]
    assert len(reasons) == 1, reasons
    assert hostile.HOSTILE[name][1] in reasons[0]
    assert reasons[0].isprintable()
    assert len(reasons[0]) < 400


def test_good_ones_load_beside_them(everything: tuple[Catalog, float, Path]) -> None:
    catalog, _, _ = everything
    assert {"first", "last"} <= set(catalog.models)
    assert {"m", 7, "7"}.isdisjoint(catalog.models)
    assert not [reason for name, reason in catalog.problems if name in ("first.py", "last.py")]


def test_nothing_is_left_running(everything: tuple[Catalog, float, Path]) -> None:
    assert [child for child in psutil.Process().children(recursive=True) if "probe" in " ".join(child.cmdline())] == []


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[str]]:
    """A plugins folder with two that fail, which has been looked at; and what is asked from then on."""
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    folder = tmp_path / "home" / "plugins"
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


def test_children_that_a_plugin_leaves_are_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
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


def test_only_one_of_two_forked_probes_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    catalog = load_catalog([write(tmp_path, "on", hostile.FORKS_ON.format(name="on"))], seconds=SECONDS)
    assert "on" in catalog.models


def test_prints_reach_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """And neither a waiting thread nor an exit handler holds the probe."""
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    began = time.monotonic()
    catalog = load_catalog([write(tmp_path, "prints", hostile.PRINTS.format(name="prints"))], seconds=SECONDS)
    assert time.monotonic() - began < SECONDS
    assert "prints" in catalog.models
    assert capfd.readouterr() == ("", "")


def test_the_real_limits_are_those_of_the_design() -> None:
    assert probe.SECONDS == 10
    assert sandbox.Job(["x"]).memory == 1_500_000_000
    assert sandbox.Job(["x"]).seconds == 10


def test_duplicates_of_an_id_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
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


def test_a_core_dump_is_not_left(everything: tuple[Catalog, float, Path]) -> None:
    _, _, folder = everything
    assert not list(folder.glob("core*"))
    assert not list(Path.cwd().glob("core.*"))
