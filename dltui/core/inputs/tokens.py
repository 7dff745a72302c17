"""Cuts texts into tokens, bytes or words, the same way in training and in `dltui predict`, and back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from dltui.core.text import safe

if TYPE_CHECKING:
    from dltui.core.contract.inputs import Input

PADDING, UNKNOWN, FIRST = 0, 1, 2
"""The tokens of nothing, of a word that the train split does not have (and of an empty text), and of the first word."""
BYTES = 256
_WORD = re.compile(r"\w+|[^\w\s]")


def words_of(text: str) -> list[str]:
    """The words and signs of a text in small letters."""
    return _WORD.findall(text.lower())


def vocabulary(texts: Iterable[str], most: int) -> tuple[str, ...]:
    """The most frequent words of texts, in alphabetical order where they are as frequent as each other."""
    counts = Counter(word for text in texts for word in words_of(text))
    return tuple(sorted(counts, key=lambda word: (-counts[word], word))[:most])


def size(tokens: str, words: Sequence[str]) -> int:
    """The number of different tokens."""
    return FIRST + (BYTES if tokens == "byte" else len(words))


def encode(text: str, one: Input) -> list[int]:
    """The tokens of a text for this input: at least one, and uncut."""
    if one.tokens == "byte":
        found = [FIRST + byte for byte in text.strip().encode()]
    else:
        numbers = _numbers(one.texts[0] if one.texts else ())
        found = [numbers.get(word, UNKNOWN) for word in words_of(text)]
    return found or [UNKNOWN]


@lru_cache(maxsize=4)
def _numbers(words: tuple[str, ...]) -> dict[str, int]:
    return {word: FIRST + number for number, word in enumerate(words)}


def decode(tokens: Sequence[int], one: Input) -> str:
    """The text of tokens, cleaned for a terminal; tokens without a text are shown by their numbers."""
    shown = [int(token) for token in tokens if token != PADDING]
    if one.tokens == "byte":
        raw = bytes(token - FIRST for token in shown if FIRST <= token < FIRST + BYTES)
        return safe(raw.decode(errors="replace"))
    words = one.texts[0] if one.tokens == "word" and one.texts else ()
    return safe(" ".join(_word(token, words, one.tokens) for token in shown))


def _word(token: int, words: Sequence[str], tokens: str) -> str:
    if tokens != "word":
        return str(token)
    return words[token - FIRST] if FIRST <= token < FIRST + len(words) else "▯"
