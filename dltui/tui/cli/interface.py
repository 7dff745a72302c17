"""The tables of what scripts rely on besides commands: exit codes and environment variables. The documentation is
written from them.
"""

from __future__ import annotations

from dataclasses import dataclass

EXIT_CODES: tuple[tuple[int, str], ...] = (
    (0, "finished, stopped on request, or detached"),
    (1, "the run failed; it stays in `dltui runs` with its reason"),
    (
        1,
        "`wait --until`: the run finished or was stopped and the condition never held; `compare --fail-if`: a run is "
        "worse than the first by more; `verify`: other weights; `doctor`, `plugins check`: something does not work; "
        "`rm`, `prune`: a run could not be deleted",
    ),
    (2, "wrong use, or a plugin that was refused before the first step; no run was left behind"),
    (3, "`verify`: the run could not be trained to its end here, so that nothing is proven"),
    (
        75,
        "preempted (SIGTERM, SIGINT, SIGUSR1 or SIGUSR2 without a terminal): a checkpoint was saved, `dltui resume` "
        "goes on",
    ),
    (124, "`wait --timeout`: the time is over"),
    (129, "the full screen: its terminal was closed"),
    (130, "interrupted"),
    (143, "the full screen: it was ended by SIGTERM"),
)


@dataclass(frozen=True)
class Variable:
    """An environment variable: its meaning, and what holds without it."""

    name: str
    means: str
    default: str = ""


VARIABLES = (
    Variable("DLTUI_HOME", "runs and state", "`~/.local/state/dltui`"),
    Variable("DLTUI_CACHE", "prepared data, downloads", "`$DLTUI_HOME/cache` if that is set, else `~/.cache/dltui`"),
    Variable(
        "DLTUI_CONFIG",
        "settings, with the folder `plugins/` beside it",
        "`$DLTUI_HOME/config.toml` if that is set, else `~/.config/dltui/config.toml`",
    ),
    Variable("DLTUI_DATA", "folders to look for datasets in, separated by `:`"),
    Variable("DLTUI_SSH", "the ssh to other hosts, with its options", "`ssh`"),
    Variable("DLTUI_MOUSE", "`on` or `off`: the full screen answers clicks, or leaves them to the terminal"),
    Variable("DLTUI_THIRD_PARTY", "0 leaves out every plugin that does not ship in the box", "1"),
    Variable("DLTUI_PLUGIN_SECONDS", "the time that a plugin may take to load, in seconds", "10"),
    Variable(
        "DLTUI_RANK_SECONDS", "the time in which the ranks of a run on several devices must answer, in seconds", "600"
    ),
    Variable(
        "DLTUI_RANKS",
        "set by a launcher of several workers: which of a run's ranks a process is; `DLTUI_NODES`: where they meet; "
        "`DLTUI_CPUS`: the processors of each",
    ),
    Variable(
        "DLTUI_TRUSTED",
        "plugin files of other users that you accept, separated by `:`; `--trust` sets it for a run's processes",
    ),
    Variable(
        "DLTUI_NAME",
        "any option of `[train]` or hyperparameter by its NAME, as `DLTUI_DEVICE`, `DLTUI_BATCH_SIZE`, `DLTUI_LR`",
    ),
    Variable(
        "DLTUI_RUN",
        "set for the command of `--log command=...`: the run's id; `DLTUI_STATUS` and `DLTUI_EXPORTS`, the folder of "
        "its figures, too, which is no setting there",
    ),
    Variable("CUDA_VISIBLE_DEVICES", "the GPUs that `cuda:N` counts, by the numbers of nvidia-smi", "all"),
    Variable(
        "TF_ENABLE_ONEDNN_OPTS",
        "0: TensorFlow computes without oneDNN; on many CPUs its convolutions take twice as long",
        "1",
    ),
    Variable("NO_COLOR", "no colors"),
    Variable("TERM, COLORTERM, COLORFGBG, LANG", "what the terminal can show; `TERM=dumb` means plain lines"),
)
