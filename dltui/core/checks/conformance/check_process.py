"""Checks a model in a process with its framework: `python -P -m dltui.core.checks.conformance.check_process FD`.

The question comes as JSON on stdin: {"model", "model_source", "backend_source", "usual"}, or {"source"} to look at an
import.
The answers are lines of JSON on descriptor FD, each as soon as it is known, so that after a crash it is plain which
check it was.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from importlib.abc import MetaPathFinder
from typing import TYPE_CHECKING, Any

from dltui.core.catalog import plugin_loader
from dltui.core.errors import DltuiError
from dltui.core.inputs import kinds
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.checks.conformance.subject import Subject

NO_IMAGES = "it takes no images"
"""The message of a check that found a classification model without images."""
REFUSES = "it refuses the data in the box: "
"""The beginning of the message of a check that found a model that is not made for it."""
FRAMEWORKS = ("torch", "torchvision", "tensorflow", "keras", "jax", "sklearn", "matplotlib")
"""Modules that take so long to import that a list of models must not wait for them."""
PACKAGES = {"torch": ("torch", "torchvision"), "tensorflow": ("tensorflow", "keras")}
"""The modules of a framework, where there are more than the one of its name."""


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


class _Asked(MetaPathFinder):
    """Notes which slow modules are imported, but for those that another slow module imports: Keras asks for Matplotlib,
    and is not the plugin's concern.
    """

    def __init__(self) -> None:
        self.modules: set[str] = set()

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name in FRAMEWORKS and not _within_framework():
            self.modules.add(name)


def _within_framework() -> bool:
    """True where a module of `FRAMEWORKS` is being imported."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_back is not None:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in FRAMEWORKS:
            return True
        frame = frame.f_back
    return False


def _imports(source: dict[str, Any]) -> dict[str, Any]:
    """Load a source, and return the slow modules that it imported itself, its frameworks, and what it printed: what
    libraries warn of, and native code writes on the descriptors, is not the plugin's.
    """
    asked, said = _Asked(), io.StringIO()
    sys.meta_path.insert(0, asked)
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        loaded = plugin_loader.load(source)
    found = [name for name in FRAMEWORKS if name in asked.modules]
    return {
        "modules": found,
        "said": said.getvalue(),
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
            missing = kinds.unknown_input(error, subject.named)
            text = missing + subject.place(error) if missing else plugin_loader.explain("", error).reason
            answer = {"ok": False, "text": text}
        _tell(fd, {"check": name, **answer, "text": clean_line(answer["text"], 400)})
        if name == "build":
            for text in _unsuited(subject, asked.get("usual")):
                _tell(fd, {"check": name, "ok": True, "text": text})


def _unsuited(subject: Subject, usual: tuple[list[int], int] | None) -> list[str]:
    """Why a model cannot be trained on the data in the box, of this `usual` shape and outputs."""
    model = subject.model
    if "single" in model.takes and model.task == "classification" and not subject.takes_images:
        return [NO_IMAGES]
    refusal = subject.refusal(tuple(usual[0]), usual[1]) if usual else ""
    return [clean_line(REFUSES + refusal, 400)] if refusal else []


def _tell(fd: int, answer: dict[str, Any]) -> None:
    os.write(fd, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
