"""Run directories of the version before, left by a worker that was preempted in the middle of an epoch."""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dltui.core.rundir import checksum

FOLDER = Path(__file__).parents[1] / "journeys" / "earlier"
"""One archive a framework: softmax on the digits, 12 epochs of 1,293 steps. `expected.json` says what that version
made of the same run undisturbed, and on which processor."""


def unpack(framework: str, home: Path, exports: Path) -> Path:
    """The run directory in a home, with this interpreter and an exports folder of the test's own; its path."""
    extract(FOLDER / f"softmax-{framework}.tar.gz", home / "runs")
    run = home / "runs" / f"old-{framework}"
    content = json.loads((run / "run.json").read_text())
    sources = {name: content[name] | {"python": sys.executable} for name in content if name.endswith("_source")}
    change(run, {**sources, "python": sys.executable, "exports": str(exports), "cwd": str(exports.parent)})
    return run


def extract(archive: Path, folder: Path) -> None:
    """Unpack an archive, without owners and rights; Python before 3.11.4 knows no `filter`, and takes these as well."""
    with tarfile.open(archive) as packed:
        packed.extraction_filter = getattr(tarfile, "data_filter", None)
        packed.extractall(folder)


def change(run: Path, asked: Mapping[str, Any], found: Mapping[str, Any] | None = None) -> None:
    """Replace fields of run.json and of the first event as if they had been written so, checksums included."""
    content = checksum.opened(json.loads((run / "run.json").read_text()))
    assert content is not None
    (run / "run.json").write_text(json.dumps(checksum.sealed({**content, **asked}), indent=1))
    first, rest = (run / "events.jsonl").read_bytes().split(b"\n", 1)
    event = json.loads(first) | {"run_sha256": hashlib.sha256((run / "run.json").read_bytes()).hexdigest()}
    event = {key: value for key, value in (event | dict(found or {})).items() if key != "crc"}
    body = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()[:-1]
    (run / "events.jsonl").write_bytes(b'%b,"crc":"%08x"}\n' % (body, zlib.crc32(body)) + rest)
