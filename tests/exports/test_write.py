"""Writing a run's figures: what there is of a running one, whole files or none, other people's exporters, errors."""

from __future__ import annotations

import json
import os
import pydoc
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dltui.core.errors import UsageError
from dltui.core.rundir.directory import RunDirectory
from dltui.core.worker import figures
from dltui.core.worker.figures import RUN_FORMATS, check_formats
from dltui.exports import plugin_exports
from dltui.exports.about import About
from dltui.exports.look import Look, looking
from dltui.exports.report import report
from dltui.exports.save import render
from dltui.exports.write import PREFIX, write
from tests.exports.runs import names, reader
from tests.helpers.marks import few
from tests.helpers.sample_run import make_sample_run

BASE = [sys.executable, "-P", "-m", "dltui.exports"]
PLUGIN = """
from dltui import hookimpl
from dltui.core.contract import Exporter

def one_line(run, target):
    target.write_text(f"{run.run['model']} {len(run.history.epochs)}\\n")

def broken(run, target):
    target.write_text("half of it")
    raise ZeroDivisionError("no luck")

@hookimpl
def dltui_exporters():
    return [
        Exporter("one_line", "table", one_line, "txt"),
        Exporter("broken", "figure", broken),
        Exporter("forgotten", "figure", lambda run, target: None),
        Exporter("lines_only", "table", one_line, "txt", task="regression"),
        Exporter("summary", "table", broken, "json"),
    ]
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*BASE, *arguments], capture_output=True, text=True, timeout=120)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("done", few([0, 1, 6], 2, long=0))
def test_a_running_run_gives_what_there_is(tmp_path: Path, done: int) -> None:
    files = write(reader(tmp_path, status="running", done=done), tmp_path / "out", ["svg"]).files
    expected = {"summary.json", "report.html", "structure.svg"}
    if done:
        expected |= {"training_metrics.svg", "confusion_matrix.svg", "mislabeled.svg", "reliability.svg", "metrics.csv"}
        expected |= {"model.safetensors"}
    assert names(files) == expected


@pytest.mark.longest
def test_each_figure_is_drawn_once_for_its_file_and_for_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = reader(tmp_path)
    alone = report.page(of)
    drawn: list[str] = []

    def counting(figure: object, suffix: str, about: About) -> bytes:
        drawn.append(about.title)
        return render(figure, suffix, about)  # type: ignore[arg-type]

    monkeypatch.setattr("dltui.exports.save.render", counting)
    write(of, tmp_path / "out", ["svg"])
    assert len(drawn) == len(set(drawn)) == 5
    assert (tmp_path / "out" / "report.html").read_text() == alone
    drawn.clear()
    write(of, tmp_path / "out", ["png"])
    assert len(drawn) == 10
    assert (tmp_path / "out" / "report.html").read_text() == alone


@pytest.mark.parametrize("status", few(["failed", "starting", "stopped", "interrupted", "preempted"], 2, long=0))
def test_a_run_in_any_state_has_a_summary(tmp_path: Path, status: str) -> None:
    done = write(reader(tmp_path, status=status), tmp_path / "out", ["svg"])
    assert not done.problems
    assert "summary.json" in names(done.files)


def test_files_have_the_rights_that_new_files_have(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        files = write(reader(tmp_path), tmp_path / "out", ["svg"]).files
    finally:
        os.umask(mask)
    assert {path.stat().st_mode & 0o777 for path in files} == {0o640}


def test_a_target_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(UsageError, match="cannot write figures to"):
        write(reader(tmp_path), blocked / "out", ["svg"])


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    found = reader(tmp_path)

    def full(self: object, fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("dltui.core.fs.FileSystem.write", full)
    with pytest.raises(UsageError, match="No space left on device"):
        write(found, tmp_path / "out", ["svg"])
    assert list((tmp_path / "out").iterdir()) == []


def test_one_exporter_that_fails_does_not_take_the_others_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("no luck")

    monkeypatch.setattr("dltui.exports.figures.training_metrics.export", fail)
    done = write(reader(tmp_path), tmp_path / "out", ["svg"])
    place = f"test_write.py line {fail.__code__.co_firstlineno + 1}"
    assert done.problems == [f"training_metrics.svg not written: ZeroDivisionError: no luck ({place})"]
    assert "summary.json" in names(done.files)
    assert not (tmp_path / "out" / "training_metrics.svg").exists()


def test_a_plugin_adds_its_own_in_a_process_of_its_own(tmp_path: Path, home: Path) -> None:
    plugin = home / "plugins" / "mine.py"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(PLUGIN)
    done = write(reader(tmp_path), tmp_path / "out", ["svg"])
    assert (tmp_path / "out" / "one_line.txt").read_text() == "cnn-torch 10\n"
    broken = "broken.svg not written: ZeroDivisionError: no luck (mine.py line 10)"
    forgotten = "forgotten.svg not written: draw(run, target) wrote nothing at target"
    taken = "exporter summary is left out: dltui has it already; give it another name"
    assert done.problems == [f"plugin mine.py: {taken}", f"plugin mine.py: {broken}; {forgotten}"]
    assert not (tmp_path / "out" / "broken.svg").exists()
    assert "lines_only.txt" not in names(done.files)
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["model"] == "cnn-torch"


@pytest.mark.long
def test_a_plugin_that_never_ends_is_ended(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dltui.exports.plugin_exports.SECONDS", 3.0)
    plugin = home / "plugins" / "slow.py"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(
        "import time\nfrom dltui import hookimpl\nfrom dltui.core.contract import Exporter\n"
        "@hookimpl\ndef dltui_exporters():\n    return [Exporter('slow', 'table', lambda *_: time.sleep(99), 'txt')]\n"
    )
    done = write(reader(tmp_path), tmp_path / "out", ["svg"])
    assert done.problems == ["plugin slow.py drew for more than 3 s and was ended"]
    assert "summary.json" in names(done.files)


@pytest.mark.long
def test_the_process_prints_its_files(tmp_path: Path, home: Path) -> None:
    sample = make_sample_run(home / "runs")
    done = run(str(sample.path), "--to", str(tmp_path / "out"), "--json")
    assert done.returncode == 0, done.stderr
    assert all(Path(name).is_file() for name in json.loads(done.stdout))
    plain = run(str(sample.path), "--format", "png")
    assert plain.returncode == 0, plain.stderr
    folder = Path(sample.run()["exports"])
    note = json.loads((sample.path / "figures.json").read_text())
    assert note["files"] == sorted(path.name for path in folder.iterdir()), "the run knows that they are complete"
    assert {Path(line) for line in plain.stdout.splitlines()} == set(folder.iterdir())
    assert not [path for path in (*folder.iterdir(), *(tmp_path / "out").iterdir()) if path.name.startswith(".")]


@pytest.mark.parametrize("arguments", [["{missing}"], ["{run}", "--format", "gif"], ["{run}", "--to", "{file}/x"]])
def test_errors_are_one_line_and_a_code(tmp_path: Path, home: Path, arguments: list[str]) -> None:
    places = {"run": str(make_sample_run(tmp_path / "runs").path), "missing": str(tmp_path), "file": __file__}
    done = run(*(argument.format(**places) for argument in arguments))
    assert done.returncode in (1, 2)
    assert done.stderr.startswith("dltui: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_ending_it_leaves_no_hidden_folder(tmp_path: Path, home: Path) -> None:
    sample = make_sample_run(tmp_path / "runs")
    out = tmp_path / "out"
    child = subprocess.Popen([*BASE, str(sample.path), "--to", str(out)], stdout=subprocess.DEVNULL)
    while child.poll() is None and not (out.is_dir() and list(out.glob(".dltui-*"))):
        time.sleep(0.002)
    child.terminate()
    assert child.wait(60) == 143
    assert not list(out.glob(".*"))


@pytest.mark.parametrize(
    "moment", few(["shutil.rmtree", "pathlib.Path.mkdir", "dltui.core.rundir.lock.RunLock.acquire"], 1)
)
def test_a_signal_at_any_moment_leaves_no_hidden_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    found, out = reader(tmp_path), tmp_path / "out"
    out.mkdir()
    name = moment.rpartition(".")[2]
    original = pydoc.locate(moment)
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))

    def hit(*arguments: Any, **options: Any) -> Any:
        done = original(*arguments, **options) if name != "rmtree" else None  # type: ignore[operator]
        if PREFIX in str(arguments) or name != "mkdir":
            os.kill(os.getpid(), signal.SIGTERM)
        return done if name != "rmtree" else original(*arguments, **options)  # type: ignore[operator]

    with monkeypatch.context() as patch:
        patch.setattr(moment, hit)
        with pytest.raises(SystemExit):
            write(found, out, ["svg"])
    signal.signal(signal.SIGTERM, before)
    assert not list(out.glob(".*"))


def test_listing_the_exporters_imports_no_plotting_library() -> None:
    code = "import dltui.exports, sys; dltui.exports.dltui_exporters(); print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_formats_there_are_tables_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep of many runs draws the figures of those that are asked for, and imports nothing to draw with."""
    for module in ("dltui.exports.report.rate_curve", "dltui.exports.figures.style"):
        monkeypatch.setitem(sys.modules, module, None)
    read = reader(tmp_path, status="finished")
    files = write(read, tmp_path / "out", ["none"]).files
    assert names(files) == {"summary.json", "report.html", "metrics.csv", "model.safetensors"}
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<svg" not in page
    assert "Epochs" in page
    with pytest.raises(UsageError, match="format none goes with no other"):
        check_formats(["none", "svg"], RUN_FORMATS)


