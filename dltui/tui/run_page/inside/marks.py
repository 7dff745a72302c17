"""The marks of a person on mistakes, saved at once."""

from __future__ import annotations

from collections.abc import Mapping

from textual.message import Message

from dltui.core.analysis.review import Key, Opinion


class Reviewed(Message):
    """An opinion is on the disk; `opinions` are all that are."""

    def __init__(self, opinion: Opinion, opinions: Mapping[Key, Opinion]) -> None:
        super().__init__()
        self.opinion = opinion
        self.opinions = opinions
