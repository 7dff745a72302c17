"""Trains a run again from its receipt alone: `receipt.json`, or the `summary.json` of an export, which holds it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import fs, paths
from dltui.core.errors import RunError, UsageError
from dltui.core.lifecycle import create
from dltui.core.lifecycle.proof import repetition, verify
from dltui.core.lifecycle.proof.receipt import FORMAT
from dltui.core.lifecycle.proof.repetition import Difference, Verdict
from dltui.core.machine.devices import cpu_count
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.directory import FORMAT as RUN_FORMAT
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.log import encode
from dltui.core.text import clean_line
from dltui.core.worker import figures

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, DatasetEntry

SUFFIX = ".json"
MOST_BYTES = 64 << 20
NEEDED = ("model", "dataset", "config", "threads", "weights_sha256", "status", "device")


def is_receipt(text: str) -> bool:
    """True for the path of a receipt, where a run could be meant."""
    return text.endswith(SUFFIX) and paths.is_file(text)


def read(path: Path) -> dict[str, Any]:
    """The receipt in a file. Raises UsageError for another file, and for a run that cannot be repeated."""
    name = clean_line(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{name} is no receipt of dltui")
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = clean_line(getattr(error, "strerror", None) or "it is no JSON", 200)
        raise UsageError(f"cannot read {name}: {reason}") from None
    if not isinstance(found, dict) or any(key not in found for key in NEEDED) or not _has_types(found):
        raise UsageError(f"{name} is no receipt of dltui; `dltui export RUN --receipt` writes one")
    if (found.get("receipt") or FORMAT) > FORMAT:
        raise UsageError(f"{name} is of a newer dltui; upgrade dltui")
    problem = _refusal(found)
    if problem:
        raise UsageError(f"{clean_line(found.get('run_id'), 100)} {problem}")
    return found


def _has_types(receipt: Mapping[str, Any]) -> bool:
    """True if what is used of a receipt has the types that it was written with."""
    kinds: dict[str, type] = {
        "config": dict,
        "dataset_options": dict,
        "versions": dict,
        "plugin": dict,
        "dropped": dict,
    }
    kinds |= {"steering": list, "receipt": int}
    if any(receipt.get(key) and not isinstance(receipt[key], kind) for key, kind in kinds.items()):
        return False
    steered = all(
        isinstance(one, dict) and one.get("action") in verify.STEERING for one in receipt.get("steering") or ()
    )
    dropped = receipt.get("dropped")
    return steered and (not dropped or (isinstance(dropped.get("file"), str) and isinstance(dropped.get("rows"), list)))


def _refusal(receipt: Mapping[str, Any]) -> str:
    if receipt["status"] != "finished":
        return f"is {clean_line(receipt['status'], 20)}: only runs that have finished are repeated"
    if receipt.get("parent"):
        return f"begins with a checkpoint of {clean_line(receipt['parent'], 100)}, which its receipt does not hold"
    if receipt.get("twin_start"):
        return "begins with the weights of its twin, which its receipt does not hold: verify the twin"
    extended = any(one.get("action") == "extend" for one in receipt.get("steering") or ())
    why = verify.not_again(receipt["config"], extended)
    if why:
        return why
    if not receipt["weights_sha256"]:
        return "has no SHA-256 of its weights: it is of an earlier version"
    return ""


def prove(
    receipt: Mapping[str, Any], catalog: Catalog, tell: Callable[[str], None] = lambda text: None
) -> tuple[Verdict, dict[str, Any]]:
    """Train the run of a receipt again with the models and datasets of a catalog and compare its weights; also what
    run.json says of the repetition. Raises UsageError when model or data are not here, RunError when it cannot be
    trained to its end.
    """
    asked = _request(receipt, catalog, tell)
    try:
        return _repeated(receipt, asked, tell)
    except OSError as error:
        reason = clean_line(error.strerror or error, 200)
        raise RunError(f"{asked['name']} cannot be trained again here: {reason}") from error


def _repeated(
    receipt: Mapping[str, Any], asked: dict[str, Any], tell: Callable[[str], None]
) -> tuple[Verdict, dict[str, Any]]:
    with verify.temporary_folder() as folder:
        again = RunReader(RunDirectory.temporary(folder / str(asked["name"]), asked))
        lines = _steering(receipt)
        if lines:
            fs.write_new(again.directory.events_path, b"".join(lines))
        with verify.running(again.directory) as worker:
            verify.follow(again, worker, tell, lambda: False)
        found = _verdict(receipt, again)
        verify.check_finished(again, found)
        return found, again.run


def _request(receipt: Mapping[str, Any], catalog: Catalog, tell: Callable[[str], None]) -> dict[str, Any]:
    """What run.json of the repetition says."""
    name = clean_line(receipt.get("run_id") or "receipt", 60).replace("/", "-").lstrip(".") or "receipt"
    entry, options = _dataset(receipt, catalog)
    model = catalog.known_model(str(receipt["model"]))
    if model is None:
        raise UsageError(f"{name}: its model {clean_line(receipt['model'], 100)} is not here; --plugin FILE brings one")
    known = {field.name for field in model.fields}
    config = {key: value for key, value in receipt["config"].items() if key in known}
    gone = sorted(set(receipt["config"]) - known)
    if gone:
        raise UsageError(f"{name}: the model has no {clean_line(', '.join(gone), 100)} any more")
    wanted = create.RunRequest(
        model=model.id,
        dataset=entry.name,
        dataset_options=options,
        device=str(receipt["device"]),
        # Without a test nothing mirrors it; a trial of a sweep has it set for the winner.
        config=config if config.get("test", True) else {**config, "mirror_test": False},
        dropped=receipt.get("dropped"),
    )
    try:
        checked = create.check_request(wanted, catalog).prepare(tell)
    except RunError as error:
        raise UsageError(str(error)) from None
    threads = config.get("threads") or receipt["threads"]
    if threads != cpu_count() or config.get("threads"):
        config["threads"] = threads
    own = {"exports": "exports", "formats": [figures.NONE], "loggers": [], "share": None, "twin": None, "name": name}
    record = {"format": RUN_FORMAT, "id": name, **checked.record(wanted)}
    return {**record, "config": config, "created": time.time(), **own}


def _dataset(receipt: Mapping[str, Any], catalog: Catalog) -> tuple[DatasetEntry, dict[str, Any]]:
    """The dataset that a receipt names, by its own name or as PLUGIN:PATH, with its options."""
    options = dict(receipt.get("dataset_options") or {})
    title = str(receipt["dataset"])
    entry = catalog.datasets.get(title)
    if entry is None and options.get("path"):
        entry = catalog.datasets.get(title.partition(":")[0])
    if entry is None:
        raise UsageError(f"its dataset {clean_line(title, 100)} is not here; --plugin FILE brings one")
    known = {field.name for field in entry.fields}
    return entry, {key: value for key, value in options.items() if key in known}


def _steering(receipt: Mapping[str, Any]) -> list[bytes]:
    """The commands that steered the run, as lines of a log."""
    lines = []
    for number, one in enumerate(receipt.get("steering") or (), 1):
        # What a receipt says never decides which kind of line this is: the end of a run has to come from a worker.
        event = {
            "epoch": 0,
            **one,
            "type": "command_obeyed",
            "id": secrets.token_hex(8),
            "by": "its receipt",
            "sent": 0.0,
        }
        lines.append(encode({**event, "seq": number, "time": time.time(), "elapsed": 0.0, "attempt": 1}))
    return lines


def _verdict(receipt: Mapping[str, Any], again: RunReader) -> Verdict:
    """The verdict about weights and final state; a receipt has no losses."""
    ended = again.history.ended
    weights = (str(receipt["weights_sha256"]), ended.weights_sha256 if ended else None)
    states = (receipt.get("state_sha256"), repetition.state_sha256(again.directory))
    same = weights[0] == weights[1] and (None in states or states[0] == states[1])
    name = clean_line(receipt.get("run_id"), 100)
    return Verdict(name, same, again.history.step, None, weights, states, tuple(_differences(receipt, again)), False)


def _differences(receipt: Mapping[str, Any], again: RunReader) -> list[Difference]:
    """The differences between the environment that a receipt names and that of the repetition."""
    attempt = again.history.attempt
    if attempt is None:
        return []
    versions = receipt.get("versions") or {}
    then = {
        "data": str(receipt.get("data_fingerprint") or "-")[: repetition.DIGITS],
        "threads": receipt["threads"],
        "steps are run": receipt.get("mode") or "-",
        "device": f"{receipt['device']} ({receipt.get('device_title')})",
        "host": receipt.get("host"),
        "code of the model": str((receipt.get("plugin") or {}).get("code") or "-")[: repetition.DIGITS],
        **versions,
    }
    now = {
        "data": str(attempt.dataset.get("fingerprint") or "-")[: repetition.DIGITS],
        "threads": attempt.threads,
        "steps are run": attempt.mode or "-",
        "device": f"{attempt.device.get('name')} ({attempt.device.get('title')})",
        "host": attempt.host,
        "code of the model": str(attempt.plugin.get("code") or "-")[: repetition.DIGITS],
        **attempt.versions,
    }
    return [
        Difference(clean_line(name, 60), clean_line(then[name], 100), clean_line(now.get(name, "-"), 100))
        for name in then
        if str(then[name]) != str(now.get(name, "-"))
    ]
