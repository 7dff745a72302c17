"""The Settings page, for the appearance and behavior of the screen: each choice takes effect at once and is saved."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from dltui.tui.base.page import Page, bind
from dltui.tui.base.rows import Rows
from dltui.tui.base.threads import Failed
from dltui.tui.draw import colors
from dltui.tui.draw.printed import pieces
from dltui.tui.draw.styled_text import Row, cut_words, fit, left, on, window
from dltui.tui.draw.wording import STATUS_STYLES
from dltui.tui.terminal.settings import CHOICES

if TYPE_CHECKING:
    from textual.widget import Widget

TITLES = {
    "theme": ("theme", "auto: what the terminal says; 16: the terminal's own colors"),
    "palette": ("colors", "color-blind: blue, orange and yellow in place of green and red"),
    "letters": ("letters", "ascii where boxes and curves come out as question marks"),
    "tick": ("refresh rate", "updates a second; a lower rate spares a slow link, training runs the same"),
    "warm": ("preload framework", "import the framework while the form of a new run is open; off saves memory"),
    "mouse": ("mouse", "clicks and the wheel; Shift+drag still selects text; auto: not over SSH"),
    "images": ("images", "on: as kitty shows them; sixel; off: half blocks; auto: what the terminal says"),
    "notices": ("notifications", "tell the terminal when a run ends, also each new best, or never; b silences a run"),
}


RUNS = tuple(enumerate(zip(colors.SIGNS, colors.STYLES, strict=True)))
"""The sign and the style of each run that is laid over others."""

WITH_EXPLANATIONS = 56
"""The columns from which on each row says what its setting does."""


class SettingsPage(Page):
    """The page with the settings of the screen."""

    name_of_page = "Settings"
    keys = (("Up Down", "choose"), ("←→", "change"), ("Backspace", "default"), ("Esc", "back"))
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("down,j", "move(1)", "down"),
        bind("up,k", "move(-1)", "up"),
        bind("right,space,enter", "turn(1)", "next choice", "the next choice of this setting; holds at once"),
        bind("left", "turn(-1)", "previous choice"),
        bind("backspace", "default", "default", "put the default back"),
        bind("escape", "back", "back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.at = 0

    def body(self) -> Iterable[Widget]:
        yield Rows(self._rows, id="settings")

    def head(self, width: int) -> Row:
        return self.top_bar([(" dltui", "accent bold"), ("  Settings", "bold")], width)

    def status_line(self) -> str:
        return "settings"

    def idle(self) -> Row:
        if self.size.width < WITH_EXPLANATIONS:
            return [(f" {TITLES[self.chosen][1]}", "dim")]
        return [(" remembered in the settings file, table [screen]", "faint")]

    def on_failed(self, message: Failed) -> None:
        self.notice.say(message.reason, "bad", seconds=30)

    @property
    def chosen(self) -> str:
        """The name of the chosen setting."""
        return list(CHOICES)[self.at]

    def _rows(self, width: int, height: int) -> list[Row]:
        wide = width >= WITH_EXPLANATIONS
        head = "   " + left("SETTING", 18) + left("VALUE", 16) + "WHAT IT DOES" * wide
        rows: list[Row] = [[], [(head, "dim")]]
        settings, names = self.host.settings, list(CHOICES)
        for number in window(len(names), self.at, max(height - 2, 1)):
            name = names[number]
            title, explanation = TITLES[name]
            value: str = getattr(settings, name)
            picked = number == self.at
            row: Row = [(" › " if picked else "   ", "accent bold"), (left(title, 18), "bold" if picked else "")]
            row += [(left(value, 16), "accent bold" if picked else "" if value != CHOICES[name][0] else "dim")]
            row += [(cut_words(explanation, width - 38), "dim")] if wide else []
            row = fit(row, width)
            rows.append(on(row, "selected") if picked else row)
        return [*rows, [], *self._sample(width)][:height]

    def _sample(self, width: int) -> list[Row]:
        """The rows that show the effect of the choices."""
        curve = "⠤⠤⢄⣀⡀⠀" if not self.host.look.ascii else "--.._ "
        curves: Row = [("   sample  ", "dim"), (curve, "train"), (" train  ", "train"), (curve, "validation")]
        curves += [(" validation  ", "validation"), ("* best", "best bold")]
        words: Row = [("           ", "")]
        words += [(f"{name}  ", STATUS_STYLES[name]) for name in ("running", "finished", "paused", "failed")]
        default, choices = CHOICES[self.chosen][0], ", ".join(CHOICES[self.chosen])
        told = f"{TITLES[self.chosen][0]}: {choices}; default {default}"
        about: list[Row] = [[(f"   {line}", "dim")] for line in pieces(told, width - 6)]
        why: Row = [(f"   {TITLES[self.chosen][1]}", "")]
        heat: Row = [("   matrix  ", "dim")]
        heat += [(f" {number:>3} ", f"heat:{number / 100}") for number in (0, 2, 10, 30, 60, 100)]
        heat += [("  ", ""), *((f" {number:>3} ", f"miss:{number / 100}") for number in (2, 10, 30, 60, 100))]
        runs: Row = [("   runs    ", "dim")]
        runs += [(f"{'x+#%@&'[place] if self.host.look.ascii else sign} run  ", style) for place, (sign, style) in RUNS]
        chosen: Row = [("   chosen  ", "dim"), (" the selected line ", "selected bold"), ("  ", ""), ("p", "key bold")]
        chosen += [(" pause", "dim"), ("   a note", "faint"), ("   lr 0.05", "accent")]
        return [fit(row, width) for row in (why, *about, [], curves, words, heat, runs, chosen)]

    def action_move(self, by: int) -> None:
        self.at = min(max(self.at + by, 0), len(CHOICES) - 1)
        self.redraw()

    def action_turn(self, by: int) -> None:
        choices = CHOICES[self.chosen]
        at = choices.index(getattr(self.host.settings, self.chosen))
        self._set(choices[(at + by) % len(choices)])

    def action_default(self) -> None:
        self._set(CHOICES[self.chosen][0])

    def _set(self, value: str) -> None:
        host = self.host
        host.apply(host.settings._replace(**{self.chosen: value}))
        self.notice.clear_message()

        def save() -> None:
            # The last one to write has what holds by then.
            with host.services.settings.saving:
                host.services.settings.save(host.settings)

        host.carry_out(self, "save", save)
        self.redraw()

    def action_back(self) -> None:
        self.host.back()
