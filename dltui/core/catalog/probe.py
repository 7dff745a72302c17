"""Asks the probe about sources, keeps the answers, and asks again only when something has changed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import paths
from dltui.core.catalog.sources import FIRST, Installed, Source, digest, own, scan, stamps
from dltui.core.errors import DltuiError, UsageError

if TYPE_CHECKING:
    from dltui.core.machine.sandbox import Job, Outcome

Record = dict[str, Any]

SECONDS = 10.0
"""For a plugin to load, on a machine that has a processor for it."""
MOST_CROWDING = 6.0
FRAMEWORK_PATIENCE = 6
"""Times as long for a file that imports a framework when it is loaded."""
IMPORTS_FRAMEWORK = re.compile(rb"^(?:import|from)\s+(?:torch|tensorflow|keras)", re.MULTILINE)
PASSING = re.compile(rb"\b(OSError|FileNotFoundError|BlockingIOError|InterruptedError|MemoryError|KeyboardInterrupt)\b")
"""In the answer of a plugin that could not be loaded: the machine lacked something, or a signal came."""
KINDS = ("models", "families", "backends", "datasets", "exporters", "loggers", "launchers")
RETRY_SECONDS = 3600.0
"""A plugin that was too slow or too large is tried again after this time; other failures when it changes."""
FULL_BYTES = 64 * 1024
KEPT_SECONDS = 60 * 86_400.0
ATTEMPT_SECONDS = 30.0


def plugin_seconds() -> float:
    """The time limit for loading a plugin, in seconds; a first `import torch` over a network disk needs more. On a busy
    machine it is longer.
    """
    with contextlib.suppress(ValueError):
        return max(0.1, float(os.environ.get("DLTUI_PLUGIN_SECONDS", "")))
    return SECONDS * min(_crowding(), MOST_CROWDING)


def _crowding() -> float:
    """The number of processes that share a processor, on average over the last minute; at least 1."""
    try:
        return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    except OSError:
        return 1.0


def records(
    sources: Sequence[Source], refresh: bool, seconds: float, kept_only: bool = False, given: Collection[str] = ()
) -> dict[str, Record]:
    """The record of each source by its digest: {"models": [...], ..., "errors": [[where, reason, missing module]]}.

    With `kept_only` no process is started, and a source without a kept answer gets an empty record. A file among the
    paths in `given` that was too slow before is tried again at once, because the user waits for it.
    """
    found: dict[str, Record] = {}
    for source in sources:
        record = None if refresh else kept(source.digest)
        if record is not None and "retry" in record and source.path in given and not kept_only:
            record = None
        if record is not None and all(isinstance(record.get(kind), list) for kind in (*KINDS, "errors")):
            found[source.digest] = record
    unknown = [source for source in sources if source.digest not in found]
    if kept_only:
        return {source.digest: {} for source in unknown} | found
    if not unknown:
        return found
    from dltui.core.machine import sandbox
    from dltui.core.machine.cpu import cpu_count

    # Nothing that is only looked at may take memory of a GPU.
    environment = {"CUDA_VISIBLE_DEVICES": ""}
    commands = [command(source.python, "catalog", source) for source in unknown]
    jobs = [
        sandbox.Job(words, b"", seconds * patience(source.kind, source.path), environment=environment)
        for source, words in zip(unknown, commands, strict=True)
    ]
    for source, outcome in zip(unknown, _run_all(jobs, max(2, cpu_count())), strict=True):
        record = found[source.digest] = _record(source, outcome)
        if _holds(source, outcome, record):
            keep(source.digest, record)
    return found


def _run_all(jobs: Sequence[Job], at_once: int = 2) -> list[Outcome]:
    """Run jobs; those that failed for a reason that may be gone are run a second time."""
    from dltui.core.machine import sandbox

    outcomes = sandbox.run_all(jobs, at_once)
    again = [number for number, outcome in enumerate(outcomes) if not outcome.slow and _is_passing(outcome)]
    for number, outcome in zip(again, sandbox.run_all([jobs[number] for number in again], at_once), strict=True):
        outcomes[number] = outcome
    return outcomes


def _is_passing(outcome: Outcome) -> bool:
    """True if the next try may succeed."""
    if outcome.reason:
        return outcome.passing
    return not _is_json(outcome.answer)


def _holds(source: Source, outcome: Outcome, record: Record) -> bool:
    """True if the record of a probe is to be kept: a failure that may pass is not. The failure of a slow plugin is kept
    for a while, since each try costs its time at the start, but never that of the plugins in the box.
    """
    if outcome.slow:
        return source.name != FIRST
    return not record["errors"] or not (_is_passing(outcome) or PASSING.search(outcome.answer))


def _is_json(answer: bytes) -> bool:
    try:
        return isinstance(json.loads(answer), dict)
    except (ValueError, RecursionError):
        return False


def patience(kind: str, path: str | None) -> int:
    """The factor on the time limit of a source; a file may import its framework, which takes long on a busy machine."""
    if kind != "file" or not path:
        return 1
    try:
        return FRAMEWORK_PATIENCE if IMPORTS_FRAMEWORK.search(Path(path).read_bytes()) else 1
    except OSError:
        return 1


def installed(python: str, kept_only: bool = False) -> Installed:
    """The packages and plugins of an interpreter. Another interpreter is started only when its folders have changed,
    and with `kept_only` never.
    """
    if python == sys.executable:
        return own()
    key = "interpreter-" + digest([python, os.environ.get("PYTHONPATH")])
    known = kept(key)
    if known is not None and known.get("stamps") == _folder_stamps(python, known["path"]):
        return scan(known["path"], python)
    if kept_only:
        return Installed(python, problem="not looked at yet")
    from dltui.core.machine import sandbox

    outcome = _run_all([sandbox.Job(command(python, "search-path", None), seconds=ATTEMPT_SECONDS)])[0]
    try:
        path = [str(folder) for folder in json.loads(outcome.answer)["path"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Installed(python, problem=_no_answer(python, outcome, "starting"))
    keep(key, {"path": path, "stamps": _folder_stamps(python, path)})
    return scan(path, python)


def command(python: str, question: str, source: Source | Mapping[str, Any] | None) -> list[str]:
    """The command line that starts the probe; "{fd}" is left for the sandbox to fill in."""
    record = source.to_json() if isinstance(source, Source) else dict(source or {})
    return [python, "-P", "-m", "dltui.core.catalog.probe_process", "--fd", "{fd}", f"--{question}", json.dumps(record)]


def answer(python: str, question: str, source: Mapping[str, Any], details: Record, seconds: float) -> Record:
    """The probe's answer to a question about a source. Raises UsageError when the answer is an error or missing."""
    from dltui.core.machine import sandbox
    from dltui.core.text import clean_line

    job = sandbox.Job(command(python, question, source), json.dumps(details).encode(), seconds, memory=8_000_000_000)
    outcome = _run_all([job])[0]
    try:
        found = json.loads(outcome.answer)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UsageError(f"plugin {source.get('name')}: {_no_answer(python, outcome, 'answering')}")
    if "error" in found:
        raise UsageError(clean_line(found["error"], 500))
    return found


