"""The common definitions of the twins for tables and sequences, without a framework."""

from __future__ import annotations

import numpy as np
import pytest

from dltui.core.contract import Input, Spec
from dltui.core.errors import RunError
from dltui.plugins.sequences import sequence
from dltui.plugins.tables import TabularConfig, widths
from dltui.plugins.tensorflow.optimizers.late import late_steps


def spec(*named: Input) -> Spec:
    return Spec("classification", (), 2, ("a", "b"), named_inputs=named)


def test_each_category_is_embedded_also_with_a_common_vocabulary() -> None:
    config = TabularConfig()
    alike = widths(config, spec(Input("categories", (3,), "int32", (5,))))
    assert alike == widths(config, spec(Input("categories", (3,), "int32", (5, 5, 5))))
    assert len(alike) == 3
    assert [size for size, _ in widths(config, spec(Input("categories", (2,), "int32", (5, 7))))] == [5, 7]
    assert widths(config, spec(Input("numbers", (2,)))) == []


@pytest.mark.parametrize(
    "one",
    [Input("x", (4, 2), "int32", (9,), padded=True), Input("x", (4,), padded=True), Input("x", (4, 3, 2), padded=True)],
)
def test_sequences_of_another_form_are_refused(one: Input) -> None:
    with pytest.raises(RunError, match=r"takes tokens int32 .steps,. or numbers float32 .steps, features., x is"):
        sequence(spec(one))


def test_tokens_and_numbers_over_time_are_taken() -> None:
    for one in (Input("x", (4,), "int32", (9,), padded=True), Input("x", (4, 2))):
        assert sequence(spec(one)) is one


def test_a_fork_may_freeze_other_layers_than_its_parent() -> None:
    moments = {"optimizer/momentum/a": np.ones(2)}
    plain = {**moments, "optimizer/step": np.array(7)}
    late = {**plain, "optimizer/late_step": np.array(3)}
    assert late_steps(late, list(plain)) == plain
    assert late_steps(plain, list(late))["optimizer/late_step"] == 7
    assert late_steps(late, list(late))["optimizer/late_step"] == 3
    # The parent never trained the layer b.
    more = [*late, "optimizer/momentum/b"]
    assert "optimizer/late_step" not in late_steps(plain, more)
    assert late_steps({}, list(late)) == {}
