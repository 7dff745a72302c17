"""The estimate of a GPU's memory counts what training keeps."""

from __future__ import annotations

from dltui.core.analysis.forecast import FRAMEWORK_BYTES, activations, estimate


def test_each_part_is_counted() -> None:
    layers = [{"output": [28, 28, 16]}, {"output": [10]}, {"output": None}]
    assert activations(layers) == 28 * 28 * 16 + 10
    weights = estimate(1000, 0, 64, {"optimizer": "sgd"}) - FRAMEWORK_BYTES
    assert weights == 1000 * 4 * 3
    assert estimate(1000, 0, 64, {"optimizer": "adamw"}) - FRAMEWORK_BYTES == 1000 * 4 * 4
    assert estimate(0, 100, 64, {}) - FRAMEWORK_BYTES == 2 * 100 * 64 * 4
    assert estimate(0, 100, 64, {"precision": "bf16"}) - FRAMEWORK_BYTES == 2 * 100 * 64 * 2
