"""A run on another host over a real sshd on loopback: started, watched, steered, through a cut of the link, and its
figures taken home.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dltui.core.hosts import address
from dltui.core.hosts.link import Link
from dltui.core.hosts.mirror import Mirror
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import commands
from dltui.core.worker import figures
from tests.helpers import sshd
from tests.helpers.far import wait_for
from tests.helpers.known_catalog import FAKE, Fill
from tests.helpers.marks import is_long
from tests.helpers.sshd import Sshd
from tests.journeys.program import Program

pytestmark = [pytest.mark.slow(20), pytest.mark.timeout(300)]
RUN = ("softmax-numpy", "--plugin", str(FAKE), "--dataset", "blobs", "--epochs", "60", "--step-seconds", "0.02")


@pytest.fixture
def network(tmp_path: Path, program: Program, know_catalog: Fill, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    if sshd.missing():
        pytest.skip(sshd.missing())
    made = Sshd(tmp_path / "net", ["gpu01", "gpu02"])
    for home in made.homes.values():
        know_catalog(home)
    environment = f"DLTUI_FORMAT={figures.NONE} OMP_NUM_THREADS=1"
    (program.home / "config.toml").write_text(made.settings().replace("env ", f"env {environment} "))
    (program.home / "config.toml").chmod(0o600)
    program.environment["DLTUI_SSH"] = made.program()
    for name in ("DLTUI_HOME", "DLTUI_SSH"):
        monkeypatch.setenv(name, program.environment[name])
    monkeypatch.chdir(tmp_path)
    made.start()
    yield made
    made.stop()


def exports(network: Sshd) -> tuple[str, str]:
    """Not below the home of the user who runs the tests, where a login begins."""
    return "--exports", str(network.folder / "exports")


def acknowledged(reader: RunReader, command: str) -> bool:
    reader.refresh()
    return any(entry["id"] == command for entry in reader.history.commands)


def test_a_run_of_another_host_is_like_one_of_this_one(
    program: Program, network: Sshd, pytestconfig: pytest.Config
) -> None:
    there = network.homes["gpu01"] / "runs" / "r"
    assert (
        "gpu01:r trains in the background"
        in program(
            "train", *RUN, "--epochs", "900", "--host", "gpu01", "--name", "r", *exports(network), "--detach"
        ).stdout
    )
    link = Link(address.chosen(["gpu01"])[0])
    link.start()
    link.wait()
    kept = Mirror(link, "r")
    kept.start()
    kept.ready()
    reader = RunReader(kept.directory)
    wait_for(lambda: acknowledged(reader, "") or len(reader.history.epochs) > 1, 60)

    # Steered from here, by a file in the mirror: what `dltui pause gpu01:r` does.
    sent = commands.send(kept.directory.path, "set", {"lr": 0.05}, "ann@laptop")
    wait_for(lambda: acknowledged(reader, sent))

    # Cut, and what is asked meanwhile waits.
    network.stop()
    silent = wait_for(lambda: reader.status().name == "silent" and reader.status(), 30)
    assert silent.why.startswith("gpu01 does not answer: ")
    epochs = len(reader.history.epochs)
    sent = commands.send(kept.directory.path, "pause", {}, "ann@laptop")
    time.sleep(60 if is_long(pytestconfig) else 1)
    network.start()
    link.nudge()
    wait_for(lambda: acknowledged(reader, sent), 60)
    assert len(reader.history.epochs) > epochs
    wait_for(lambda: reader.status().name == "paused")
    assert reader.bad_lines == 0
    kept.refresh()
    assert kept.directory.events_path.read_bytes() == (there / "events.jsonl").read_bytes()
    reader.refresh()
    assert sum(entry["id"] == sent for entry in reader.history.commands) == 1

    commands.send(kept.directory.path, "stop", {}, "ann@laptop")
    wait_for(lambda: reader.status().name == "stopped", 60)
    kept.stop()
    link.close()
    # Its worker may still be at its figures.
    wait_for(lambda: "stopped" in program("runs", "--host", "gpu01").stdout, 60)
    assert "gpu01:cpu" in program("runs", "--host", "gpu01").stdout


@pytest.mark.long
def test_figures_are_drawn_there_and_taken_home(program: Program, network: Sshd) -> None:
    done = program("train", *RUN, "--host", "gpu02", "--name", "r", *exports(network), "--epochs", "2", "--plain")
    assert "epoch 2/2" in done.stdout
    program("export", "gpu02:r")
    names = {path.name for path in (program.folder / "exports" / "gpu02-r").iterdir()}
    assert {"summary.json", "confusion_matrix.svg"} <= names
    assert "nothing to pause" in program("pause", "gpu02:r", code=2).stderr
    assert "gpu02:r goes on" in program("resume", "gpu02:r", "--more-epochs", "1", "--detach").stdout
    plain = program("attach", "gpu02:r", "--plain").stdout
    assert "epoch 3/3" in plain


def test_a_host_that_does_not_answer_says_why_in_a_line(program: Program, network: Sshd) -> None:
    network.stop()
    said = program("runs", "--host", "gpu01", code=1).stderr
    assert said == "dltui: gpu01 does not answer: Connection refused\n"
