"""What the form of a new run comes to: the command line, and the request for the run or the sweep."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from dltui.core.catalog.fields import flag_words
from dltui.core.hosts.address import of_device
from dltui.core.rundir.launch import DEFAULT
from dltui.tui.new_run.setting import RUN_SETTINGS

if TYPE_CHECKING:
    from dltui.tui.new_run.form import RunForm


def fork_words(form: RunForm) -> list[str]:
    """The hyperparameters that differ from the parent's, as "lr=0.01"."""
    return [
        f"{setting.spec.name}={form.text(setting)}"
        for setting in form.settings()
        if setting.kind == "model" and form.text(setting) != form.unforked.get(setting.key)
    ]


def command(form: RunForm, queued: bool = False) -> list[str]:
    """The command line that starts exactly this run, or queues it; with a range that of a sweep."""
    if form.parent is not None:
        return _fork_command(form)
    sweep = form.is_sweep
    model = form.model.id if form.model else form.model_name
    words = ["dltui", "sweep" if sweep else "train", model, "--dataset", form.dataset_name]
    host, device = of_device(form.device) or ("", form.device)
    words += ["--host", host] if host else []
    words += ["--device", device] if device != "auto" else []
    for setting in form.settings():
        text = form.text(setting)
        if setting.key not in form.typed and text == form.usual(setting):
            continue
        if setting.is_range(text) and setting.spec.type == "bool":
            words += ["--vary", f"{setting.spec.name}={text}"]
        elif setting.kind == "data":
            words += ["--data", f"{setting.spec.name}={text}"]
        elif setting.kind == "launch":
            words += [f"--{form.launcher}", f"{setting.spec.name}={text}"]
        elif setting.spec.type == "bool" and not form.problem(setting):
            words += flag_words(setting.spec.name, setting.spec.parse(text))
        else:
            words += [setting.spec.flag, text]
    words += [word for file in form.plugins for word in ("--plugin", file)]
    return words + ["--queue"] * (queued and not sweep)


def _fork_command(form: RunForm) -> list[str]:
    assert form.parent is not None
    words = ["dltui", "fork", form.parent.id]
    for setting in form.settings():
        text = form.text(setting)
        if setting.kind == "model" and text != form.unforked.get(setting.key):
            given = setting.spec.type != "bool" or bool(form.problem(setting))
            words += [setting.spec.flag, text] if given else flag_words(setting.spec.name, setting.spec.parse(text))
    return words


def command_line(form: RunForm) -> str:
    return shlex.join(command(form))


def request(form: RunForm, queued: bool = False) -> Any:
    """The request for `create_run`, or for the trials of a sweep. Raises UsageError for an invalid value."""
    from dltui.core.analysis.trials.space import Dimension
    from dltui.core.lifecycle.create import RunRequest

    own = {setting.spec.name: form.text(setting) for setting in RUN_SETTINGS}
    return RunRequest(
        model=form.model.id if form.model else form.model_name,
        dataset=form.dataset_name,
        dataset_options=form.values("data"),
        data_dir=own["data_dir"] or None,
        device=form.device,
        config={name: value for name, value in form.values("model").items() if not isinstance(value, Dimension)},
        name=own["name"] or None,
        exports=own["exports"],
        formats=tuple(own["format"].split(",")),
        plugins=form.plugins,
        command=tuple(command(form, queued)),
        launcher=form.launcher or DEFAULT,
        launcher_options=form.values("launch"),
    )


def sweep(form: RunForm, trials: int) -> Any:
    """The plan of the sweep. Raises UsageError for an invalid value."""
    from dltui.core.analysis.trials.plan import Plan
    from dltui.core.analysis.trials.space import Dimension

    values = form.values("model")
    space = tuple(value for value in values.values() if isinstance(value, Dimension))
    seed = values.get("seed", 0)
    words = (*command(form), "--trials", str(trials))
    return Plan("", space, trials, pruner="", seed=seed if isinstance(seed, int) else 0, command=words)
