"""The texts of a column as padded sequences of tokens, whose words come from the train split."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dltui.core.contract import Input
from dltui.core.errors import RunError
from dltui.core.inputs import tokens
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dltui.plugins.datasets.tables.options import CsvOptions

NAME = "text"


def tokenized(
    texts: Sequence[str], train: Sequence[int], column: str, options: CsvOptions, notes: list[str]
) -> tuple[Input, list[list[int]]]:
    """The input for the texts of a column, of which `train` are the rows of the train split, and the tokens of each;
    `notes` gets lines about texts that are cut or empty. Raises RunError where they have no words.
    """
    known = [texts[row] for row in train]
    words = tokens.vocabulary(known, options.words) if options.tokens == "word" else ()
    if options.tokens == "word" and not words:
        raise RunError("the texts of the train split have no words; set --data text=COLUMN to another column")
    if words:
        notes.append(f"the texts are cut into words, of which {len(words):,} are known; --data tokens=byte takes bytes")
    count, name = tokens.size(options.tokens, words), clean_line(column, 100)
    cut_by = Input(NAME, dtype="int32", tokens=options.tokens, texts=(words,) if words else ())
    found = [tokens.encode(text, cut_by) for text in texts]
    longest = min(max(map(len, found)), options.length)
    _tell(texts, found, longest, options, notes)
    one = replace(cut_by, shape=(longest,), vocabulary=(count,), padded=True, places=(name,))
    return one, [numbers[:longest] for numbers in found]


def _tell(
    texts: Sequence[str], found: Sequence[Sequence[int]], longest: int, options: CsvOptions, notes: list[str]
) -> None:
    """Add lines about texts that are cut, and about empty ones."""
    cut = sum(len(text) > longest for text in found)
    if cut:
        what = "words" if options.tokens == "word" else "bytes"
        notes.append(f"texts are cut after {longest:,} {what}: {cut:,} of {len(found):,}; --data length=N keeps more")
    empty = sum(not text.strip() for text in texts)
    if empty:
        notes.append(f"empty texts, each taken as one unknown token: {empty:,}")
