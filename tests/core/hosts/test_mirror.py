"""A run of another host, followed through its mirror."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dltui.core import fs
from dltui.core.analysis.past import LatestPast
from dltui.core.errors import DltuiError, RunError
from dltui.core.hosts import looks, mirror, transfer
from dltui.core.hosts.address import Host
from dltui.core.hosts.fetched import fetch_figures
from dltui.core.hosts.link import HostError, Link, _ahead
from dltui.core.hosts.mirror import Mirror
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import claim, commands, place
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.events import Logged
from dltui.core.rundir.log import EventLog
from tests.helpers.far import host, wait_for
from tests.helpers.sample_run import make_sample_run


@pytest.fixture(scope="module")
def far_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("far")
    live = make_sample_run(home / "runs", status="running", run_id="brisk-otter").path / "live.json"
    live.write_text(json.dumps(json.loads(live.read_text()) | {"time": time.time() + 3600}))
    make_sample_run(home / "runs", status="finished", run_id="bold-wren", epochs=2)
    return home


@pytest.fixture(scope="module")
def link(far_home: Path) -> Iterator[Link]:
    """One server for all tests here."""
    made = Link(host("gpu01", far_home))
    made.start()
    made.wait()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def kept(link: Link) -> Iterator[Mirror]:
    found = Mirror(link, "brisk-otter")
    found.start()
    found.ready()
    yield found
    found.stop()


def test_a_mirror_is_read_as_any_run(kept: Mirror, far_home: Path) -> None:
    here, there = RunReader(kept.directory), RunReader(far_home / "runs" / "brisk-otter")
    here.refresh()
    there.refresh()
    assert kept.directory.id == "gpu01:brisk-otter"
    assert here.directory.events_path.read_bytes() == there.directory.events_path.read_bytes()
    assert (len(here.history.epochs), here.status().name) == (6, "running")
    assert here.labels == there.labels
    assert mirror.origin(kept.directory) == ("gpu01", "brisk-otter")
    assert place.exports_folder(kept.directory).name == "gpu01-brisk-otter"


def test_what_is_logged_there_is_read_here(kept: Mirror, far_home: Path) -> None:
    log = EventLog(far_home / "runs" / "brisk-otter" / "events.jsonl", 1)
    log.append(Logged("info", "said later"))
    log.close()
    reader = RunReader(kept.directory)

    def told() -> bool:
        reader.refresh()
        return any(text == "said later" for _, _, text in reader.history.logs)

    wait_for(told)


def test_a_log_that_is_another_one_is_read_anew(link: Link, far_home: Path) -> None:
    there = make_sample_run(far_home / "runs", status="finished", run_id="other-log", epochs=3)
    here = mirror.once(link, "other-log")
    reader = RunReader(here)
    reader.refresh()
    whole = there.events_path.read_bytes()
    there.events_path.write_bytes(b"".join(whole.splitlines(True)[2:]))
    mirror.once(link, "other-log")
    assert here.events_path.read_bytes() == there.events_path.read_bytes()
    reader.refresh()
    assert reader.history.attempt is None


def test_a_command_that_is_left_here_arrives_there_once(kept: Mirror, far_home: Path) -> None:
    sent = commands.send(kept.directory.path, "set", {"lr": 0.01}, "ann@laptop")
    run = far_home / "runs" / "brisk-otter"
    there = wait_for(lambda: commands.take(run))
    assert [(one.id, one.action, one.arguments, one.by) for one in there] == [(sent, "set", {"lr": 0.01}, "ann@laptop")]
    wait_for(lambda: not commands.take(kept.directory.path))
    commands.done(there[0])


def test_a_command_for_an_attempt_that_has_ended_is_refused(kept: Mirror, far_home: Path) -> None:
    """It was left here before the link was cut; meanwhile another attempt lives there."""
    reader = RunReader(kept.directory)
    assert wait_for(lambda: reader.status().attempt) == 1
    there = far_home / "runs" / "brisk-otter"
    for action in ("stop", "kill"):
        sent = commands.send(kept.directory.path, action, {}, "ann@laptop", attempt=7)
        refused = wait_for(lambda sent=sent: commands.refusal(kept.directory.path, sent))
        assert refused.endswith("it was meant for attempt 7, this is attempt 1")
        assert commands.take(there) == []
    sent = commands.send(kept.directory.path, "stop", {}, "ann@laptop", attempt=1)
    (found,) = wait_for(lambda: commands.take(there))
    assert (found.id, found.attempt) == (sent, 1)
    commands.done(found)


def test_only_one_process_keeps_a_mirror(kept: Mirror, link: Link) -> None:
    second = Mirror(link, "brisk-otter")
    second.start()
    second.ready()
    assert not second._mine()
    second.stop()


def test_who_does_not_keep_a_mirror_has_it_looked_at_at_once(
    link: Link, far_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process keeps it, and rests: the run is over. Its next attempt must not be taken for the one before."""
    monkeypatch.setattr(mirror, "SECONDS", 0.1)
    monkeypatch.setattr(mirror, "RESTING_SECONDS", 60.0)
    there = make_sample_run(far_home / "runs", status="finished", run_id="goes-on", epochs=1)
    keeper, other = Mirror(link, "goes-on"), Mirror(link, "goes-on")
    for one in (keeper, other):
        one.start()
        one.ready()
    assert not other._mine()
    log = EventLog(there.events_path, 2)
    log.append(Logged("info", "the next attempt"))
    log.close()
    other.refresh()
    assert other.directory.events_path.read_bytes() == there.events_path.read_bytes()
    assert list(other.directory.path.glob("look*")) == []
    keeper.stop(5.0)
    other.stop(5.0)


