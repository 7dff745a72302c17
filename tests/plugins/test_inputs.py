"""The common definitions of the twins for tables and sequences, without a framework."""

from __future__ import annotations

import numpy as np
import pytest

from dltui.core.contract import Input, Spec
from dltui.core.errors import RunError
from dltui.plugins.sequences import sequence
from dltui.plugins.tables import TabularConfig, widths
from dltui.plugins.tensorflow.optimizers.late import counts_differ, late_steps
from dltui.plugins.unet import UnetConfig, down


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


def test_steps_that_were_not_those_of_all_weights_do_not_count_for_them() -> None:
    """Adam would take the zeros of a weight that was frozen for moments of as many steps."""

    def state(step: int, of: str = "a", **counts: int) -> dict[str, np.ndarray]:
        slots = {f"optimizer/{name}/kernel/exp_avg_sq": np.ones(2) for name in of}
        return slots | {f"optimizer/{name}": np.array(count) for name, count in {"step": step, **counts}.items()}

    both = list(state(0, "ab"))
    whole = {"optimizer/late_step": np.array(3), **state(7, "ab")}
    assert counts_differ(state(7), both, ())
    assert not counts_differ(state(0), both, ())
    assert not counts_differ(state(7, "ab"), both, ())
    # A weight that is frozen at first has steps of its own.
    assert not counts_differ(state(7), list(whole), ("b/kernel",))
    assert counts_differ(state(7, late_step=3), list(whole), ("b/kernel",))
    assert not counts_differ(whole, list(whole), ("b/kernel",))
    # And none in a run that freezes nothing at first.
    assert counts_differ(whole, both, ())
    begun = {**whole, "optimizer/late_step": np.array(0)}
    assert not counts_differ(begun, both, ())
    assert counts_differ({**begun, "optimizer/b/kernel/exp_avg_sq": np.zeros(2)}, both, ())
    assert not counts_differ({**whole, "optimizer/late_step": np.array(7)}, both, ())
    # Without a correction for the steps they are of no account.
    assert not counts_differ({"optimizer/step": np.array(7)}, ["optimizer/a/kernel/square_avg", "optimizer/step"], ())
    assert not counts_differ({"weights/a/iteration": np.ones(2)}, ["weights/a_velocity", *both], ())


def test_an_optimizer_of_keras_counts_the_same_steps_for_all_weights() -> None:
    kept = {"optimizer/adam/iteration": np.array(7), "optimizer/adam/net_head_kernel_velocity": np.ones(2)}
    assert not counts_differ(kept, list(kept), ())
    assert counts_differ(kept, [*kept, "optimizer/adam/net_body_kernel_velocity"], ())


@pytest.mark.parametrize(
    ("side", "depth", "batch_size", "accumulate", "remedy"),
    [(64, 6, 16, 16, 5), (33, 6, 1, 1, 5), (32, 5, 16, 9, 4), (2, 1, 1, 1, None)],
)
def test_a_unet_whose_bottom_is_one_value_is_refused(
    side: int, depth: int, batch_size: int, accumulate: int, remedy: int | None
) -> None:
    images = Spec("segmentation", (side, side - 1, 1), 2, ("a", "b"))
    config = UnetConfig(depth=depth, batch_size=batch_size, accumulate=accumulate)
    told = rf"^depth {depth} leaves one pixel of {side}, .* twice accumulate or more$"
    with pytest.raises(RunError, match=told) as found:
        down(config, images)
    assert found.value.remedy == ({"depth": remedy} if remedy else {})
    less = f"; take depth {remedy}, or a" if remedy else "; take a"
    assert less in str(found.value)
    fits = [config.model_copy(update={"batch_size": 2 * accumulate})]
    fits += [config.model_copy(update={"depth": remedy})] if remedy else []
    assert all(down(one, images) for one in fits)
