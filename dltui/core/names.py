"""Names of runs, and what somebody probably meant."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from dltui.core.errors import UsageError

ADJECTIVES = (
    "able amber apt bold brave breezy bright brisk calm civil clear clever cosy crisp deft eager early easy fair fleet "
    "fond free fresh gentle glad golden good grand happy hardy honest jolly keen kind lively loyal lucky mellow merry "
    "mild modest neat nimble noble plain proud quick quiet ready rosy sharp shy silver smart snug solid spry steady "
    "still sunny swift tidy vivid warm wise witty young zesty"
).split()
ANIMALS = (
    "badger bear beaver bee bison cat cod crab crane crow deer dove duck eagle eel egret elk emu falcon ferret finch "
    "fox frog gecko goat goose gull hare hawk heron ibex ibis jackal jay koala lark lemur lion llama lynx marten mole "
    "moose moth mouse newt orca otter owl ox panda pika pony puffin quail rabbit ram raven robin salmon seal shrew "
    "sloth snipe sparrow stoat stork swan swift tern tiger toad trout turtle viper vole walrus whale wolf wombat wren"
).split()
PATTERN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")


def run_name(rng: random.Random | None = None) -> str:
    """Two words that are easy to say and to type: "brisk-otter"."""
    rng = rng or random.SystemRandom()
    return f"{rng.choice(ADJECTIVES)}-{rng.choice(ANIMALS)}"


def check_run_name(text: str) -> str:
    """The name itself, or UsageError: it becomes a folder, so it can be nothing else than a name."""
    if PATTERN.fullmatch(text):
        return text
    from dltui.core.text import clean_line

    raise UsageError(
        f'run name "{clean_line(text, 80)}" is not possible; use 1 to 64 of A-Z a-z 0-9 . _ - and no dot or dash first'
    )


def unique_id(base: str, folder: Path) -> str:
    """`base`, or `base-2`, `base-3`, ... : the first that is no entry of `folder`."""
    if not (folder / base).exists():
        return base
    number = 2
    while (folder / f"{base[:58]}-{number}").exists():
        number += 1
    return f"{base[:58]}-{number}"


def suggest(word: str, choices: Iterable[str]) -> str:
    """`did you mean "cnn-torch"?`, or "" when nothing is close."""
    close = get_close_matches(word[:100], list(choices), n=1, cutoff=0.5)
    return f'did you mean "{close[0]}"?' if close else ""