def test_figures_beside_new_tables_are_drawn_anew(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    old = tmp_path / "out" / "training_metrics.svg"
    old.write_text("of another state")
    files = write(reader(tmp_path, status="finished", done=1), tmp_path / "out", ["none"]).files
    assert "confusion_matrix.svg" in names(files)
    assert "<svg" in old.read_text()


def test_figures_are_drawn_when_they_are_asked_for(tmp_path: Path) -> None:
    read = reader(tmp_path, status="finished", done=1)
    record = read.directory.run() | {"formats": ["none"]}
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunDirectory, "run", lambda self: record)
        patch.setattr(figures, "start", lambda words: asked.append(words) or figures.Ended(0, "", ""))
        figures.draw(read.directory, tmp_path / "out", None)
    assert asked[0][-2:] == ["--format", "svg"]


def test_an_exporter_writes_nowhere_else(tmp_path: Path) -> None:
    """A name or a suffix with a folder in it would be written past the place where a file appears whole."""
    plugin = tmp_path / "outside.py"
    plugin.write_text(
        "from dltui import Exporter, hookimpl\n"
        "def draw(run, target):\n    target.write_text('x')\n"
        "@hookimpl\ndef dltui_exporters():\n"
        "    return [Exporter(*one) for one in (('../x', 'figure', draw), ('roc', 'table', draw, '../csv'),\n"
        "                                       ('dotted', 'table', draw, '.csv'), ('fine', 'table', draw, 'csv'))]\n"
    )
    out = tmp_path / "deep" / "out"
    done = write(reader(tmp_path), out, ["svg"], {"kind": "file", "name": "outside.py", "path": str(plugin)})
    assert [path.name for path in out.iterdir()] == ["fine.csv"]
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert [problem.split(": ")[0] for problem in done.problems] == ["exporter ../x", "exporter roc", "exporter dotted"]


