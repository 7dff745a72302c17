"""Failures for want of memory name the limit of the shell that is the reason."""

from __future__ import annotations

import resource

import pytest

from dltui.core.worker.explain import explain

LIMITS = {resource.RLIMIT_AS: (3_000_000_000, -1), resource.RLIMIT_DATA: (-1, -1)}


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", LIMITS.__getitem__)


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize(
    "reason",
    [
        "libtorch_cuda.so: failed to map segment from shared object",
        "libtensorflow_cc.so.2: cannot allocate memory in static TLS block",
    ],
)
def test_a_library_that_finds_no_room_names_the_limit(reason: str) -> None:
    told = "this shell allows 3.0 GB of address space (ulimit -v), and it needs more; raise that limit"
    assert explain(ImportError(reason), 32) == f"cannot import: {reason}: {told}"


@pytest.mark.usefixtures("limited")
def test_memory_that_runs_out_under_a_limit() -> None:
    told = "out of memory at batch size 32; try batch size 16"
    limit = "this shell allows 3.0 GB of address space (ulimit -v)"
    assert explain(MemoryError(), 32) == f"{told}, or raise the limit: {limit}"
    assert explain(RuntimeError("CUDA out of memory"), 32) == told


def test_memory_that_runs_out_before_there_is_a_batch_is_no_matter_of_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda number: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    told = explain(MemoryError(), 0, " (net.py line 3)")
    assert told == "out of memory while the network is built; try a smaller model (net.py line 3)"


def test_without_a_limit_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda number: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert explain(MemoryError(), 32) == "out of memory at batch size 32; try batch size 16"
    assert "ulimit" not in explain(ImportError("libx.so: failed to map segment from shared object"), 32)
