"""The PyTorch plugin. PyTorch is imported in child processes only: it cannot share one with TensorFlow."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CHECKS = (
    (
        "starts_without_compiler", "resume_mid_epoch", "random_state_matters", "chunks_do_not_matter",
        "predict_changes_nothing", "steps_follow_pytorch", "shapes",
    ),
    ("learns", "recovers_a_line"),
)  # fmt: skip
"""Importing PyTorch takes seconds: checks that need no process of their own share one."""

AUTHOR_CHECKS = (
    "own_loss_is_evaluated", "named_losses", "misuse_of_named_losses",
    "what_build_and_forward_give", "methods", "optimizers_that_are_none",
    "rates_of_groups", "tables_made_in_evaluation", "two_weights_of_one_name", "structure", "layouts",
    "complex_weights", "lazy_layers", "random_numbers", "every_optimizer_resumes", "old_states_of_own_optimizers",
    "steps_that_a_parameter_missed", "what_no_checkpoint_can_hold",
    "named_inputs",
)  # fmt: skip
MODULE_CHECKS = (
    "parameters_that_are_made_late", "buffers_that_are_made_late", "lazy_layers_that_forward_does_not_call",
    "buffers_that_are_put_in_place_of_others", "buffers_that_an_evaluation_replaces", "averages_of_complex_weights",
    "averages_that_count_on_the_device", "own_steps_in_half_precision", "sparse_embeddings", "sparse_tensors",
    "scripted_modules", "shared_weights_are_counted_once",
)  # fmt: skip
CAPTURED_CHECKS = (
    "equals_eager_steps", "resumes_in_the_middle", "unfreezing_captures_anew", "preparing_changes_nothing",
    "steps_that_no_replay_repeats",
    "a_step_needs_no_host", "a_step_on_a_gpu_needs_no_host", "what_is_compiled",
    "the_order_around_a_capture", "steps_with_masks",
)  # fmt: skip
FIRST = 1
RANK_CHECKS = ("a_hundred_steps", "tasks", "named_losses", "gradients_of_some_ranks", "own_draws_differ")
FIRST_RANK_CHECKS = (
    "two_equal_one", "addresses", "uneven_shares_draw_the_same_again", "noise_of_own_samples",
    "no_sum_has_a_time_limit",
)  # fmt: skip
PART_CHECKS = (
    "neutral_layout", "misfits", "own_parts", "devices", "device_reasons", "tf32", "sums_are_recorded",
    "cublas_is_told_before_it_starts", "memory_that_pytorch_keeps_is_free", "uploads_while_the_gpu_computes",
    "masks_without_room_stay_on_the_host", "samples_that_stream_are_uploaded",
    "layers_that_a_fork_unfreezes", "layers_that_a_fork_leaves_frozen",
    "shared_weights_learn_at_the_rate_of_either_name",
)  # fmt: skip
PREPARATION_CHECKS = (
    "a_graph_counts_in_the_average_that_there_is", "no_memory_for_a_capture", "no_memory_for_another_capture",
    "a_compiler_that_fails_leaves_the_graph", "every_length_of_an_epoch", "eager_steps_that_are_compiled",
    "the_compiler_is_told_of_determinism", "time_decides_what_is_compiled", "the_scaler_that_asks_the_host_is_named",
    "what_an_evaluation_replaces", "copies_lie_on_the_host", "reasons",
)  # fmt: skip

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs PyTorch")


def run_child(module: str, *checks: str) -> None:
    run_children((module, checks))


def run_children(*modules: tuple[str, tuple[str, ...]]) -> None:
    """Run the checks of modules, one after the other in one process."""
    words = [word for module, checks in modules for word in (",", f"tests.plugins.torch.{module}", *checks)]
    command = [sys.executable, "-m", "tests.plugins.one_process", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_listing_imports_no_framework() -> None:
    code = (
        "import sys, dltui.plugins.torch as p; p.dltui_models(); p.dltui_backends();"
        "print([name for name in ('torch', 'tensorflow', 'keras', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@needs_torch
@pytest.mark.slow(20)
def test_in_one_process() -> None:
    authors = ("torch_author_checks", AUTHOR_CHECKS)
    modules = ("torch_module_checks", MODULE_CHECKS)
    run_children(("torch_checks", CHECKS[0]), authors, modules, ("torch_part_checks", PART_CHECKS))


@needs_torch
@pytest.mark.longest
@pytest.mark.parametrize("names", CHECKS[1:], ids=lambda names: names[0])
def test_in_a_process_of_its_own(names: tuple[str, ...]) -> None:
    run_child("torch_checks", *names)


@needs_torch
@pytest.mark.long
@pytest.mark.slow(20)
def test_captured_steps_and_ranks() -> None:
    # Ranks first: they are forked, which goes well as long as no step has started threads.
    run_children(("torch_rank_checks", FIRST_RANK_CHECKS), ("torch_captured_checks", CAPTURED_CHECKS[:FIRST]))


@needs_torch
@pytest.mark.longest
def test_more_captured_steps() -> None:
    run_children(("torch_captured_checks", CAPTURED_CHECKS[FIRST:]), ("torch_preparation_checks", PREPARATION_CHECKS))


@needs_torch
@pytest.mark.longest
def test_ranks() -> None:
    run_child("torch_rank_checks", *RANK_CHECKS)