def aged(path: Path, content: str = "of another state") -> Path:
    """A file from before the last line of any log."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return path


def test_figures_of_an_earlier_state_are_drawn_anew_or_removed(tmp_path: Path) -> None:
    """After `resume`: in the formats that were asked for before, and what explains other weights is gone."""
    out, read = tmp_path / "out", reader(tmp_path, done=1, image=False)
    old, gone = aged(out / "confusion_matrix.pdf"), aged(out / "explain.svg")
    mine, other = aged(out / "my notes.pdf"), aged(out / "regression.png")
    files = write(read, out, ["svg"]).files
    assert {"confusion_matrix.pdf", "confusion_matrix.svg", "training_metrics.pdf"} <= names(files)
    assert old.read_bytes().startswith(b"%PDF")
    assert not gone.exists()
    assert (mine.read_text(), other.read_text()) == ("of another state", "of another state")
    assert not [path for path in files if path.suffix == ".png"]


def test_figures_of_this_state_stay_as_they_are_wished(tmp_path: Path) -> None:
    out, read = tmp_path / "out", reader(tmp_path, done=1, image=False)
    with looking(Look(width=4.0)):
        write(read, out, ["svg"])
    narrow = (out / "confusion_matrix.svg").read_bytes()
    (out / "explain.svg").write_text("drawn a moment ago")
    assert "confusion_matrix.svg" not in names(write(read, out, ["png"]).files)
    assert (out / "confusion_matrix.svg").read_bytes() == narrow
    assert (out / "explain.svg").exists()


def test_an_old_figure_that_cannot_be_drawn_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("no luck")

    monkeypatch.setattr("dltui.exports.figures.confusion_matrix.export", fail)
    old = aged(tmp_path / "out" / "confusion_matrix.svg")
    done = write(reader(tmp_path, done=1, image=False), tmp_path / "out", ["svg"])
    assert len(done.problems) == 1
    assert old.exists()


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (Look(), ""),
        (Look(title=False, width=85 / 25.4, dpi=300, live_text=True), "--no-title --width 85mm --dpi 300 --text live"),
    ],
)
def test_plugins_draw_with_the_same_wishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: Look, words: str
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(figures, "start", lambda given, **_: asked.extend(given) or figures.Ended(0, "", ""))
    with looking(look):
        assert plugin_exports.draw({"name": "x"}, tmp_path, tmp_path, ["svg"]) is None
    assert asked[asked.index("svg") + 1 : asked.index("--source")] == words.split()
