"""Samples the machine's load, once a second while the Hardware tab is open."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltui.core.machine.usage import Sample
    from dltui.core.rundir.heartbeat import Live

    Measure = Callable[[Path, int | None], Sample]

SECONDS = 1.0
KEPT = 120


@dataclass(frozen=True)
class Hardware:
    """The last samples, oldest first; `elsewhere` is the run's host when that is another host."""

    samples: tuple[Sample, ...]
    elsewhere: str = ""

    @property
    def latest(self) -> Sample:
        return self.samples[-1]


class HardwareWatch:
    """Takes a sample when the last sample is old enough."""

    def __init__(self, measure: Measure, clock: Callable[[], float]) -> None:
        self._measure, self._clock = measure, clock
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        self._hardware: Hardware | None = None
        self._when = 0.0

    def look(self, folder: Path, host: str, live: Live | None) -> Hardware:
        """The samples; the identical object until there is a new sample. `host` is the run's host."""
        now = self._clock()
        if self._hardware is None or not 0 <= now - self._when < SECONDS:
            from dltui.core.machine.process import this_host

            here = host in ("", this_host())
            pid = live.process.pid if live is not None and here else None
            self._samples.append(self._measure(folder, pid))
            self._when = now
            self._hardware = Hardware(tuple(self._samples), "" if here else host)
        return self._hardware
