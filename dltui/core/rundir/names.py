"""Names of runs: generated, checked, numbered when they are taken."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from dltui.core.errors import UsageError
from dltui.core.text import clean_line

MOST = 64
_ALLOWED = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._-]{0,63}", re.ASCII)
_ADJECTIVES = """
able agile amber azure blue bold brave breezy bright brisk calm candid clear clever cold cosy crisp dapper daring deep
eager early easy fair fleet fond frank fresh gentle glad golden grand green happy hardy hearty humble jolly keen kind
late lean light lively loyal lucid lucky mellow merry mild misty neat nimble noble patient placid plain polite proud
quick quiet rapid ready robust rosy rustic sage serene sharp shiny shy silent silver smart smooth snowy snug sober soft
solid sound spry steady still stout sunny swift tidy tiny true vivid warm wary wild wise witty young zesty
""".split()
_ANIMALS = """
ant badger bat bear beaver bee bison boar bobcat bream buck camel carp cat civet clam cod condor coot coyote crab crane
crow deer dingo dove duck dunlin eagle eel egret elk emu falcon ferret finch fox frog gecko gibbon goat goose grebe
grouse gull hare hawk heron hoopoe horse hound ibex ibis iguana impala jackal jay kite koala lark lemur lion llama loon
lynx magpie mantis marmot marten mink mole moose moth mule newt ocelot okapi orca osprey otter owl oxen panda parrot
perch pigeon pika plover pony puffin puma quail quokka rabbit ram raven robin rook salmon seal serval shrew shrike
skink skylark sloth snipe sparrow squid stork swan swift tapir tern thrush tiger toad trout turtle viper vole walrus
weasel whale wolf wombat wren yak zebra
""".split()


def run_name(rng: random.Random) -> str:
    """A generated name like `brisk-otter`."""
    return f"{rng.choice(_ADJECTIVES)}-{rng.choice(_ANIMALS)}"


def check_run_name(text: str) -> str:
    """The name itself, if it is valid as a folder name. Raises UsageError, whose rule stands first: the end of a line
    may be cut off.
    """
    if _ALLOWED.fullmatch(text) and not text.startswith("."):
        return text
    raise UsageError(
        f"run name: 1 to {MOST} letters, digits, dots, dashes or underscores, the first not a dot or dash; "
        f'"{clean_line(text, 40)}" is not allowed'
    )


def free_name(base: str, taken: Callable[[str], bool]) -> str:
    """The name, numbered when it is taken: `brisk-otter-2`."""
    name, number = base, 1
    while taken(name):
        number += 1
        ending = f"-{number}"
        name = base[: MOST - len(ending)] + ending
    return name
