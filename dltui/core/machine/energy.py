"""Adds up the energy that a run's devices use: its GPU by readings of its power, the processors by RAPL's counters."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

POWERCAP = Path("/sys/class/powercap")
LONGEST_GAP = 30.0
"""Seconds between two readings of power, beyond which nothing is known of the time between: the machine slept."""

MOST_ERRORS = 100
"""So often in a row a GPU is asked in vain, about once a second."""

Counters = Mapping[str, tuple[int, int]]
"""The microjoules of each processor package so far, and the value at which its counter begins again."""


class Energy:
    """Joules used since it was made; None for what cannot be read. The readings are of whole devices, whoever uses
    them.
    """

    def __init__(
        self,
        watts: Callable[[], float | None] = lambda: None,
        counters: Callable[[], Counters] = dict,
        clock: Callable[[], float] = time.monotonic,
        elsewhere: bool = False,
    ) -> None:
        self.elsewhere = elsewhere
        """True if devices are used that nobody here can ask: no sum would be right."""
        self.partial = False
        """True if readings of the GPU's power failed for so long that its sum is no more than a part."""
        self.gpu: float | None = None
        self.cpu: float | None = None
        self._watts, self._counters, self._clock = watts, counters, clock
        self._power: tuple[float, float] | None = None
        """The time of the last reading, and the watts."""
        self._unread = False
        """True if a reading after that has failed."""
        self._packages: Counters = {}

    @classmethod
    def of(cls, device: Mapping[str, Any], elsewhere: bool = False) -> Energy:
        """The energy of the devices of a run.json and of this machine's processors; none if devices are `elsewhere`."""
        if elsewhere:
            return cls(elsewhere=True)
        uuids = [str(uuid) for one in device.get("devices") or [device] if (uuid := one.get("uuid"))]
        return cls(_all([_nvidia(uuid) for uuid in uuids]) if uuids else lambda: None, rapl)

    def measure(self) -> None:
        """Take a reading, about once a second. Never raises."""
        self._add_gpu(self._watts(), self._clock())
        packages = self._counters()
        for name, (now, most) in packages.items():
            before = self._packages.get(name, (now, most))[0]
            used = now - before if now >= before else now - before + most
            self.cpu = (self.cpu or 0.0) + used / 1e6
        self._packages = packages

    def rest(self) -> None:
        """Count nothing until the next reading."""
        self._power, self._packages, self._unread = None, {}, False

    def _add_gpu(self, watts: float | None, now: float) -> None:
        """Add the energy since the last reading: the mean of both powers over the time between."""
        before = self._power
        seconds, unread = now - before[0] if before else 0.0, self._unread
        self._unread = watts is None
        if watts is None:
            self.partial = self.partial or seconds > LONGEST_GAP
            return
        self._power = (now, watts)
        mean = (watts + before[1]) / 2 if before else 0.0
        # Where nobody took a reading meanwhile the process stood still, and used nothing.
        self.partial = self.partial or (unread and seconds > LONGEST_GAP)
        self.gpu = (self.gpu or 0.0) + (mean * seconds if seconds <= LONGEST_GAP else 0.0)


def rapl(folder: Path = POWERCAP) -> dict[str, tuple[int, int]]:
    """RAPL's counters of the processor packages; empty where there are none or they may not be read."""
    found = {}
    try:
        # Parts of a package, such as its cores, have a second number and are counted in it.
        for zone in sorted(folder.glob("intel-rapl:*")):
            if zone.name.count(":") == 1 and (zone / "name").read_text().startswith("package"):
                found[zone.name] = (_number(zone / "energy_uj"), _number(zone / "max_energy_range_uj"))
    except (OSError, ValueError):
        return {}
    return found


def _number(path: Path) -> int:
    return int(path.read_text())


def _all(each: Sequence[Callable[[], float | None]]) -> Callable[[], float | None]:
    """The watts of several GPUs together; None where one does not tell."""

    def watts() -> float | None:
        found = [one() for one in each]
        return sum(number for number in found if number is not None) if None not in found else None

    return watts


def _nvidia(uuid: str) -> Callable[[], float | None]:
    """A function that asks NVML for the watts of a GPU; after many errors in a row it asks no more."""
    asked: list[Any] = []
    errors = [0]

    def watts() -> float | None:
        if errors[0] == MOST_ERRORS:
            return None
        try:
            import pynvml

            if not asked:
                pynvml.nvmlInit()
                asked.append(_whole(pynvml, pynvml.nvmlDeviceGetHandleByUUID(uuid.encode())))
            found = float(pynvml.nvmlDeviceGetPowerUsage(asked[0])) / 1000
        except Exception:
            # No driver, another version of the library, a GPU that does not tell, a driver that is busy: a run needs
            # none of it.
            errors[0] += 1
            return None
        errors[0] = 0
        return found

    return watts


def _whole(nvml: Any, handle: Any) -> Any:
    """The GPU of a part (MIG), which alone has a power."""
    try:
        return nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(handle)
    except nvml.NVMLError:
        return handle