def test_who_waits_for_a_host_that_does_not_answer_is_told(kept: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mirror, "_tick", lambda self: False)
    with pytest.raises(HostError, match="gpu01 does not answer in time"):
        kept.refresh(0.2)
    assert list(kept.directory.path.glob("look*")) == []


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (RunError("no run brisk-otter"), "^no run brisk-otter$"),
        (HostError("gpu01 does not answer: cut"), "^gpu01 does not answer: cut$"),
        (OSError(28, "disk full"), "^cannot write to .*: disk full$"),
    ],
)
def test_who_waits_for_a_look_is_told_why_it_cannot_be(
    kept: Mirror, link: Link, monkeypatch: pytest.MonkeyPatch, problem: Exception, said: str
) -> None:
    def pull(self: Mirror) -> bool:
        raise problem

    other = Mirror(link, "brisk-otter")
    other.start()
    other.ready()
    monkeypatch.setattr(Mirror, "_pull", pull)
    for one in (kept, other):
        with pytest.raises(HostError, match=said):
            one.refresh()
    assert list(kept.directory.path.glob("look*")) == []
    other.stop(5.0)


def test_predictions_that_did_not_come_are_no_success(
    kept: Mirror, far_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = RunDirectory(far_home / "runs" / "brisk-otter").predictions_dir / "test.npz"
    there.parent.mkdir(exist_ok=True)
    there.write_bytes(b"new")
    with monkeypatch.context() as patch:
        patch.setattr(transfer, "fetch", lambda *_, **__: False)
        with pytest.raises(HostError, match="written anew faster than they are copied"):
            kept.refresh(large=True)
    kept.refresh(large=True)
    assert (kept.directory.predictions_dir / "test.npz").read_bytes() == b"new"


def test_large_files_are_wanted_before_the_look_is_asked_for(kept: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    ask = looks.ask

    def asked(folder: Path) -> Path:
        order.append("look")
        return ask(folder)

    monkeypatch.setattr(Mirror, "want_large", lambda self: order.append("large"))
    monkeypatch.setattr(looks, "ask", asked)
    kept.refresh(large=True)
    assert order[:2] == ["large", "look"]


def test_predictions_are_brought_as_they_are_now(link: Link, far_home: Path) -> None:
    there = make_sample_run(far_home / "runs", status="finished", run_id="predicts", epochs=2, seen=True)
    kept = Mirror(link, "predicts")
    kept.start()
    kept.ready()
    assert not kept.directory.predictions_dir.exists()
    for _ in range(2):
        kept.refresh(large=True)
        for path in there.predictions_dir.iterdir():
            assert (kept.directory.predictions_dir / path.name).read_bytes() == path.read_bytes()
        # As after another attempt.
        (there.predictions_dir / "test.npz").write_bytes(b"another")
    assert LatestPast(RunReader(kept.directory)).look().records.keys() == {1, 2}
    kept.stop(5.0)


def test_what_has_not_come_is_waited_for_as_long_as_it_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, looks, grows = 0.0, 0, 12
    monkeypatch.setattr("dltui.core.hosts.mirror.time.monotonic", lambda: now)
    kept = Mirror(Link(Host("gpu01", ("false",))), "r")

    def done() -> bool:
        nonlocal now, looks
        now, looks = now + 4.0, looks + 1
        if looks <= grows:
            (tmp_path / "events.jsonl").write_bytes(b"x" * looks)
        return looks == 14

    assert kept._comes(done, tmp_path, 10.0)
    looks, grows = 0, 10
    assert not kept._comes(done, tmp_path, 10.0)
    assert looks == 13, "three looks without anything new"


def test_a_host_that_never_answers_is_told_to_who_waits_for_the_first_copy(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "PULL_SECONDS", 0.2)
    monkeypatch.setattr(Mirror, "_tick", lambda self: False)
    still = Mirror(Link(Host("gpu01", ("false",))), "s")
    still.start()
    with pytest.raises(HostError, match="gpu01 does not answer in time"):
        still.ready()
    still.stop(5.0)


def test_what_was_left_of_a_copy_is_removed(link: Link) -> None:
    folder = mirror.directory("gpu01", "bold-wren").predictions_dir
    folder.mkdir(parents=True)
    left = fs.temp_name(folder / "test.npz")
    left.write_bytes(b"half")
    looked_at(link, "bold-wren")
    assert not left.exists()


def test_a_run_that_does_not_exist_says_so(link: Link) -> None:
    with pytest.raises(DltuiError, match="no run nobody"):
        mirror.once(link, "nobody")


def test_a_link_that_breaks_says_so_and_loses_nothing(far_home: Path) -> None:
    link = Link(host("gpu02", far_home))
    link.start()
    link.wait()
    kept = Mirror(link, "brisk-otter")
    kept.start()
    kept.ready()
    reader = RunReader(kept.directory)
    process = link._process
    assert process is not None
    # A second attempt takes as long as a test wants: the program is gone.
    link.host = host("gpu02", far_home).__class__("gpu02", ("false",))
    os.killpg(process.pid, signal.SIGKILL)
    silent = wait_for(lambda: reader.status().name == "silent" and reader.status())
    assert silent.why.startswith("gpu02 does not answer: ")
    with pytest.raises(HostError, match="gpu02 does not answer"):
        link.ask("ping")
    log = EventLog(far_home / "runs" / "brisk-otter" / "events.jsonl", 1)
    log.append(Logged("info", "meanwhile"))
    log.close()
    link.host = host("gpu02", far_home)
    link.nudge()
    wait_for(lambda: reader.status().name == "running")
    reader.refresh()
    assert any(text == "meanwhile" for _, _, text in reader.history.logs)
    assert reader.bad_lines == 0
    kept.stop()
    link.close()


def test_a_mirror_that_nobody_keeps_is_not_running_for_ever(kept: Mirror) -> None:
    kept.stop()
    wait_for(lambda: not kept._thread.is_alive())
    told = claim.read_told(kept.directory.path)
    assert told is not None
    reader = RunReader(kept.directory)
    reader.refresh()
    assert reader.status(told.heard + 100).why == "nothing heard of gpu01 for 100 s"


def test_figures_are_fetched_beside_those_of_another_run(link: Link, far_home: Path, tmp_path: Path) -> None:
    run = RunDirectory(far_home / "runs" / "bold-wren")
    folder = Path(json.loads(run.run_json.read_text())["exports"])
    folder.mkdir(parents=True)
    (folder / "accuracy.svg").write_bytes(os.urandom(400_000))
    (folder / ".hidden").write_text("x")
    (folder / "link.svg").symlink_to("/etc/passwd")
    fetched = fetch_figures(link, "bold-wren", draw=False).folder
    assert fetched == tmp_path / "exports" / "gpu01-bold-wren"
    assert [path.name for path in fetched.iterdir()] == ["accuracy.svg"]
    assert (fetched / "accuracy.svg").read_bytes() == (folder / "accuracy.svg").read_bytes()


def test_files_with_other_names_than_figures_are_left_there(link: Link, far_home: Path) -> None:
    run = make_sample_run(far_home / "runs", status="finished", run_id="with-notes", epochs=1)
    folder = Path(run.run()["exports"])
    folder.mkdir(parents=True)
    for name in ("a.svg", "my notes.pdf", "review (1).csv", "Übersicht.png", "\x1b[2J.txt", "zoo.csv"):
        (folder / name).write_text("x")
    told: list[str] = []
    fetched = fetch_figures(link, "with-notes", draw=False, tell=told.append)
    assert sorted(path.name for path in fetched.folder.iterdir()) == ["a.svg", "zoo.csv"]
    assert fetched.files == [fetched.folder / "a.svg", fetched.folder / "zoo.csv"]
    assert len(told) == 1
    assert told[0].startswith("left on gpu01: ")
    assert "'my notes.pdf'" in told[0]
    assert "\x1b" not in told[0]


@pytest.mark.parametrize("name", ["../x.svg", "..", "a/b.svg", ""])
def test_a_name_that_leads_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    asking = Link(Host("gpu01", ("false",)))
    monkeypatch.setattr(asking, "ask", lambda *_, **__: {"files": {"a.svg": 1, name: 1}})
    with pytest.raises(RunError, match=r"gpu01 names a figure .*, which is no file of a folder"):
        fetch_figures(asking, "r", draw=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_too_large_is_left_there(link: Link, far_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_sample_run(far_home / "runs", status="finished", run_id="with-model", epochs=1)
    folder = Path(run.run()["exports"])
    folder.mkdir(parents=True)
    (folder / "a.svg").write_text("x")
    (folder / "weights.bin").write_bytes(b"x" * 2_000)
    monkeypatch.setattr("dltui.core.hosts.fetched.MOST_BYTES", 1_000)
    told: list[str] = []
    assert [path.name for path in fetch_figures(link, "with-model", draw=False, tell=told.append).files] == ["a.svg"]
    assert told[0].startswith(f"left on gpu01: 'weights.bin' in {folder}; fetched are up to 500 files of up to ")


def looked_at(link: Link, run: str) -> RunDirectory:
    """The mirror of a run that was copied once and is left."""
    kept = Mirror(link, run)
    kept.start()
    kept.ready()
    kept.stop()
    wait_for(lambda: not kept._thread.is_alive())
    return kept.directory


def test_a_mirror_that_was_last_seen_long_ago_is_made_again(link: Link) -> None:
    here = looked_at(link, "bold-wren")
    other = mirror.directory("gpu01", "of-old").path
    other.mkdir()
    (other / claim.TOLD).write_text("{}")
    for folder in (here.path, other):
        os.utime(folder / claim.TOLD, (0, 0))
    (here.path / "run.json").unlink()
    assert looked_at(link, "bold-wren").run()["model"]
    assert not other.exists()


def test_files_that_the_run_has_no_more_are_no_more_here(link: Link) -> None:
    """A run may be made anew under its name while nobody looks."""
    here = looked_at(link, "bold-wren")
    (here.path / "series.json").write_text('{"seeds": [1]}')
    kept = Mirror(link, "bold-wren")
    kept.want_large()
    old = here.predictions_dir / "embeddings.npz"
    old.parent.mkdir(exist_ok=True)
    old.write_bytes(b"old")
    kept.start()
    wait_for(lambda: not old.exists())
    assert not (here.path / "series.json").exists()
    kept.stop()


def test_a_command_that_the_host_refuses_is_not_waited_for(kept: Mirror) -> None:
    sent = commands.send(kept.directory.path, "dance", {})
    assert wait_for(lambda: commands.refusal(kept.directory.path, sent)) == "dance: this worker does not know it"
    assert commands.take(kept.directory.path) == []


def test_an_answer_that_nobody_thought_of_ends_no_thread(kept: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(self: Link, *words: object, **more: object) -> None:
        raise RecursionError

    reader = RunReader(kept.directory)
    with monkeypatch.context() as patch:
        patch.setattr(Link, "ask", ask)
        said = wait_for(lambda: reader.status().name == "silent" and reader.status().why)
        assert said == "gpu01 does not answer: an answer that makes no sense (RecursionError)"
    wait_for(lambda: reader.status().name == "running")


def test_a_link_survives_an_answer_that_nobody_thought_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def hold(self: Link) -> str:
        raise RecursionError

    monkeypatch.setattr(Link, "_connect_and_listen", hold)
    link = Link(Host("gpu01", ("false",)))
    link.start()
    with pytest.raises(HostError, match=r"makes no sense \(RecursionError\)"):
        link.wait()
    assert link._thread.is_alive()
    link.close()


def test_clocks_that_differ_are_known() -> None:
    assert _ahead(1_000.0, 1_001.0) == 0.0
    assert _ahead(4_600.0, 1_000.0) == 3_600.0
    for nothing in (None, "x", 1e400, [], float("nan")):
        assert _ahead(nothing, 1_000.0) == 0.0


def test_the_time_of_a_status_is_by_the_clock_here(kept: Mirror) -> None:
    told = claim.read_told(kept.directory.path)
    assert told is not None
    kept._link.state = replace(kept._link.state, ahead=3_600.0)
    there = {"status": "running", "alive": True, "since": 5_000.0}
    kept._tell(there)
    found = claim.read_told(kept.directory.path)
    kept._link.state = replace(kept._link.state, ahead=0.0)
    assert found is not None
    assert found.since == 1_400.0


class Busy:
    """A link to a host where a file is written anew each time it is asked for, `times` times."""

    def __init__(self, times: int) -> None:
        self.times, self.asked = times, 0

    def ask(self, at: int = 0, **question: object) -> dict[str, object]:
        self.asked += 1
        return {"stamp": [min(self.asked, self.times)], "text": "x" if at == 0 or self.asked < self.times else ""}


def test_a_file_that_is_written_all_the_time_waits_for_the_next_look(tmp_path: Path) -> None:
    target = tmp_path / "validation-latest.npz"
    endless = Busy(1000)
    assert not transfer.fetch(endless, target, do="large")  # type: ignore[arg-type]
    assert endless.asked < 10
    assert not any(tmp_path.glob("*npz*"))
    assert transfer.fetch(Busy(2), target, do="large")  # type: ignore[arg-type]
    assert target.read_text() == "x"


def test_a_mirror_sees_to_commands_while_a_large_file_comes(tmp_path: Path, kept: Mirror, far_home: Path) -> None:
    kept.stop(5.0)
    commands.send(kept.directory.path, "checkpoint", {}, "ann@laptop")
    assert kept._see_to_others(), "it is to stop"
    assert not commands.take(kept.directory.path)
    for command in commands.take(far_home / "runs" / "brisk-otter"):
        commands.done(command)
    assert not transfer.fetch(Busy(1), tmp_path / "x", leaves=lambda: True, do="large")  # type: ignore[arg-type]
