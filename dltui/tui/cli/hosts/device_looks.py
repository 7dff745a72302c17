"""Looks at the devices of this host, one look at a time: a driver that hangs holds up no answer for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dltui.core.errors import RunError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.machine.devices import Device

SECONDS = 2.0
"""The least time between two looks."""
PATIENCE = 2.0
"""The seconds that an answer waits for a look: then it is what was seen before."""


class DeviceLooks:
    """The devices as they were seen last."""

    def __init__(self, look: Callable[[], list[Device]]) -> None:
        self._look = look
        self._seen: list[dict[str, Any]] | None = None
        self._problem = ""
        self._begun = -SECONDS
        self._lock = threading.Lock()
        self._looking: threading.Thread | None = None

    def latest(self) -> list[dict[str, Any]]:
        """The devices as JSON. Raises RunError where they have never answered."""
        with self._lock:
            busy = self._looking is not None and self._looking.is_alive()
            if not busy and time.monotonic() - self._begun >= SECONDS:
                self._begun = time.monotonic()
                self._looking = threading.Thread(target=self._see, name="dltui-devices", daemon=True)
                self._looking.start()
            looking = self._looking
        if looking is not None:
            looking.join(PATIENCE)
        if self._seen is None:
            raise RunError(self._problem or "its devices do not answer")
        return self._seen

    def _see(self) -> None:
        try:
            self._seen = [asdict(one) for one in self._look()]
        except Exception as error:
            # Of a driver: the next look may find it well again.
            self._problem = f"its devices cannot be listed: {clean_line(error, 200)}"
