"""`dltui train --host HOST --seeds 1,2,3`: the runs of a series on another host are followed as those of this one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dltui.core.errors import DltuiError
from dltui.core.hosts import mirror
from dltui.core.rundir.directory import RunDirectory
from dltui.tui.cli.follow import follow
from dltui.tui.cli.hosts import near
from dltui.tui.cli.launch import seeds
from dltui.tui.cli.main import run

TRAIN = ["train", "--host", "gpu01", "mlp", "--seeds", "1,2,3"]


class There:
    """A host with a series of three: how each run ends when it is followed, and what was done."""

    def __init__(self) -> None:
        self.ends = {f"gpu01:lab-s{seed}": "finished" for seed in (1, 2, 3)}
        self.codes: dict[str, int] = {}
        self.followed: list[str] = []
        self.fetched: list[str] = []
        self.fails = False
        self.taken_out: list[str] = []

    def follow(self, run: RunDirectory, style: str, **words: Any) -> int:
        assert words == {"asks": True, "fetched": True}
        self.followed.append(run.id)
        return self.codes.get(run.id, 0)

    def fetch(self, run: RunDirectory, as_json: bool) -> None:
        if self.fails:
            raise DltuiError(f"no figures of {run.id}")
        self.fetched.append(run.id)

    def rows(self, host: str) -> list[dict[str, Any]]:
        return [
            near._row("gpu01", {"id": name.partition(":")[2], "group": "lab", "seed": int(name[-1]), "status": status,
                                "metric": "accuracy", "best": 0.5})
            for name, status in self.ends.items()
        ]  # fmt: skip

    def take_out(self, runs: list[RunDirectory]) -> None:
        self.taken_out += [run.id for run in runs]
        self.ends |= dict.fromkeys(self.taken_out, "stopped")


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> There:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    found = There()
    monkeypatch.setattr(
        near, "train", lambda host, words: [mirror.directory(host, f"lab-s{seed}") for seed in (1, 2, 3)]
    )
    monkeypatch.setattr(near, "follow_run", mirror.directory)
    monkeypatch.setattr(near, "fetch_if_over", found.fetch)
    monkeypatch.setattr(near, "rows", found.rows)
    monkeypatch.setattr(near, "take_out", found.take_out)
    monkeypatch.setattr(follow, "follow", found.follow)
    monkeypatch.setattr(seeds, "_status", lambda run: found.ends[run.id] if found.ends[run.id] != "running" else None)
    return found


def test_all_are_followed_and_summed_up(there: There, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(TRAIN) == 0
    assert there.followed == there.fetched == list(there.ends)
    assert capsys.readouterr().out.startswith("gpu01:lab: 3 seeds (1, 2, 3), best validation accuracy 50.00 ±0.00 %")


def test_who_leaves_one_leaves_all(there: There, capsys: pytest.CaptureFixture[str]) -> None:
    there.ends["gpu01:lab-s1"] = "running"
    assert run(TRAIN) == 0
    assert there.followed == ["gpu01:lab-s1"]
    assert capsys.readouterr().out == "gpu01:lab-s2, gpu01:lab-s3 follow, one after the other\n"


def test_stopping_one_stops_those_that_follow(there: There, capsys: pytest.CaptureFixture[str]) -> None:
    there.ends["gpu01:lab-s2"] = "stopped"
    there.ends["gpu01:lab-s3"] = "queued"
    assert run(TRAIN) == 0
    assert (there.followed, there.taken_out) == (["gpu01:lab-s1", "gpu01:lab-s2"], ["gpu01:lab-s3"])
    assert "1 of 3 finished, stopped: ssh gpu01 dltui resume lab" in capsys.readouterr().out


def test_one_that_failed_hides_no_other(there: There) -> None:
    there.ends["gpu01:lab-s1"], there.codes["gpu01:lab-s1"] = "failed", 1
    assert run(TRAIN) == 1
    assert there.followed == there.fetched == list(there.ends)


def test_figures_that_cannot_be_fetched_hide_no_other_run(there: There, capsys: pytest.CaptureFixture[str]) -> None:
    there.fails = True
    assert run(TRAIN) == 1
    assert there.followed == list(there.ends)
    assert capsys.readouterr().err.count("dltui: no figures of gpu01:lab-s") == 3
