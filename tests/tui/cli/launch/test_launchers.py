"""The options of launchers are made from the catalog, and read back from a run."""

from __future__ import annotations

import click
import pytest

from dltui.core.catalog.entries import Catalog, LauncherEntry
from dltui.core.catalog.fields import FieldSpec
from dltui.core.errors import UsageError
from dltui.core.lifecycle.create import RunRequest
from dltui.core.lifecycle.launch import launching
from dltui.core.rundir.launch import Chosen
from dltui.core.sweep.start import trial_words
from dltui.tui.cli.launch import launchers

FIELDS = (
    FieldSpec("partition", "str", "", "the partition"),
    FieldSpec("constraint", "str", "", "features"),
    FieldSpec("gpus", "int", 0, "GPUs", minimum=0),
)
QUEUE = LauncherEntry("queue", "a queue", FIELDS, False, {}, flags=("gpus",))
CATALOG = Catalog(launchers={"local": LauncherEntry("local", "here", (), False, {}), "queue": QUEUE})


def taken(words: list[str], usual: Chosen | None = None) -> Chosen | None:
    found: list[Chosen | None] = []

    @click.command()
    @launchers.launcher_option
    @click.pass_context
    def command(context: click.Context, /, **values: object) -> None:
        found.append(launchers.take(context.command.params, values, usual))

    launchers.extended(command, CATALOG).main(words, standalone_mode=False)
    return found[0]


def test_nothing_is_said_of_it() -> None:
    assert taken([]) is None
    assert taken([], Chosen("queue", {"gpus": 1})) is None


def test_options_in_one_word_or_in_flags() -> None:
    words = ["--launcher", "queue", "--queue", "partition=gpu,constraint=a,b,gpus=3", "--gpus", "2"]
    assert taken(words) == Chosen("queue", {"partition": "gpu", "constraint": "a,b", "gpus": 2})
    assert taken(["--launcher", "local"]) == Chosen()


def test_the_options_of_a_run_stay_unless_changed() -> None:
    usual = Chosen("queue", {"partition": "gpu", "gpus": 1})
    assert taken(["--queue", "gpus=4"], usual) == Chosen("queue", {"partition": "gpu", "gpus": 4})
    assert taken(["--launcher", "local"], usual) == Chosen()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--queue", "gpus=1"], "--queue KEY=VALUE goes with --launcher queue"),
        (["--launcher", "queue", "--queue", "gpu=1"], "launcher queue has no option 'gpu'; did you mean gpus?"),
        (["--launcher", "queue", "--queue", "gpu"], "--queue wants KEY=VALUE,KEY=VALUE, got 'gpu'"),
        (["--launcher", "queue", "--queue", "gpus=-1"], "gpus must be "),
    ],
)
def test_a_wrong_word_is_one_line(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        taken(words)
    assert said in str(raised.value)


def test_a_run_names_its_launcher_in_words() -> None:
    chosen = Chosen("queue", {"partition": "gpu", "constraint": "", "gpus": 2})
    assert launching.words(chosen) == ["--launcher", "queue", "--queue", "partition=gpu,gpus=2"]
    assert launching.words(Chosen()) == []


def test_the_trials_of_a_sweep_have_its_launcher() -> None:
    request = RunRequest("softmax-torch", "digits", launcher="queue", launcher_options={"gpus": 2})
    words = trial_words(request)
    assert words[words.index("--launcher") :][:4] == ("--launcher", "queue", "--queue", "gpus=2")


def test_an_unknown_launcher_is_refused() -> None:
    with pytest.raises(UsageError, match='no launcher "queu"; did you mean queue'):
        launching.check(Chosen("queu"), CATALOG)
