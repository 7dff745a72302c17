"""Every command line in the README and in docs/ is carried out, or stands in a list with the reason why it is not.

The words are those of the page. Settings that are cheap (`DLTUI_EPOCHS=1`, no figures but those asked for), small data
sets in place of Fashion-MNIST and CIFAR-10, and files, folders and runs that the line names are there before.

Each time those lines of the README and of the skill are carried out that need no framework, with `--long` also those of
other pages, with `--longest` also those that train with a framework and what shows these once more. Generated pages are
equal to the code; test_plugins_doc carries out the tutorials of docs/plugins.md.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence

import pytest

from dltui.core.catalog.sources import own
from tests.docs.place import place as places
from tests.docs.place.lines import Line, in_blocks, in_text, is_fragment, lines, subcommands
from tests.docs.place.place import Failed, Place

pytestmark = [
    pytest.mark.timeout(1200),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are forked as Linux can do it"),
]

NOT_CARRIED_OUT = {
    "pip install": "installs packages: test_installed does it, from the built wheel",
    "dltui frameworks install": "installs packages: tests/core/catalog has it",
    "pytest": "is what carries this out",
    "ssh-copy-id": "changes another host",
    "dltui train cnn --dataset hf:beans": "downloads from a hub: tests/plugins/datasets has it with a small data set",
    "dltui train cnn --launcher ray": "starts Ray, 665 MB that no extra of the tests has",
    "dltui resume RUN --workers": "starts Ray",
    "dltui resume RUN --slurm nodes=": "needs a job on several nodes: tests/plugins/launchers has one",
    "sbatch job.sh": "tests/plugins/launchers submits the script of a run again",
    "python docs/gallery.py": "trains for hours",
    "python -m benchmarks.": "measures for minutes",
    "python benchmarks/": "measures for minutes",
    "python -m tests.faults.sweeps torch": "kills processes for minutes: tests/faults has it",
}
"""What lines begin with that are not carried out."""
NEEDS_GPU = "--device cuda:"
NO_COMMANDS = ("dltui is not found there", "python -m", "python -m dltui.exports", "uv tool install")
"""Code in a text that looks like a command."""
SHORTENED = (
    "dltui train --json", "dltui --host", "dltui resume RUN --device", "dltui export --format onnx",
    "dltui sweep MODEL",
)  # fmt: skip
"""Code in a text that leaves out what the command cannot do without."""
SCREENS = ("dltui", "dltui attach", "dltui --host gpu01 --host gpu02", "dltui --mouse", "dltui demo --replay")
"""Lines that open a full screen on a terminal."""
CODES = {"wait": (0, 1, 124), "compare": (0, 1), "doctor": (0, 1)}
"""Exit codes that tell of the sample runs or of the machine, and not of the command."""

WITH_FRAMEWORK = (
    "train ", "sweep mlp", "sweep cnn", "find-lr mlp", "twin", "demo", "models cnn", "models timm", "models 'timm",
    "plugins check", "doctor",
)  # fmt: skip
OF_TORCH = ("dltui predict", "dltui export RUN --explain")
WITHOUT = ("--help", "MODEL", "--like RUN")
"""Trainings of the fake model, and what does not train."""
FIRST = ("README.md", "docs/skill/SKILL.md")
ONCE = (
    "kill RUN", "checkpoint RUN", "stacks", "mcp --allow-control", "sweep resume NAME", "sweep export", "serve-stdio",
)  # fmt: skip
"""Commands that the `FIRST` do not show, though what they say is like `AGAIN`."""
AGAIN = ("export", "resume", "fork", "pause", "verify", "--like", "ssh ", "gpu01", "HOST", "mcp -")
"""What other pages than the `FIRST` show as well, or with other options."""
LONGEST = (
    "plugins check", "twin", "--format keras", "--format onnx", "--explain", "--trials 20", "timm:vit",
    "--weights FILE", "vae-torch", "cifar10", "cpu:2", "doctor", "--seeds 1,2,3", "timm:resnet18",
)  # fmt: skip


def shown() -> list[Line]:
    """The lines to be carried out, each once."""
    found = {line.text: line for line in reversed(lines()) if not line.fragment}
    skipped = (*NO_COMMANDS, *SHORTENED)
    return [
        line
        for text, line in found.items()
        if text not in skipped and not text.startswith(tuple(NOT_CARRIED_OUT)) and NEEDS_GPU not in text
    ]


def takes(line: Line) -> str:
    """Tell when a line is carried out: "now", "long" or "longest"."""
    if any(part in line.text for part in LONGEST):
        return "longest"
    framework = any(f"dltui {begin}" in line.text for begin in WITH_FRAMEWORK) or line.text.startswith(OF_TORCH)
    if framework and not any(part in line.text for part in WITHOUT):
        return "longest"
    if line.page in FIRST or line.text in SCREENS:
        return "now"
    again = any(part in line.text for part in AGAIN) and not any(part in line.text for part in ONCE)
    return "longest" if again else "long"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    # The path of a socket is short.
    made = Place(tmp_path_factory.mktemp("d"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def with_torch(place: Place) -> Place:
    if own().version("torch") is None:
        pytest.skip("torch is not installed")
    place.forked.start("torch")
    return place


def carry_out(found: Sequence[Line], do: Callable[[Line], None]) -> None:
    problems = []
    for line in found:
        try:
            do(line)
        except Failed as error:
            problems.append(f"{line.page}: {error}")
    assert problems == [], "\n\n".join(problems)


def of(place: Place, when: str) -> None:
    def do(line: Line) -> None:
        words = line.text.split()
        place.carry_out(line, CODES.get(words[1] if len(words) > 1 else "", (0,)))

    here = [line for line in shown() if line.text not in SCREENS and takes(line) == when]
    carry_out([line for line in here if "| jq" not in line.text or shutil.which("jq")], do)


@pytest.mark.slow(40)
@pytest.mark.long
def test_lines_without_a_framework(place: Place) -> None:
    """Screens are opened and left; of a line that does not work it is told."""
    of(place, "now")
    carry_out([line for line in shown() if line.text in SCREENS and takes(line) == "now"], place.look)
    for text in ("dltui attach NOBODY", "dltui runs --filtre lr", "dltui train nothing"):
        with pytest.raises(Failed):
            place.carry_out(Line(text, "README.md"), (0,))


@pytest.mark.long
@pytest.mark.slow(30)
def test_lines_of_other_pages(place: Place) -> None:
    of(place, "long")


@pytest.mark.longest
@pytest.mark.slow(120)
def test_lines_that_take_longest(with_torch: Place) -> None:
    if own().version("tensorflow") is None:
        pytest.skip("tensorflow is not installed")
    of(with_torch, "longest")
    carry_out([line for line in shown() if line.text in SCREENS and takes(line) == "longest"], with_torch.look)


def test_what_a_fragment_names_is_carried_out_elsewhere() -> None:
    known = {words for line in shown() for words in subcommands(line.text)}
    known |= {words for text in NOT_CARRIED_OUT for words in subcommands(text)}
    for line in lines():
        if line.fragment and line.text != "dltui":
            named = {words[:2] for words in subcommands(line.text)}
            assert any(words in known for words in named), f"{line.page}: {line.text}"


def test_the_lists_name_what_is_there() -> None:
    texts = [line.text for line in lines()]
    for begin in NOT_CARRIED_OUT:
        assert any(text.startswith(begin) for text in texts), begin
    assert {*NO_COMMANDS, *SHORTENED, *SCREENS, *places.BEFORE} <= set(texts)
    assert len(shown()) > 110


def test_shortened_lines_are_parsed_but_for_what_they_leave_out() -> None:
    assert [text for text in SHORTENED if not subcommands(text)] == []


def test_a_new_line_would_be_found() -> None:
    page = "Then `dltui frobnicate RUN` and `dltui`.\n\n```\ndltui train --new x      explains\nnothing of it\n```\n"
    assert in_blocks(page) == ["dltui train --new x"]
    assert in_text(page) == ["dltui frobnicate RUN", "dltui"]
    assert in_blocks("```sh\nmake all  # x\n```\n```console\n$ make it\nit is made\n```\n") == ["make all", "make it"]
    assert [is_fragment(text) for text in ("dltui stop", "dltui stop RUN", "dltui train ... --log X")] == [
        True,
        False,
        True,
    ]
