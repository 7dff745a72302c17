"""Following a run on the command line: what is drawn and told is a pure function of the run directory."""

from __future__ import annotations

import contextlib
import io
import json
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from dltui.core import numbers
from dltui.core.errors import UsageError
from dltui.core.machine.process import current
from dltui.core.reading.progress import progress, seconds_left
from dltui.core.reading.reader import RunReader
from dltui.core.reading.status import Status
from dltui.core.rundir import commands
from dltui.core.rundir.heartbeat import DRAWN
from dltui.core.rundir.lock import RunLock
from dltui.tui.cli import main
from dltui.tui.cli.follow import closing, follow, sending, waiting
from dltui.tui.cli.follow.lines import Lines
from dltui.tui.cli.follow.live_view import Frame, bar, live_view
from dltui.tui.cli.output import table
from tests.helpers.curve import curves
from tests.helpers.sample_run import make_sample_run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    return tmp_path


def reader_of(home: Path, status: str = "finished", **options: object) -> RunReader:
    run = make_sample_run(home / "runs", status=status, **options)  # type: ignore[arg-type]
    reader = RunReader(run)
    reader.refresh()
    live = reader.live()
    if live is not None:
        # The heartbeat of the sample is as old as the sample.
        reader.clock = lambda: live.time + 0.5
    return reader


def drawn(
    reader: RunReader, status: Status, width: int = 80, notice: tuple[str, ...] = (), ascii_only: bool = False
) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None, markup=False)
    console.print(live_view(reader, status, time.time(), Frame(width, ascii_only, notice)))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


def test_numbers_for_people() -> None:
    assert [numbers.duration(s) for s in (0.04, 9.96, 75, 7500, 200_000)] == [
        "0.0 s", "10 s", "1 min 15 s", "2 h 05 min", "2 d 7 h",
    ]  # fmt: skip
    assert [numbers.age(s) for s in (-1, 59, 61, 7300, 90_000)] == ["0s", "59s", "1m", "2h", "1d"]
    days = [numbers.age(days * 86_400.0) for days in (99.9, 100, 699.9, 700, 36_400)]
    assert days == ["99d", "14w", "99w", "1y", "99y"]
    assert numbers.metric("accuracy", 0.91769) == "91.77 %"
    assert [numbers.metric("loss", x) for x in (0.25, 0.00001, float("nan"), float("inf"), None)] == [
        "0.2500", "1.000e-05", "NaN", "inf", "-",
    ]  # fmt: skip
    assert [numbers.size(n) for n in (999, 1500, 31_000_000, 8e13)] == ["999 B", "1.5 kB", "31 MB", "80 TB"]
    assert numbers.percent(0.9999) == "99 %"
    assert numbers.percent(1.0) == "100 %"


def test_a_table_is_aligned_and_clean() -> None:
    lines = table([["NAME", "N"], ["a\x1b[31m", "7"], ["日本", "12"]], right=frozenset({1}))
    assert lines == ["NAME        N", r"a\x1b[31m   7", "日本       12"]


def test_lines_tell_each_epoch_once(home: Path) -> None:
    reader = reader_of(home)
    lines = Lines()
    status = reader.status()
    first = lines.more(reader.history, reader.live(), status)
    assert [line[:11] for line in first if line.startswith("epoch")] == [f"epoch {n:>2}/10" for n in range(1, 11)]
    values = [record.validation["accuracy"] for _, record in sorted(reader.history.epochs.items())]
    records = [value > max(values[:index], default=0) for index, value in enumerate(values)]
    assert [line.endswith("  best") for line in first if line.startswith("epoch")] == records
    assert not all(records)
    assert sum(line.startswith("test ") for line in first) == 1
    assert "54,000 train and 6,000 validation samples" in first[0]
    assert lines.more(reader.history, reader.live(), status) == []


def test_an_epoch_that_a_later_attempt_repeats_is_told_again(home: Path) -> None:
    reader = reader_of(home)
    lines = Lines()
    lines.more(reader.history, reader.live(), reader.status())
    reader.history.epochs[10] = replace(reader.history.epochs[10], time=reader.history.epochs[10].time + 60)
    assert [line[:11] for line in lines.more(reader.history, reader.live(), reader.status())] == ["epoch 10/10"]


