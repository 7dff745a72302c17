"""The energy of a run from injected readings: powers over time, counters that begin again, attempts that add up."""

from __future__ import annotations

import itertools
import sys
from functools import partial
from pathlib import Path
from unittest import mock

import pytest

from dltui.core.analysis import cost
from dltui.core.errors import UsageError
from dltui.core.machine.energy import LONGEST_GAP, MOST_ERRORS, Energy, rapl
from dltui.core.reading.history import History
from dltui.core.reading.reader import RunReader
from dltui.core.rundir.heartbeat import UNCOUNTED, Heartbeat, read_live
from tests.core.machine.test_devices import FakeNvml
from tests.helpers.sample_run import make_sample_run


def test_powers_are_integrated_over_time() -> None:
    watts, times = iter([100.0, 200.0, 200.0, None, 300.0, 300.0]), iter([0.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    energy = Energy(lambda: next(watts), clock=lambda: next(times))
    # One that fails is between two others.
    for joules in (0.0, 300.0, 500.0, 500.0, 1000.0, 1300.0):
        energy.measure()
        assert energy.gpu == joules
    assert energy.cpu is None
    assert not energy.partial


@pytest.mark.parametrize("after", [[], [100.0, 100.0]])
def test_a_sum_that_lacks_a_part_is_none(tmp_path: Path, after: list[float]) -> None:
    """The driver says nothing for longer than one may guess, and perhaps again later."""
    watts = iter([100.0, 100.0, *[None] * int(LONGEST_GAP + 1), *after])
    energy = Energy(lambda: next(watts), clock=itertools.count(0.0, 1.0).__next__)
    for _ in range(int(LONGEST_GAP) + 2):
        energy.measure()
    assert (energy.gpu, energy.partial) == (100.0, False)
    for _ in range(1 + len(after)):
        energy.measure()
    assert energy.partial
    Heartbeat(tmp_path, 1, energy=energy).stop()
    found = read_live(tmp_path)
    assert found is not None
    assert (found.gpu_joules, found.cpu_joules) == (UNCOUNTED, UNCOUNTED)


def test_a_driver_that_fails_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", nvml)  # type: ignore[arg-type]
    monkeypatch.setattr(nvml, "nvmlDeviceGetHandleByUUID", lambda uuid: 0, raising=False)
    monkeypatch.setattr(
        nvml, "nvmlDeviceGetDeviceHandleFromMigDeviceHandle", mock.Mock(side_effect=nvml.NVMLError), raising=False
    )
    power = mock.Mock(side_effect=[70_500, nvml.NVMLError("Unknown Error"), 70_500, *[nvml.NVMLError("lost")] * 1000])
    monkeypatch.setattr(nvml, "nvmlDeviceGetPowerUsage", power)
    energy = Energy.of({"uuid": "GPU-0"})
    assert [energy._watts() for _ in range(4)] == [70.5, None, 70.5, None]
    for _ in range(500):
        assert energy._watts() is None
    assert power.call_count == 3 + MOST_ERRORS, "a GPU that is gone costs no more"


def test_nothing_is_known_of_the_time_in_which_the_machine_slept_or_the_run_was_queued() -> None:
    times = iter([0.0, LONGEST_GAP + 1, LONGEST_GAP + 2, 100.0, 101.0])
    energy = Energy(lambda: 50.0, clock=lambda: next(times))
    for _ in range(3):
        energy.measure()
    assert energy.gpu == 50.0
    energy.rest()
    energy.measure()
    energy.measure()
    assert energy.gpu == 100.0


def test_counters_that_begin_again() -> None:
    counts = iter([{"a": (9_000_000, 10_000_000)}, {"a": (9_500_000, 10_000_000)}, {"a": (1_000_000, 10_000_000)}])
    energy = Energy(counters=lambda: next(counts))
    for joules in (0.0, 0.5, 2.0):
        energy.measure()
        assert energy.cpu == pytest.approx(joules)
    assert energy.gpu is None


def test_packages_are_read_and_their_parts_are_not(tmp_path: Path) -> None:
    for zone, name, used in (
        ("intel-rapl:0", "package-0", 7),
        ("intel-rapl:0:0", "core", 3),
        ("intel-rapl:1", "psys", 9),
    ):
        (tmp_path / zone).mkdir()
        for file, text in (("name", name), ("energy_uj", str(used)), ("max_energy_range_uj", "100")):
            (tmp_path / zone / file).write_text(f"{text}\n")
    assert rapl(tmp_path) == {"intel-rapl:0": (7, 100)}
    (tmp_path / "intel-rapl:0" / "energy_uj").unlink()
    assert rapl(tmp_path) == {}, "as where only root may read it"


def test_attempts_add_up_in_the_heartbeat(tmp_path: Path) -> None:
    for number, wanted in ((1, 3600.0), (2, 7200.0)):
        clock = itertools.count(0.0, 1.0)
        energy = Energy(lambda: 3600.0, clock=partial(next, clock))
        energy.measure()
        energy.measure()
        beat = Heartbeat(tmp_path, number, energy=energy)
        beat.stop()
        found = read_live(tmp_path)
        assert found is not None
        assert (found.gpu_joules, found.cpu_joules) == (pytest.approx(wanted, abs=1), -1.0)


def test_what_a_heartbeat_had_counted_that_is_lost_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "live.json").write_bytes(b"")
    Heartbeat(tmp_path, 2, energy=Energy(lambda: 9.0)).stop()
    found = read_live(tmp_path)
    assert found is not None
    assert (found.gpu_joules, found.cpu_joules) == (UNCOUNTED, UNCOUNTED)


def test_a_run_that_used_other_machines_has_no_sum_also_later(tmp_path: Path) -> None:
    gpu = {"name": "cuda", "uuid": "GPU-1"}
    for number, energy in enumerate((Energy.of({"devices": [gpu, gpu]}, elsewhere=True), Energy(lambda: 9.0)), start=1):
        energy.measure()
        Heartbeat(tmp_path, number, energy=energy).stop()
        found = read_live(tmp_path)
        assert found is not None
        assert (found.gpu_joules, found.cpu_joules) == (UNCOUNTED, UNCOUNTED)
        used = cost.cost(History(), found, cost.Prices(kwh=0.5))
        assert (used.wh, used.money) == (None, None)


def test_watt_hours_and_money(tmp_path: Path) -> None:
    reader = RunReader(make_sample_run(tmp_path, epochs=1, image=False))
    reader.refresh()
    live = reader.live()
    assert live is not None
    assert cost.line(cost.cost(reader.history, live)) == ""
    live = live.__class__(**{**live.__dict__, "gpu_joules": 7_200_000.0, "cpu_joules": 360_000.0})
    known = cost.prices({"cost": {"price_per_hour": 36, "price_per_kwh": 0.5, "currency": "EUR"}})
    found = cost.cost(reader.history, live, known)
    assert (found.gpu_wh, found.cpu_wh, found.wh) == (2000.0, 100.0, 2100.0)
    assert found.money == pytest.approx(reader.history.elapsed / 100 + 1.05)
    assert cost.line(found).startswith("2,100 Wh (GPU 2,000, CPU 100), 1.")
    with pytest.raises(UsageError, match=r"\[cost\] price_per_kwh must be a number of at least 0, got cheap"):
        cost.prices({"cost": {"price_per_kwh": "cheap"}})


@pytest.mark.parametrize(
    ("hours", "said"),
    [(5e-05, "0.00005"), (0.0, "0"), (0.01234, "0.0123"), (1.5, "1.5"), (99.96, "100"), (12345.6, "12,346")],
)
def test_watt_hours_have_no_exponent(hours: float, said: str) -> None:
    assert cost.line(cost.Cost(hours, None, None)) == f"{said} Wh (GPU {said})"
