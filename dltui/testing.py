"""For the tests of a plugin: the checks of `dltui plugins check` as separate pytest tests.

from dltui.testing import Conformance

class TestConformance(Conformance):
    plugin = "my-net"
"""

from __future__ import annotations

from functools import cache

from dltui.core.checks.conformance import report
from dltui.core.checks.conformance.report import PIECES, Finding

__all__ = ["Conformance", "Finding", "findings"]


@cache
def findings(plugin: str) -> tuple[Finding, ...]:
    """All findings of `dltui plugins check PLUGIN`: an installed plugin, a model's id, or the path of a .py file.

    Raises UsageError when there is no such thing.
    """
    return tuple(report.check(plugin))


class Conformance:
    """Base class of the tests: derive a class whose name begins with `Test` and set `plugin`."""

    plugin: str

    def _passes(self, check: str) -> None:
        wrong = [f for f in findings(self.plugin) if f.check == check and not f.ok]
        assert not wrong, "; ".join(f"{finding.subject}: {finding.text}" for finding in wrong)

    def test_importing_starts_no_framework(self) -> None:
        self._passes("import")

    def test_hyperparameters_are_described_and_bounded(self) -> None:
        self._passes("schema")

    def test_it_builds_for_several_shapes(self) -> None:
        self._passes("build")

    def test_the_loss_falls(self) -> None:
        self._passes("learn")

    def test_save_and_load_are_equal(self) -> None:
        self._passes("state")

    def test_stop_and_resume_give_the_same_weights(self) -> None:
        self._passes("resume")

    def test_pause_and_stop_are_obeyed(self) -> None:
        self._passes("obey")

    def test_telemetry_costs_little(self) -> None:
        self._passes("telemetry")

    def test_it_prints_nothing(self) -> None:
        self._passes("quiet")

    def test_figures_and_tables_open(self) -> None:
        self._passes("export")

    def test_datasets_exporters_loggers_and_launchers_work(self) -> None:
        for check in PIECES:
            self._passes(check)
