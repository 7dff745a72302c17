"""Textual's `App` without what dltui does not use and what takes time before the first frame: the command palette, for
which dltui has a page of its own, with the widgets that it consists of; widgets over each page; rules read twice.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

PALETTE = "textual.command"


@contextmanager
def _left_out(name: str) -> Iterator[None]:
    """Have a module that is not imported yet stand for empty classes; later imports get the real one."""
    if name in sys.modules:
        yield
        return
    stand_in = ModuleType(name)
    stand_in.__getattr__ = lambda name: type(name, (), {})  # type: ignore[method-assign]
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        del sys.modules[name]


with _left_out(PALETTE):
    from textual.app import App


class LeanApp(App[None], inherit_bindings=False):
    """An app whose pages have no tooltips and no notifications."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._disable_tooltips = self._disable_notifications = True
        self._rules_of = ""
        """The theme in whose colors the rules of all pages were read."""

    def color_rules(self) -> None:
        """Have the rules, of which none was read yet, read in the colors of the theme."""
        self.stylesheet.set_variables(self.get_css_variables())
        self._rules_of = self.theme

    def refresh_css(self, animate: bool = True) -> None:
        """Read the rules again in other colors. Textual wants that for the first theme, too."""
        if self.theme != self._rules_of:
            self._rules_of = self.theme
            super().refresh_css(animate)
