"""Notifies a web address or a command when a run has ended and its figures are drawn."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dltui.core.contract import Logger
from dltui.core.errors import RunError
from dltui.core.reading.summary import summary_row
from dltui.core.rundir.heartbeat import DRAWN, read_live

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader

SECONDS = 20.0
POLL_SECONDS = 0.2
STALE_SECONDS = 10.0
"""The age of a heartbeat that cannot be written any more: it will not tell that the figures are drawn."""


class _Finish:
    """Waits for the end of a run; `target` is the address or the command."""

    def __init__(self, run: RunReader, target: str, attempt: int) -> None:
        if not target:
            raise RunError("it needs to know whom to tell: --log webhook=URL, --log command='notify-send done'")
        self.run, self.target = run, target

    def event(self, record: Mapping[str, Any]) -> None:
        """Ignore events; only the end counts."""

    def close(self, status: str) -> None:
        """Tell of the end once the figures are drawn. A run that is paused and gave its device back has not ended."""
        if status == "paused":
            return
        while self._is_drawing():
            time.sleep(POLL_SECONDS)
        self.tell(status)

    def tell(self, status: str) -> None:
        """Tell of a run that has ended. Raises RunError, and what the network or the system raises."""
        raise NotImplementedError

    def _is_drawing(self) -> bool:
        """True as long as the worker, which has started this process, may still draw figures."""
        live = read_live(self.run.directory.path)
        if live is None or live.pid != os.getppid() or time.time() - live.time > STALE_SECONDS:
            return False
        return live.phase != "ended" and live.detail != DRAWN

    def _about(self, status: str) -> dict[str, Any]:
        """The run's entry in `dltui runs --json`, with the status that it ended with."""
        return {**summary_row(self.run), "status": status}


class Webhook(_Finish):
    """Posts JSON, like a line of `dltui runs --json`; `text` is the message for chat programs."""

    def __init__(self, run: RunReader, target: str, attempt: int) -> None:
        super().__init__(run, target, attempt)
        if not self.target.startswith(("http://", "https://")):
            raise RunError("a webhook's address begins with https:// or http://")

    def tell(self, status: str) -> None:
        from urllib.request import Request, urlopen

        about = self._about(status)
        text = f"dltui: {about['id']} ({about['model']} on {about['dataset']}) {status}"
        body = json.dumps({**about, "text": text}, default=str).encode()
        request = Request(self.target, body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=SECONDS) as response:
            response.read()


class Command(_Finish):
    """Runs a command without a shell; the run is in DLTUI_RUN, DLTUI_STATUS, DLTUI_EXPORTS and as JSON on stdin."""

    def tell(self, status: str) -> None:
        about = self._about(status)
        environment = {"DLTUI_RUN": about["id"], "DLTUI_STATUS": status, "DLTUI_EXPORTS": self.run.run["exports"]}
        done = subprocess.run(
            shlex.split(self.target),
            input=json.dumps(about, default=str).encode(),
            env={**os.environ, **environment},
            timeout=SECONDS,
            check=False,
        )
        if done.returncode:
            raise RunError(f"the command ended with exit code {done.returncode}")


WEBHOOK = Logger("webhook", "webhook=URL: posts JSON when the run has ended", Webhook)
COMMAND = Logger("command", "command='WORDS': runs a command when the run has ended", Command)