def test_a_phase_is_told_as_it_is_and_not_after_its_end(home: Path) -> None:
    """Of a heartbeat that an earlier attempt left, and of one that is older than the log."""
    reader = reader_of(home, "running", done=1)
    live, started = reader.live(), reader.history.started_at
    assert live is not None
    starting, loading = (Status("starting", "", phase, 0.0, 1) for phase in ("starting", "loading data"))

    def told(phase: str, since: float, status: Status) -> list[str]:
        beat = replace(live, phase=phase, detail="validation", phase_since=since)
        return Lines()._phases(reader.history, beat, status)

    assert told("evaluating", started + 1, starting) == ["starting"]
    assert told("loading data", started + 1, loading) == ["loading data validation"]
    assert told("loading data", started - 1, loading) == []


def test_progress_of_a_running_run(home: Path) -> None:
    reader = reader_of(home, "running", done=6)
    at = progress(reader.history, reader.live())
    assert at is not None
    assert (at.epoch, at.epochs) == (7, 10)
    assert 0.6 <= at.run_fraction < 0.7
    assert 0 <= at.epoch_fraction < 1
    # Four seconds an epoch in the sample, four epochs to go at most.
    assert at.left is not None
    assert 10 < at.left < 20
    assert at.samples_per_second == reader.history.samples_per_second


