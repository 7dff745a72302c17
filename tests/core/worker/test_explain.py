"""The one line about an error: the limit of the shell that was too low, the words that a framework hides."""

from __future__ import annotations

import errno
import os
import resource

import pytest

from dltui.core.contract.inputs import Input
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


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize(
    "reason",
    [
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ],
)
def test_memory_that_a_library_of_a_gpu_does_not_get(reason: str) -> None:
    """No limit of the shell has to do with it."""
    assert explain(RuntimeError(reason), 32) == "out of memory at batch size 32; try batch size 16"
    assert "out of memory" not in explain(RuntimeError("unable to find an engine to execute this computation"), 32)


def test_memory_that_runs_out_before_there_is_a_batch_is_no_matter_of_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda number: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    told = explain(MemoryError(), 0, " (net.py line 3)")
    assert told == "out of memory while the network is built; try a smaller model (net.py line 3)"


def test_without_a_limit_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda number: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert explain(MemoryError(), 32) == "out of memory at batch size 32; try batch size 16"
    assert "ulimit" not in explain(ImportError("libx.so: failed to map segment from shared object"), 32)


NAMED = (Input("table", (3,)), Input("steps", (5, 1), padded=True))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyError("tabel"), 'an input "tabel"; did you mean table? there are table, steps, steps_mask (net.py line 3)'),
        (KeyError("scan"), 'an input "scan"; there are table, steps, steps_mask (net.py line 3)'),
    ],
)
def test_an_input_that_there_is_not_is_told_with_those_that_there_are(error: KeyError, told: str) -> None:
    """Also where a framework wraps the error."""
    assert explain(error, 32, "(net.py line 3)", NAMED) == f"the network asks for {told}"
    wrapped = ValueError("in user code")
    wrapped.__context__ = error
    assert explain(wrapped, 32, "(net.py line 3)", NAMED) == f"the network asks for {told}"


@pytest.mark.parametrize("error", [KeyError("table"), KeyError(3), KeyError("a b"), ValueError("tabel")])
def test_other_errors_are_told_as_they_are(error: Exception) -> None:
    assert explain(error, 32, "", NAMED) == f"{type(error).__name__}: {error}"
    assert explain(KeyError("tabel"), 32) == "KeyError: 'tabel'"


def of_keras(words: str, name: str = "Net.call()") -> str:
    """The text that Keras makes of an error in the call of a layer."""
    given = "Arguments received by"
    return f"Exception encountered when calling {name}.\n\n\x1b[1m{words}\x1b[0m\n\n{given} {name}:\n  • x=tf.Tensor"


KERNEL = "{{function_node __wrapped__MatMul_device_/job:localhost/replica:0/task:0/device:CPU:0}} "


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("the mask is missing", "the mask is missing"),
        ("too narrow:\n(3, 4)", "too narrow:"),
        (of_keras("the mask is missing", "Inner.call()"), "the mask is missing"),
        ("Could not infer the shape of 'net'. Error encountered:\n\nthe mask is missing", "the mask is missing"),
        (f"{KERNEL}Matrix size-incompatible", "Matrix size-incompatible"),
        ("", "Exception encountered when calling Net.call()."),
        ("Arguments received by f: none", "Exception encountered when calling Net.call()."),
    ],
)
def test_an_error_in_a_layer_of_keras_is_told_in_its_own_words(words: str, told: str) -> None:
    assert explain(ValueError(of_keras(words)), 32, " (net.py line 3)") == f"ValueError: {told} (net.py line 3)"
    # Its text is quoted.
    assert explain(KeyError(of_keras(words)), 32) == f"KeyError: {told}"


def test_what_is_full_is_named() -> None:
    for code, reason in ((errno.ENOSPC, "disk full"), (errno.EDQUOT, "quota reached")):
        told = explain(OSError(code, os.strerror(code), "/scratch"), 32)
        assert told.startswith(f"{reason}: cannot write to /scratch; free some space, then resume")
