"""`dltui train --like RUN`: inserts the words that would start RUN again before the typed words, which win."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dltui.core.errors import UsageError
from dltui.core.numbers import exact
from dltui.core.text import clean_line

FLAG = "--like"


def expand(args: Sequence[str], launches: bool = True) -> list[str]:
    """The arguments of `train` with `--like RUN` replaced by the words of RUN; without its launcher for a command that
    launches nothing. Raises UsageError.
    """
    name, rest = _take(args)
    if name is None:
        return list(args)
    if rest and not rest[0].startswith("-"):
        raise UsageError(f"{FLAG} brings the model of {clean_line(name, 60)}: leave {clean_line(rest[0], 60)} out")
    from dltui.core.lifecycle import trust
    from dltui.core.rundir.directory import find_run

    run = find_run(name)
    asked = run.run()
    if _given(rest, "--seeds"):
        # They take the place of its own.
        config = asked.get("config") or {}
        asked = {**asked, "config": {name: value for name, value in config.items() if name != "seed"}}
    asked = asked if launches else {**asked, "launcher": None}
    return [*_words(asked, trust.files(run), other_data=_given(rest, "--dataset")), *rest]


def _take(args: Sequence[str]) -> tuple[str | None, list[str]]:
    """The run of the last `--like`, and all other arguments."""
    found, rest, words = None, [], iter(args)
    for word in words:
        if word == FLAG:
            found = next(words, "")
        elif word.startswith(f"{FLAG}="):
            found = word.removeprefix(f"{FLAG}=")
        else:
            rest.append(word)
    return found, rest


def _given(args: Sequence[str], flag: str) -> bool:
    return any(word == flag or word.startswith(f"{flag}=") for word in args)


def _words(asked: Mapping[str, Any], plugins: Sequence[str], other_data: bool) -> list[str]:
    """All choices and hyperparameters of a run, so that presets do not change them."""
    from dltui.core.catalog.fields import flag_words
    from dltui.core.lifecycle.launch import launching
    from dltui.core.machine.devices import asked_for
    from dltui.core.rundir.launch import Chosen

    words = [str(asked["model"]), "--device", asked_for(asked)]
    words += ["--format", ",".join(asked.get("formats") or ["svg"])]
    for plugin in plugins:
        words += ["--plugin", plugin]
    if not other_data:
        words += _data(asked)
    words += launching.words(Chosen.from_json(asked.get("launcher")))
    for name, value in (asked.get("config") or {}).items():
        words += flag_words(name, value)
    return words


def _data(asked: Mapping[str, Any]) -> list[str]:
    dataset, plugin = str(asked["dataset"]), str(asked.get("dataset_plugin") or asked["dataset"])
    options = dict(asked.get("dataset_options") or {})
    path = options.pop("path", None)
    if path and dataset.startswith(f"{plugin}:"):
        # Called by the last part of its path.
        dataset = f"{plugin}:{path}"
    words = ["--dataset", dataset]
    for name, value in options.items():
        words += ["--data", f"{name}={exact(value)}"]
    return [*words, "--data-dir", str(asked["data_dir"])] if asked.get("data_dir") else words
