"""Several targets of a regression on scales of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dltui.core.analysis import regression
from dltui.core.analysis.evaluation import Evaluation
from dltui.core.contract import Arrays, Spec, Split, Target
from dltui.core.data.arrays import checked, make_spec
from dltui.core.errors import RunError
from dltui.core.tasks.regression.scaling import in_full, own_units, standardized
from dltui.core.train import predictions
from dltui.core.train.metrics import measure, report

TARGETS = (Target("price", 300_000.0, 50_000.0), Target("share", 0.01, 0.002))
SPEC = Spec("regression", (2,), 2, targets=TARGETS)


def _made() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    near = generator.normal(size=(100, 2)).astype(np.float32)
    y = own_units(near, SPEC)
    return own_units(near + generator.normal(size=near.shape).astype(np.float32) / 2, SPEC), y


def test_there_and_back() -> None:
    _, y = _made()
    learned = standardized(y, SPEC)
    assert learned.dtype == np.float32
    assert np.abs(learned.mean(axis=0)).max() < 0.2
    np.testing.assert_allclose(own_units(learned, SPEC), y, rtol=1e-5)
    plain = Spec("regression", (2,), 2)
    assert standardized(y, plain) is y
    assert own_units(y, plain) is y


def test_the_loss_counts_each_target_by_its_deviation() -> None:
    said, y = _made()
    found = measure("regression", said, y, SPEC)
    errors = np.square((said.astype(float) - y) / [50_000, 0.002]).mean(axis=0)
    assert found["loss"] == pytest.approx(errors.mean(), rel=1e-4)
    assert found["mse"] == found["loss"]
    more = report("regression", said, y, "", True, SPEC)
    assert more["r2"] == pytest.approx(report("regression", said, y, "", True)["r2"], rel=1e-4)


def test_each_target_is_told_in_its_own_units() -> None:
    said, y = _made()
    part = Split(np.zeros((100, 2), np.float32), y, np.arange(100))
    fit = Evaluation(predictions.collect("regression", said, part, "test", 1), ("price", "share")).fit
    assert fit is not None
    price, share = fit.of(0), fit.of(1)
    assert (price.title, share.title, fit.of(7).title) == ("price", "share", "share")
    assert price.mae == pytest.approx(np.abs(said[:, 0] - y[:, 0]).mean(), rel=1e-5)
    assert share.mse == pytest.approx(np.square(said[:, 1].astype(float) - y[:, 1]).mean(), rel=1e-5)
    assert fit.r2 == pytest.approx((price.r2 + share.r2) / 2)


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (TARGETS[:1], "targets names 1, the rows have 2"),
        ((TARGETS[0], Target("share", 0.0, 0.0)), "target 'share' needs a finite mean and a std above 0"),
    ],
)
def test_wrong_targets_are_refused(targets: tuple[Target, ...], words: str) -> None:
    part = (np.zeros((4, 2), np.float32), np.ones((4, 2), np.float32))
    with pytest.raises(RunError, match=words):
        make_spec("regression", checked("regression", Arrays(part, part, targets=targets)), np.arange(4))


def test_a_spec_survives_json() -> None:
    import json
    from dataclasses import asdict

    assert Spec.from_json(json.loads(json.dumps(asdict(SPEC)))) == SPEC


def test_images_are_not_kept_with_the_predictions() -> None:
    """They are large, and their targets lie on no line over them."""
    _, y = _made()
    split = Split(np.zeros((len(y), 8, 8, 3), np.uint8), y, np.arange(len(y)))
    kept = predictions.collect("regression", y, split, "test", 1)
    assert kept["x"].shape == (len(y), 0)
    found = regression.compare(kept)
    assert found.line is None
    assert len(found.y) == len(y)


def test_what_people_see_has_the_offset_and_what_is_measured_has_not() -> None:
    targets = (Target("time", 0.5, 144.0, 1_700_000_000.0), Target("share", 0.01, 0.002))
    far = Spec("regression", (2,), 2, targets=targets)
    generator = np.random.default_rng(0)
    y = own_units(generator.normal(size=(100, 2)).astype(np.float32), far)
    said = (y + generator.normal(size=y.shape) * [30, 1e-4]).astype(np.float32)
    split = Split(np.zeros((100, 2), np.float32), y, np.arange(100))
    kept = predictions.collect("regression", said, split, "test", 1, far)
    assert kept["y"].dtype == kept["prediction"].dtype == np.float64
    assert np.array_equal(kept["y"][:, 0], y[:, 0].astype(np.float64) + 1_700_000_000)
    assert np.array_equal(kept["y"][:, 1], y[:, 1])
    near = predictions.collect("regression", said, split, "test", 1)
    assert near["prediction"].dtype == np.float32
    first, second = (Evaluation(arrays, ("time", "share")).fit for arrays in (kept, near))
    assert first is not None
    assert second is not None
    for place in (0, 1):
        for name in ("r2", "mae", "mse"):
            wanted = getattr(second.of(place), name)
            assert getattr(first.of(place), name) == pytest.approx(wanted, rel=1e-6)
    plain = replace(far, targets=tuple(replace(target, offset=0.0) for target in far.targets))
    assert measure("regression", said, y, far) == measure("regression", said, y, plain)
    assert in_full(said, plain) is said
    assert in_full(said, far)[:, 0].min() > 1_699_000_000
