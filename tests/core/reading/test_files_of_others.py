"""Files of a run directory that anybody may have written: none of them holds up a list, fills the memory or ends in a
traceback."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dltui.core.errors import RunError
from dltui.core.reading import reader as reading
from dltui.core.reading.reader import RunReader
from tests.helpers.marks import few
from tests.helpers.sample_run import make_sample_run

FILES = ("run.json", "labels.json", "events.jsonl", "live.json", "birth.json", "lock", "worker.log")
SECONDS = 20
"""Much more than a list takes: a test that hangs ends."""
MEMORY = 1 << 30
"""Bytes of address space that a list may take."""


def sparse(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.touch()
    os.truncate(path, 3 << 30)


def pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def nested(path: Path) -> None:
    path.write_text('{"host":' + "[" * 100_000)


def folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def listed(home: Path) -> list[dict[str, object]]:
    """`dltui runs --json` with little memory and time."""
    limit = (MEMORY, MEMORY)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "dltui", "runs", "--json"],
        env={**os.environ, "DLTUI_HOME": str(home), "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limit),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, object]] = json.loads(done.stdout)
    return rows


@pytest.mark.skipif(sys.platform != "linux", reason="needs sparse files and limits on memory")
@pytest.mark.parametrize("spoil", few([pipe, sparse, nested, folder], 1, long=1), ids=lambda spoil: spoil.__name__)
def test_a_list_does_not_wait_for_a_file_or_swallow_it(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    make_sample_run(tmp_path / "runs", run_id="good")
    for name in FILES:
        spoil(make_sample_run(tmp_path / "runs", run_id=f"bad-{name}").path / name)
    rows = {str(row["id"]): row for row in listed(tmp_path)}
    assert rows["good"]["status"] == "finished"
    assert set(rows) == {"good", *(f"bad-{name}" for name in FILES)}
    assert rows["bad-run.json"]["status"] == "failed"


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("name", ["time", "phase_since", "slowest", "still", "step", "pid", "attempt"])
def test_a_heartbeat_holds_numbers(tmp_path: Path, name: str, word: str) -> None:
    make_sample_run(tmp_path / "runs", run_id="good")
    live = make_sample_run(tmp_path / "runs", run_id="bad", status="interrupted").path / "live.json"
    content = json.dumps({**json.loads(live.read_text()), name: "HERE"}).replace('"HERE"', word)
    live.write_text(content)
    reader = RunReader(live.parent)
    reader.refresh()
    assert reader.live() is None
    assert reader.status().name == "interrupted"


def test_a_line_without_an_end_is_read_once(tmp_path: Path) -> None:
    """In a time that grows with its length alone, and without keeping it."""
    log = make_sample_run(tmp_path, run_id="r").path / "events.jsonl"
    with log.open("ab") as file:
        file.write(b"x" * (40 << 20))
    reader = RunReader(log.parent)
    reader.refresh()
    assert reader.status().name == "finished"
    assert reader.bad_lines == 1
    assert not reader.refresh()


def test_predictions_that_unpack_to_too_much_are_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reading._MOST_UNPACKED <= 2 << 30
    monkeypatch.setattr(reading, "_MOST_UNPACKED", 16 << 20)
    run = make_sample_run(tmp_path, run_id="r")
    path = run.predictions_dir / "test.npz"
    path.unlink()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("ids", "split", "epoch", "labels", "top", "probabilities", "wrong", "thumbnails"):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array_header_1_0(
                    file, {"descr": "|u1", "fortran_order": False, "shape": (4 << 20,)}
                )
                file.write(bytes(4 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(RunError, match="unpacks to"):
        RunReader(run).predictions("test")