def test_an_estimate_is_hidden_until_it_is_earned(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = reader_of(home, "running", done=1)
    assert seconds_left(reader.history, 40) is not None
    monkeypatch.setattr("dltui.core.reading.progress.EARNED_SECONDS", 1000.0)
    assert seconds_left(reader.history, 40) is None


def test_an_ended_run_has_nothing_left(home: Path) -> None:
    reader = reader_of(home)
    at = progress(reader.history, reader.live())
    assert at is not None
    assert at.left is None
    assert (at.run_fraction, at.epoch_fraction, at.epoch) == (1.0, 1.0, 10)


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_the_live_view_fits_its_width(home: Path, width: int) -> None:
    reader = reader_of(home, "running")
    text = drawn(reader, reader.status(), width)
    assert all(len(line) <= width for line in text.splitlines())


def test_the_live_view_shows_what_matters(home: Path) -> None:
    reader = reader_of(home, "running")
    text = drawn(reader, reader.status(), notice=("Ctrl-C: detach, stop or kill",))
    for part in ("brisk-otter", "cnn-torch on fashion-mnist, cpu", "epoch", "7 of 10", " left", "samples/s"):
        assert part in text
    assert "validation accuracy" in text
    assert text.rstrip().endswith("Ctrl-C: detach, stop or kill")


def test_the_live_view_names_the_phase_before_the_first_point(home: Path) -> None:
    reader = reader_of(home, "starting")
    status = Status("starting", "importing torch", "importing", time.time() - 6)
    assert "importing torch 6.0 s" in drawn(reader, status)


def test_the_live_view_in_ascii(home: Path) -> None:
    reader = reader_of(home, "running")
    text = drawn(reader, reader.status(), ascii_only=True)
    assert text.isascii()
    assert "#" in text


def test_hostile_text_reaches_no_terminal(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reader = reader_of(home, "running")
    hostile = "x\x1b]52;c;aGk=\x07\u202e[red]y[/red]\x9b31m"
    reader.history.logs.append((time.time(), "warning", hostile))
    reader.history.logged += 1
    reader.run["model"] = hostile
    for line in Lines().more(reader.history, reader.live(), Status("silent", hostile, "training", 0.0)):
        main.warn(line)
    shown = drawn(reader, Status("paused", hostile, hostile, 0.0), 400) + capsys.readouterr().err
    assert r"\x1b]52" in shown
    assert "[red]y" in shown
    assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(shown)


@pytest.mark.parametrize("length", [8, 31])
def test_bars_have_their_length(length: int) -> None:
    for fraction in (-1, 0, 0.01, 0.5, 0.999, 1, 2):
        assert len(bar(fraction, length).plain) == length
        assert len(bar(fraction, length, ascii_only=True).plain) == length
    assert bar(1, length).plain == "━" * length


def test_what_ctrl_c_says_would_be_lost(home: Path) -> None:
    reader = reader_of(home, "running")
    history, live = reader.history, reader.live()
    assert live is not None
    last = history.checkpoints[-1]
    now = float(last["time"]) + 40
    lost = max(live.step, history.step) - last["step"]
    assert follow.at_risk(history, live, now) == f"last checkpoint 40 s ago, {lost} steps"
    history.checkpoints.clear()
    assert follow.at_risk(history, live, now).startswith("no checkpoint yet, ")
    for word in ("detach", "stop and keep", "kill", "Esc"):
        assert word in "\n".join(follow.question(history, live, now))


@pytest.mark.parametrize(
    ("status", "code"), [("finished", 0), ("stopped", 0), ("failed", 1), ("preempted", 75), ("interrupted", 130)]
)
def test_attach_to_an_ended_run_tells_all_and_its_exit_code(
    home: Path, status: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    reader_of(home, status)
    assert main.run(["attach"]) == code
    out, error = capsys.readouterr()
    assert out.count("\nepoch ") >= 4
    assert (f"\n{status}: " in out) == (status != "failed")
    assert error.startswith("dltui: brisk-otter failed: ") == (status == "failed")
    assert ("dltui resume brisk-otter" in out) == (status in ("stopped", "preempted", "interrupted"))


def test_attach_names_the_files_and_the_way_home(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = home / "exports" / "brisk-otter"
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text("{}")
    (folder / ".half.tmp").write_text("")
    reader_of(home)
    assert main.run(["attach", "brisk", "--plain"]) == 0
    *_, title, files, scp = capsys.readouterr().out.splitlines()
    assert title == f"figures and tables in {folder}:"
    assert files == "  summary.json"
    assert "scp -r " in scp
    assert f":{folder} ." in scp


def test_attach_json_is_one_event_per_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reader = reader_of(home)
    assert main.run(["attach", "--json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kinds = [record["type"] for record in records]
    assert kinds[0] == "run"
    assert kinds[1] == "attempt_started"
    assert kinds[-2:] == ["run_ended", "exported"]
    assert records[0]["exports"] == reader.run["exports"]
    assert kinds.count("epoch_ended") == 10
    assert not any("crc" in record for record in records)


def test_outcome_of_a_failed_run_is_its_reason(home: Path) -> None:
    reader = reader_of(home, "failed")
    status = reader.status()
    assert closing.outcome(reader.history, status.name, status.why).startswith(f"failed: {status.why}")


@pytest.mark.parametrize(
    ("curve", "fault", "command"),
    [
        (
            "digits-mlp-lr-tiny",
            "does not learn: train loss ",
            "try another lr: dltui train --like brisk-otter --lr ...",
        ),
        (
            "fashion-mlp-overfits",
            "overfitting since epoch ",
            "try fewer epochs or more weight decay: dltui train --like brisk-otter --weight-decay ...",
        ),
    ],
)
def test_a_run_that_trained_badly_says_so_and_what_to_try(home: Path, curve: str, fault: str, command: str) -> None:
    reader = reader_of(home)
    assert closing.next_step(reader, "finished") == []
    (found,) = (found for found in curves() if found.name == curve)
    reader.history = found.history(found.length, ended=True)
    told, tried = closing.next_step(reader, "finished")
    assert told.startswith(fault)
    assert tried == command


class Recorder:
    """An output that keeps what it was given."""

    def __init__(self) -> None:
        self.notices: list[Sequence[str]] = []
        self.closing: list[str] = []

    def show(self, reader: RunReader, status: Status, notice: Sequence[str]) -> None:
        self.notices.append(notice)

    def close(self, reader: RunReader, status: Status, closing: list[str]) -> None:
        self.closing = closing

    def stop(self) -> None:
        pass


def test_leaving_a_running_run_leaves_it_alive(home: Path) -> None:
    output = Recorder()
    viewer = follow.Follower(reader_of(home, "running"), output, child=None)
    viewer.received.append(signal.SIGINT)
    assert viewer.run(asks=False) == 0
    assert output.closing[0] == "the run goes on; back with: dltui attach brisk-otter"


def test_while_figures_are_drawn_it_says_so_and_does_not_offer_to_stop(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "_keys", lambda asks: contextlib.nullcontext())
    worker = subprocess.Popen(["sleep", "30"])
    output = Recorder()
    viewer = follow.Follower(reader_of(home), output, child=worker.pid)
    viewer.received.append(signal.SIGINT)
    try:
        assert viewer.run(asks=True) == 0
    finally:
        worker.kill()
        worker.wait()
    assert output.notices[0] == [follow.DRAWING]
    assert not viewer.asking


def test_a_run_that_failed_before_its_first_step_draws_nothing(home: Path) -> None:
    reader = reader_of(home, "failed")
    viewer = follow.Follower(reader, Recorder(), child=1)
    assert viewer._notice(reader.status()) == [follow.DRAWING]
    reader.history.attempt = None
    assert viewer._notice(reader.status()) == []


def test_a_worker_that_holds_its_run_has_not_left(home: Path) -> None:
    reader = reader_of(home)
    me = current()
    live = json.loads((reader.directory.path / "live.json").read_text())
    live |= {"pid": me.pid, "start_ticks": me.start_ticks, "phase": "ended"}
    (reader.directory.path / "live.json").write_text(json.dumps(live))
    worker = RunLock()
    worker.acquire(reader.directory.lock_path)
    assert not follow.has_left(reader), "the next command would be refused"
    worker.release()
    assert follow.has_left(reader)


def test_what_a_dry_run_deletes_is_not_offered(home: Path) -> None:
    output = Recorder()
    folder = home.parent / "exports" / "brisk-otter"
    folder.mkdir(parents=True)
    (folder / "training.svg").touch()
    follow.Follower(reader_of(home), output, child=None, kept=False).run(asks=False)
    assert len(output.closing) == 1
    assert "scp" not in output.closing[0]


def test_a_closed_terminal_ends_the_viewer_only(home: Path) -> None:
    viewer = follow.Follower(reader_of(home, "running"), Recorder(), child=None)
    viewer.received.append(signal.SIGHUP)
    assert viewer.run(asks=False) == 129


def test_signal_handlers_are_put_back(home: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    follow.Follower(reader_of(home), Recorder(), child=None).run(asks=False)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_command_that_is_not_acknowledged_says_whom_it_waits_for(home: Path) -> None:
    reader = reader_of(home, "running")
    live = reader.live()
    assert live is not None
    sent = waiting.Waiting("1", "stop", since=time.monotonic() - 4)
    (line,) = waiting.lines(reader, sent)
    assert line.startswith(f"stop: sent, waiting for {live.host} 4.")
    assert waiting.lines(reader, waiting.Waiting("2", "stop")) == [], "nobody has waited yet"
    reader.history.commands.append({"id": "1", "action": "stop"})
    assert waiting.lines(reader, sent) == []


class OneKey:
    """A terminal at which one key is pressed."""

    def __init__(self, key: str) -> None:
        self.key = key

    def wait(self, seconds: float) -> str:
        return self.key


def test_the_terminal_is_told_the_progress_of_a_run_that_is_followed(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("WT_SESSION", "1")
    monkeypatch.delenv("TMUX", raising=False)
    reader = reader_of(home, "running")
    output = follow.LiveOutput("")
    output.show(reader, reader.status(), ())
    told = capsys.readouterr().out
    assert re.search("\x1b]9;4;1;[1-9][0-9]\x1b\\\\", told)
    output.close(reader, reader.status(), ["done"])
    output.stop()
    assert capsys.readouterr().out.count("\x1b]9;4;0;0\x1b\\") == 1


def test_o_goes_on_in_the_full_screen(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = reader_of(home, "running")
    live = object.__new__(follow.LiveOutput)
    follower = follow.Follower(reader, live, 1)
    follower._handle_key(OneKey("o"))  # type: ignore[arg-type]
    assert (follower.wants_screen, follower.code) == (True, 0)
    assert follower._closing(reader.status()) == []
    opened: list[str] = []
    monkeypatch.setattr("dltui.tui.full_screen.run_app", lambda open_run: opened.append(open_run) or 0)
    assert follow._full_screen(reader) == 0
    assert opened == [str(reader.directory.path)]


@pytest.mark.parametrize("style", ["plain", "json"])
def test_o_means_nothing_where_nothing_says_so(home: Path, style: str) -> None:
    reader = reader_of(home, "running")
    follower = follow.Follower(reader, follow._output(style, reader, True), 1)  # type: ignore[arg-type]
    follower._handle_key(OneKey("o"))  # type: ignore[arg-type]
    assert not follower.wants_screen


def test_what_a_logger_has_started_does_not_wait_for_the_worker(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker waits for it: `dltui wait $DLTUI_RUN` in `--log command=...` would hold both."""
    monkeypatch.delenv("DLTUI_RUN", raising=False)
    reader = reader_of(home)
    live = reader.directory.path / "live.json"
    me = current()
    beat = {**json.loads(live.read_text()), "pid": me.pid, "start_ticks": me.start_ticks, "phase": "exporting"}
    live.write_text(json.dumps(beat))
    assert not follow.has_left(reader)
    monkeypatch.setenv("DLTUI_RUN", "brisk-otter")
    assert not follow.has_left(reader), "its figures are not drawn"
    live.write_text(json.dumps({**beat, "detail": DRAWN}))
    assert follow.has_left(reader)
    monkeypatch.setenv("DLTUI_RUN", "another")
    assert not follow.has_left(reader)


def test_a_job_that_its_launcher_has_put_back_is_followed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = reader_of(home, "preempted")
    before, queued = reader.status(), Status("queued")
    viewer = follow.Follower(reader, Recorder(), child=None)
    assert viewer._over(before)

    def asked(runs: object) -> bool:
        monkeypatch.setattr(reader, "status", lambda: queued)
        return True

    monkeypatch.setattr(follow.launching, "refresh_all", asked)
    assert not viewer._over(before)


@pytest.mark.parametrize("asks", [False, True])
def test_what_was_to_be_ignored_stays_ignored(asks: bool) -> None:
    """A hangup under nohup, an interrupt of what a script has started in the background; not the key of a person."""
    ignored = (signal.SIGHUP, signal.SIGINT)
    before = [signal.signal(number, signal.SIG_IGN) for number in ignored]
    try:
        with follow._signals([], asks):
            assert [signal.getsignal(number) is signal.SIG_IGN for number in ignored] == [True, not asks]
            assert callable(signal.getsignal(signal.SIGTERM))
        assert [signal.getsignal(number) for number in ignored] == [signal.SIG_IGN] * 2
    finally:
        for number, handler in zip(ignored, before, strict=True):
            signal.signal(number, handler)


@pytest.mark.parametrize(
    ("signals", "deaf"), [([signal.SIGHUP], False), ([signal.SIGINT], False), ([signal.SIGINT, signal.SIGINT], True)]
)
def test_a_run_that_is_not_kept_ends_with_its_viewer(
    home: Path, capsys: pytest.CaptureFixture[str], signals: list[signal.Signals], deaf: bool
) -> None:
    def begin() -> None:
        if deaf:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)

    worker = subprocess.Popen(["sleep", "60"], preexec_fn=begin)
    output = Recorder()
    viewer = follow.Follower(reader_of(home, "running"), output, child=worker.pid, kept=False)
    viewer.received.extend(signals)
    try:
        assert viewer.run(asks=False) == 75
        assert viewer._child_gone()
        assert capsys.readouterr().err == ""
        assert output.closing[0].startswith("interrupted: its worker was told to end")
    finally:
        worker.kill()


def test_a_run_that_is_not_kept_says_why_it_had_failed_before_a_signal(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its worker may not have left yet."""
    reader = reader_of(home, "failed", reason="no memory is left")
    with subprocess.Popen(["sleep", "60"]) as worker:
        viewer = follow.Follower(reader, Recorder(), child=worker.pid, kept=False)
        viewer.received.append(signal.SIGINT)
        assert viewer.run(asks=False) == 1
    assert "failed: no memory is left" in capsys.readouterr().err


def test_nothing_is_asked_about_a_run_that_is_not_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    class Silent(follow.Follower):
        def run(self, asks: bool) -> int:
            asked.append(asks)
            return 0

    monkeypatch.setattr(follow, "is_terminal", lambda: True)
    monkeypatch.setattr(follow, "Follower", Silent)
    for kept in (True, False):
        follow.follow(reader_of(home, run_id=f"kept-{kept}").directory, "plain", child=1, kept=kept)
    assert asked == [True, False]


def test_a_worker_without_a_heartbeat_that_can_be_read_has_not_left(home: Path) -> None:
    run = reader_of(home).directory
    (run.path / "live.json").write_bytes(b"")
    worker = RunLock()
    worker.acquire(run.lock_path)
    assert not follow.has_left(RunReader(run))
    worker.release()
    assert follow.has_left(RunReader(run))


def test_a_command_that_its_worker_cannot_read_is_not_waited_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, send = reader_of(home, "running"), commands.send

    def refused(run_dir: Path, *given: object, **more: object) -> str:
        sent = send(run_dir, *given, **more)  # type: ignore[arg-type]
        path = run_dir / "control" / f"{sent}.json"
        path.rename(path.with_suffix(".bad"))
        return sent

    monkeypatch.setattr(commands, "send", refused)
    with pytest.raises(UsageError, match=r"^brisk-otter takes no stop: its worker could not read the command; see "):
        sending.order(reader, "stop", {}, seconds=5)


def test_figures_that_cannot_be_listed_are_not_offered(home: Path) -> None:
    assert closing.exported_files(home / "nowhere") == []
    assert closing.exported_files(home / ("x" * 300) / "exports") == []
