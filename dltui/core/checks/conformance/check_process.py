"""Checks a model in a process with its framework: `python -P -m dltui.core.checks.conformance.check_process FD`.

The question comes as JSON on stdin: {"model", "model_source", "backend_source"}, or {"source"} to look at an import.
The answers are lines of JSON on descriptor FD, each as soon as it is known, so that after a crash it is plain which
check it was.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from dltui.core.catalog import plugin_loader
from dltui.core.errors import DltuiError
from dltui.core.text import clean_line

NO_IMAGES = "it takes no images"
"""The message of a check that found a classification model without images."""
FRAMEWORKS = ("torch", "torchvision", "tensorflow", "keras", "jax", "sklearn", "matplotlib")
"""Modules that take so long to import that a list of models must not wait for them."""


def main() -> None:
    fd = int(sys.argv[1])
    asked = json.load(sys.stdin)
    if "source" in asked:
        _tell(fd, _imports(asked["source"]))
    else:
        _check_model(fd, asked)
    sys.stdout.flush()
    # No thread or exit handler of a plugin comes after.
    os._exit(0)


def _imports(source: dict[str, Any]) -> dict[str, Any]:
    """Load a source, and return the slow modules that it imported and the packages of its frameworks."""
    before = set(sys.modules)
    loaded = plugin_loader.load(source)
    found = [name for name in FRAMEWORKS if name in sys.modules and name not in before]
    return {
        "modules": found,
        "errors": [f"{failure.where}: {failure.reason}" for failure in loaded.errors],
        "own": sorted({model.framework for model in loaded.models}),
    }


def _check_model(fd: int, asked: dict[str, Any]) -> None:
    from dltui.core.checks.conformance.checks import CHECKS
    from dltui.core.checks.conformance.subject import CheckFailed, Subject

    model = plugin_loader.load_model(asked["model_source"], asked["model"])
    backend = plugin_loader.load_backend(asked["backend_source"], model.framework)
    subject = Subject(model, backend, asked["model_source"])
    for name, check in CHECKS.items():
        _tell(fd, {"check": name})
        try:
            answer = {"ok": True, "text": check(subject)}
        except CheckFailed as misfit:
            answer = {"ok": False, "text": str(misfit)}
        except DltuiError as error:
            answer = {"ok": False, "text": str(error)}
        except Exception as error:
            answer = {"ok": False, "text": plugin_loader.explain("", error).reason}
        _tell(fd, {"check": name, **answer, "text": clean_line(answer["text"], 400)})
        told = name == "build" and "single" in model.takes and model.task == "classification"
        if told and not subject.takes_images:
            _tell(fd, {"check": name, "ok": True, "text": NO_IMAGES})


def _tell(fd: int, answer: dict[str, Any]) -> None:
    os.write(fd, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
