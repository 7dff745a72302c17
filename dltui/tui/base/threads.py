"""Threads that read files so that the screen never waits: they post messages, handlers own the state."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

TICK = 0.25


class Failed(Message):
    """A message that a task could not be done; `reason` is one line."""

    def __init__(self, task: str, reason: str) -> None:
        super().__init__()
        self.task = task
        self.reason = reason


class Told(Message):
    """A message that a task is done, with its `text`; `copy` is a text to copy, `runs` are the ids of those that it is
    about.
    """

    def __init__(self, text: str, copy: str = "", runs: Collection[str] = ()) -> None:
        super().__init__()
        self.text = text
        self.copy = copy
        self.runs = runs


class CarriedOut(Message):
    """A message to the app with what a thread has found for a page, None for nothing; `starts` is as in
    `DltuiApp.carry_out`.
    """

    def __init__(self, page: MessagePump, found: Message | None, starts: str) -> None:
        super().__init__()
        self.page, self.found, self.starts = page, found, starts


class Watcher:
    """Calls `look` at a fixed pace in a thread and posts its result; None means that nothing has changed."""

    def __init__(self, target: MessagePump, look: Callable[[], Message | None], seconds: float = TICK) -> None:
        self._target, self._look, self._seconds = target, look, seconds
        self._quit, self._soon = threading.Event(), threading.Event()
        self._resting = False
        self._thread = threading.Thread(target=self._run, name="dltui-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop reading. The thread is not waited for: it may be in the middle of reading a slow disk."""
        self._quit.set()
        self._soon.set()

    def rest(self) -> None:
        """Pause reading until the next nudge."""
        self._resting = True

    def nudge(self) -> None:
        """Read at once."""
        self._resting = False
        self._soon.set()

    def _run(self) -> None:
        while not self._quit.is_set():
            self._soon.clear()
            message = attempt("watch", self._look)
            if message is not None and not self._quit.is_set():
                post(self._target, message)
            self._soon.wait(None if self._resting else self._seconds)


def in_thread(target: MessagePump, task: str, work: Callable[[], Message | None]) -> None:
    """Run `work` in a thread and post its message, or `Failed`."""

    def run() -> None:
        message = attempt(task, work)
        if message is not None:
            post(target, message)

    threading.Thread(target=run, name=f"dltui-{task}", daemon=True).start()


def attempt(task: str, work: Callable[[], Any]) -> Message | None:
    """The message of `work`; `Failed` when it raises, because a broken file must not end the screen."""
    from dltui.core.errors import DltuiError

    try:
        message: Message | None = work()
    except DltuiError as error:
        return Failed(task, str(error))
    except Exception as error:
        return Failed(task, f"{type(error).__name__}: {error}"[:300])
    return message


def post(target: MessagePump, message: Message) -> None:
    """Post a message from any thread; an app that has ended is no error."""
    with contextlib.suppress(RuntimeError):
        target.post_message(message)
