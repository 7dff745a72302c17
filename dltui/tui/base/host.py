"""What a page may ask of the application that shows it; pages know this, and only the application knows the pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen

    from dltui.core.rundir.directory import RunDirectory
    from dltui.tui.base.alerts import Notices
    from dltui.tui.base.services import Services
    from dltui.tui.base.summary import Summary
    from dltui.tui.draw.styled_text import Look
    from dltui.tui.terminal.settings import ScreenSettings
    from dltui.tui.terminal.theme import Palette


class Host(Protocol):
    """Values that all pages share, and the ways from one page to another."""

    services: Services
    settings: ScreenSettings
    notices: Notices
    look: Look
    palette: Palette
    farewell: list[str]
    pace: float

    @property
    def screen_stack(self) -> list[Screen[Any]]: ...
    def home(self, run: str) -> None: ...
    def back(self) -> None: ...
    def open_run(self, run: RunDirectory) -> None: ...
    def open_form(self, like: RunDirectory | None = None, instead: Mapping[str, Any] | None = None) -> None: ...
    def open_comparison(self, runs: Sequence[RunDirectory]) -> None: ...
    def open_resumption(self, run: Summary) -> None: ...
    def started(self, run: RunDirectory) -> None: ...
    def goes_on(self, run: str) -> None: ...
    def apply(self, settings: ScreenSettings) -> None: ...
    def copy_to_clipboard(self, text: str) -> None: ...
    def call_from_thread(self, callback: Callable[..., Any], *args: Any) -> Any: ...


def host(app: App[Any]) -> Host:
    """The application as its pages see it."""
    return cast("Host", app)
