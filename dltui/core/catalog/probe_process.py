"""Loads one plugin source and answers questions about it: `python -P -m dltui.core.catalog.probe_process`.

    probe --fd N [QUESTION] SOURCE

SOURCE is JSON; a question's details come as JSON on stdin; the answer is JSON written to file descriptor N, so that
whatever a plugin prints cannot be taken for it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import resource
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from dltui.core.catalog import plugin_loader
from dltui.core.catalog.describe import NAME, describe, member_record
from dltui.core.catalog.plugin_loader import explain
from dltui.core.catalog.schema import settled, validated
from dltui.core.catalog.sources import Source
from dltui.core.errors import DltuiError, PluginError

Record = dict[str, Any]

FILE_BYTES = 64 << 20
"""Largest file that a plugin may write while it is looked at."""


def catalog(source: Record, asked: Record) -> Record:
    """The items of the source, each with its entry point, so that a worker can load that entry point alone."""
    whole = Source.from_json(source)
    parts = [replace(whole, entry_points=(point,)) for point in whole.entry_points] or [whole]
    answer: Record = {}
    for part in parts:
        for kind, found in describe(plugin_loader.load(part)).items():
            if kind != "errors":
                found = [{**item, "entry_points": part.entry_points} for item in found]
            answer.setdefault(kind, []).extend(found)
    return answer


def check(source: Record, asked: Record) -> Record:
    """The full, validated config of a model: {"model": id, "config": {...}} -> {"config": {...}}. It is for a new run,
    as the context of the validation says, so that files which it names can be looked at.
    """
    config = plugin_loader.load_model(source, asked["model"]).config
    return {"config": settled(config, asked.get("config", {}), {"new_run": True})}


def dataset_check(source: Record, asked: Record) -> Record:
    """The full, validated options of a dataset: {"dataset": name, "options": {...}} -> {"options": {...}}."""
    dataset = plugin_loader.load_dataset(source, asked["dataset"])
    return {"options": settled(dataset.options, asked.get("options", {}))}


def launcher_check(source: Record, asked: Record) -> Record:
    """The full, validated options of a launcher: {"launcher": name, "options": {...}} -> {"options": {...}}."""
    launcher = plugin_loader.load_launcher(source, asked["launcher"])
    return {"options": settled(launcher.options, asked.get("options", {}))}


def dataset_sources(source: Record, asked: Record) -> Record:
    """The files that would be read: {"dataset", "options", "data_dirs"} -> {"sources": [path] | null}."""
    dataset = plugin_loader.load_dataset(source, asked["dataset"])
    options = validated(dataset.options, asked.get("options", {}))
    found = plugin_loader.sources_of(dataset, options, [Path(folder) for folder in asked.get("data_dirs", ())])
    return {"sources": None if found is None else [str(path) for path in found]}


def dataset_preview(source: Record, asked: Record) -> Record:
    """A preview of the data at a dataset's path: {"dataset", "options"} -> {"preview": {...}}. Raises PluginError for a
    dataset without a preview.
    """
    from dltui.core.contract import Preview

    dataset = plugin_loader.load_dataset(source, asked["dataset"])
    if dataset.preview is None:
        raise PluginError(f"dataset {dataset.name} has nothing to show before it is prepared")
    found = dataset.preview(validated(dataset.options, asked.get("options", {})))
    if not isinstance(found, Preview):
        raise PluginError(f"preview of dataset {dataset.name} returned a {type(found).__name__}; return Preview(...)")
    return {"preview": asdict(found)}


def layers(source: Record, asked: Record) -> Record:
    """A model's structure: {"model", "config", "spec", "backend_source"} -> {"layers": [...]}."""
    from dltui.core.contract import Spec

    model = plugin_loader.load_model(source, asked["model"])
    backend = plugin_loader.load_backend(asked.get("backend_source") or source, model.framework)
    spec = Spec.from_json(asked["spec"])
    config = validated(model.config, asked.get("config", {}))
    return {"layers": [asdict(layer) for layer in backend.layers(model, config, spec)]}


def members(source: Record, asked: Record) -> Record:
    """The members of a family: {"family"} -> {"members": [...]}. Those whose name cannot be typed are left out."""
    found = plugin_loader.load_family(source, asked["family"]).members()
    return {"members": [member_record(member) for member in found if NAME.fullmatch(member.name)]}


def about_members(source: Record, asked: Record) -> Record:
    """All about some members of a family: {"family", "names"} -> {"members": [...]}."""
    family = plugin_loader.load_family(source, asked["family"])
    return {"members": [member_record(family.about(name)) for name in asked["names"]]}


def devices(source: Record, asked: Record) -> Record:
    """The devices that a framework can use: {"framework"} -> {"devices": [...]}."""
    return {"devices": [dict(device) for device in plugin_loader.load_backend(source, asked["framework"]).devices()]}


def imports(source: Record, asked: Record) -> Record:
    """Import a module: {"module"} -> {"version", "python"}. Raises the import's error."""
    module = importlib.import_module(asked["module"])
    return {"version": str(getattr(module, "__version__", "")), "python": platform.python_version()}


def search_path(source: Record, asked: Record) -> Record:
    """The interpreter's search path for packages."""
    return {"path": sys.path, "executable": sys.executable}


QUESTIONS: dict[str, Callable[[Record, Record], Record]] = {
    "about-members": about_members,
    "catalog": catalog,
    "check": check,
    "dataset-check": dataset_check,
    "dataset-preview": dataset_preview,
    "dataset-sources": dataset_sources,
    "devices": devices,
    "imports": imports,
    "launcher-check": launcher_check,
    "layers": layers,
    "members": members,
    "search-path": search_path,
}


def main() -> None:
    """Answer one question and leave at once: no thread, exit handler or forked child of a plugin comes after."""
    arguments = _arguments()
    pid = os.getpid()
    _limit()
    try:
        asked = {} if arguments.question in ("catalog", "search-path") else json.load(sys.stdin)
        answer = QUESTIONS[arguments.question](json.loads(arguments.source), asked)
        text = json.dumps(answer, allow_nan=False)
    except DltuiError as error:
        text = json.dumps({"error": str(error)})
    except BaseException as error:
        text = json.dumps({"error": explain("", error).reason})
    if os.getpid() == pid:
        _write(arguments.fd, text.encode())
    os._exit(0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dltui.core.catalog.probe_process")
    parser.add_argument("--fd", type=int, default=1)
    for name in QUESTIONS:
        parser.add_argument(f"--{name}", dest="question", action="store_const", const=name, default="catalog")
    parser.add_argument("source")
    return parser.parse_args()


def _limit() -> None:
    """Limit this process: no core files, no endless files, and first to be killed when memory runs out."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    most = FILE_BYTES if hard == resource.RLIM_INFINITY else min(FILE_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    except OSError:
        return


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


if __name__ == "__main__":
    main()