def _record(source: Source, outcome: Outcome) -> Record:
    from dltui.core.text import clean_line

    try:
        found = _clean(json.loads(outcome.answer)) if not outcome.reason else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or "error" in found:
        reason = found.get("error") if isinstance(found, dict) else _no_answer(source.python, outcome, "loading")
        found = {"errors": [["", clean_line(reason, 300), ""]]}
    record: Record = {kind: _list(found.get(kind)) for kind in (*KINDS, "errors")}
    record["output"] = clean_line(outcome.output, 2000)
    if outcome.slow:
        record["retry"] = time.time() + RETRY_SECONDS
    return record


def _no_answer(python: str, outcome: Outcome, doing: str) -> str:
    """A one-line reason why a probe gave no usable answer."""
    from dltui.core.text import clean_line

    if outcome.reason:
        return f"{outcome.reason} while {doing}" if outcome.code != 127 else outcome.reason
    last = clean_line((outcome.output.strip().splitlines() or [""])[-1], 200)
    if ("dltui" in last and "No module named" in last) or "while finding module specification for 'dltui" in last:
        return f"dltui is not installed in {python}; run: {python} -m pip install dltui"
    if "option: -P" in outcome.output:
        return f"{python} is older than Python 3.11"
    reason = _full_disk() or last
    return f"ended its process while {doing} (exit code {outcome.code})" + (
        f": {reason}" if reason and outcome.code else ""
    )


def _full_disk() -> str:
    """The name of the full disk that a probe writes to; "" when there is none."""
    import tempfile

    from dltui.core import fs

    for folder in (tempfile.gettempdir(), paths.cache_dir()):
        with contextlib.suppress(OSError):
            if fs.free_bytes(Path(folder)) < FULL_BYTES:
                return f"no room on the disk of {folder}"
    return ""


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _clean(value: Any) -> Any:
    """An answer with all strings cleaned, down to the keys: it comes from untrusted code."""
    from dltui.core.text import clean_line

    if isinstance(value, str):
        return clean_line(value, 2000)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {clean_line(key, 200): _clean(item) for key, item in value.items()}
    return value


def _folder() -> Path:
    return paths.cache_dir() / "catalog"


def kept(key: str) -> Record | None:
    """The record in the cache under a key; None if there is none, or if it is due for another try."""
    try:
        record = json.loads((_folder() / f"{key}.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or record.get("retry", float("inf")) < time.time():
        return None
    return record


def keep(key: str, record: Record) -> None:
    """Store a record in the cache, and remove old ones; a cache that cannot be written only costs time."""
    from dltui.core import fs

    with contextlib.suppress(OSError, DltuiError):
        paths.ensure_private_dir(_folder())
        fs.write_atomic(_folder() / f"{key}.json", json.dumps(record).encode(), sync=False)
        for file in _folder().iterdir():
            if time.time() - file.stat().st_mtime > KEPT_SECONDS:
                file.unlink()


def _folder_stamps(python: str, path: Sequence[str]) -> list[list[Any]]:
    """Stamps that change with any installation, and when the interpreter is replaced."""
    executable = Path(python)
    files = [executable, executable.parent.parent / "pyvenv.cfg", *map(Path, path)]
    return [list(stamp) for stamp in stamps(files)]
