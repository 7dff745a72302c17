"""Texts become tokens and texts again."""

from __future__ import annotations

from dataclasses import replace

from dltui.core.contract import Input
from dltui.core.inputs import tokens

WORDS = Input("text", (8,), "int32", (5,), padded=True, tokens="word", texts=(("the", "film", "!"),))
BYTES = Input("text", (8,), "int32", (258,), padded=True, tokens="byte")


def test_words_by_how_often_they_occur_then_in_order() -> None:
    assert tokens.vocabulary(["b a a", "C b, c"], 3) == ("a", "b", "c")
    assert tokens.words_of("It's 4-star!") == ["it", "'", "s", "4", "-", "star", "!"]


def test_unknown_words_and_empty_texts_are_one_token() -> None:
    assert tokens.encode("The film bored!", WORDS) == [2, 3, 1, 4]
    assert tokens.encode("  ", WORDS) == [1]
    assert tokens.encode("", BYTES) == [1]
    assert tokens.decode([2, 3, 1, 4, 0, 0], WORDS) == "the film ▯ !"


def test_without_known_words_all_are_unknown() -> None:
    assert tokens.encode("a film", replace(WORDS, texts=())) == [1, 1]


def test_bytes_come_back_and_are_clean() -> None:
    assert tokens.decode(tokens.encode("Grüße", BYTES), BYTES) == "Grüße"
    assert "\x1b" not in tokens.decode(tokens.encode("\x1b[31mred", BYTES), BYTES)
    assert max(tokens.encode("ÿ", BYTES)) < tokens.size("byte", ())


def test_tokens_without_texts_are_numbers() -> None:
    assert tokens.decode([3, 4, 0], Input("x", (3,), "int32", (5,), padded=True)) == "3 4"
