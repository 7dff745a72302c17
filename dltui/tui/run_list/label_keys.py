"""The keys of the list of runs that change runs: rename, tag, note, delete and undo, fork."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from textual.message import Message

from dltui.core.text import plural
from dltui.tui.base.page import press
from dltui.tui.base.threads import Told, in_thread

if TYPE_CHECKING:
    from dltui.tui.base.line_edit import Answer
    from dltui.tui.base.page import Page
    from dltui.tui.base.summary import Summary
    from dltui.tui.run_list.state import RunListState

LONGEST_TAG, LONGEST_NOTE = 30, 200
LABEL_KEYS = (
    press("R", "rename", "rename the run; its id stays"),
    press("number_sign", "tag", "words to find runs by; -word removes one"),
    press("N", "note", "a note on the run"),
    press("d", "delete", "delete runs that have ended; figures stay, u undoes for 24 hours"),
    press("u", "undo", "bring back what was deleted last"),
    press("f", "fork", "a new run that begins with the last checkpoint, with other hyperparameters"),
)
"""For the bindings of a page that has `LabelKeys`."""


class LabelKeys:
    """Handles LABEL_KEYS. `reread` reads the runs at once after a change."""

    def __init__(self, page: Page, state: RunListState, reread: Callable[[], None]) -> None:
        self._page, self._state, self._reread = page, state, reread
        self.answers: dict[str, Answer] = {
            "R": self.rename,
            "number_sign": self.tag,
            "N": self.note,
            "d": self.delete,
            "u": self.undo,
            "f": self.fork,
        }

    def rename(self) -> None:
        run = self._one("R")
        if run is not None and self._may_write([run]):
            self._page.notice.prompt(f"rename {run.id} to", run.name, _name_problem, lambda name: self._label(
                [run], f"{run.id} is called {name.strip()}", name=name.strip()
            ))  # fmt: skip

    def tag(self) -> None:
        runs = self._state.targets
        if runs and self._may_write(runs):
            now = " ".join(runs[0].tags) if len(runs) == 1 else ""
            self._page.notice.prompt(f"tags of {_title(runs)}", now, _tag_problem, lambda text: self._tag(runs, text))

    def _tag(self, runs: Sequence[Summary], text: str) -> None:
        """Set the tags: a single run gets exactly these, several runs get them in addition to their own; `-tag` removes
        a tag.
        """
        words = [word.lstrip("#") for word in text.split()]
        off = {word[1:] for word in words if word.startswith("-")}

        def work() -> Message:
            for run in runs:
                before = run.tags if len(runs) > 1 else ()
                tags = dict.fromkeys([*before, *(word for word in words if not word.startswith("-"))])
                self._page.host.services.runs.label(run.directory, tags=[tag for tag in tags if tag not in off])
            return Told(f"{_title(runs)}: tags changed")

        self._do("tag", work)

    def note(self) -> None:
        run = self._one("N")
        if run is not None and self._may_write([run]):
            self._page.notice.prompt(f"note on {run.id}", run.note, _note_problem, lambda text: self._label(
                [run], f"{run.id}: note {'kept' if text.strip() else 'removed'}", note=text.strip()
            ))  # fmt: skip

    def _label(self, runs: Sequence[Summary], said: str, **changes: Any) -> None:
        def work() -> Message:
            for run in runs:
                self._page.host.services.runs.label(run.directory, **changes)
            return Told(said)

        self._do("label", work)

    def delete(self) -> None:
        runs = self._state.targets
        live = next((run for run in runs if run.is_live), None)
        if live is not None:
            self._page.notice.say(f"{live.name} is {live.status}: s stops it first", "bad")
        elif runs and self._may_write(runs):
            self._state.leave({run.id for run in runs})

            def work() -> Message:
                for number, run in enumerate(runs):
                    self._page.host.services.trash.discard(run.directory, together=number > 0)
                return Told(f"{_title(runs)} deleted; u brings {'them' if len(runs) > 1 else 'it'} back for 24 hours")

            self._do("delete", work)

    def undo(self) -> None:
        def work() -> Message:
            back = self._page.host.services.trash.restore()
            if not back:
                return Told("nothing was deleted since you came")
            self._page.host.call_from_thread(self._select, back[0])
            return Told(f"{', '.join(back)} brought back")

        self._do("undo", work)

    def _select(self, run: str) -> None:
        self._state.selected = run

    def fork(self) -> None:
        run = self._one("f")
        if run is not None and not self._refuse_read_only():
            self._page.host.open_fork(run.directory)

    def _one(self, key: str) -> Summary | None:
        """The selected run; on a group, where the key does nothing, says so."""
        if text := self._state.refusal(key):
            self._page.notice.say(text, "bad")
        return self._state.run

    def _do(self, task: str, work: Any) -> None:
        def then() -> Message:
            try:
                message: Message = work()
            finally:
                self._reread()
            return message

        in_thread(self._page, task, then)

    def _refuse_read_only(self) -> bool:
        if self._page.host.services.viewer.read_only:
            self._page.notice.say("read-only: you can watch, not change anything", "bad")
        return self._page.host.services.viewer.read_only

    def _may_write(self, runs: Sequence[Summary]) -> bool:
        shut = [run for run in runs if not self._page.host.services.viewer.may_command(run.directory)]
        if shut:
            self._page.notice.say(f"read-only: {shut[0].name} is not yours to change", "bad")
        return not shut


def _title(runs: Sequence[Summary]) -> str:
    return runs[0].name if len(runs) == 1 else plural(len(runs), "run")


def _name_problem(text: str) -> str:
    from dltui.core.rundir.names import MOST

    if not text.strip():
        return "a name needs at least one character"
    return f"at most {MOST} characters" if len(text.strip()) > MOST else ""


def _tag_problem(text: str) -> str:
    return f"at most {LONGEST_TAG} characters a tag" if any(len(tag) > LONGEST_TAG for tag in text.split()) else ""


def _note_problem(text: str) -> str:
    return f"at most {LONGEST_NOTE} characters" if len(text) > LONGEST_NOTE else ""
