"""The TensorFlow plugin. TensorFlow and PyTorch are imported in child processes only: they cannot share one."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltui.core.errors import RunError
from tests.helpers.marks import few

ROOT = Path(__file__).parents[3]
CHECKS = (
    (
        "starts_without_what_no_run_uses", "convolutions_use_onednn", "resume_mid_epoch", "chunks_do_not_matter",
        "predict_changes_nothing", "shapes", "misfits", "own_parts", "constants_are_exported",
        "a_large_mean_is_exported", "batch_norm", "sums_are_recorded", "fewer_slots",
        "forks_that_train_other_layers",
        "samples_and_the_room_of_a_gpu",
    ),
    ("learns", "recovers_a_line"),
    ("devices",),
)  # fmt: skip
"""Importing TensorFlow takes seconds: checks that need no process of their own share one."""
REPLICA_CHECKS = ("two_equal_one", "from_two_to_one", "a_hundred_steps", "keras_layers_and_masks", "named_losses")
AUTHOR_CHECKS = (
    "own_loss_is_evaluated", "named_losses", "misuse_of_named_losses",
    "what_build_and_call_give", "methods", "notes", "rates", "own_optimizer_and_frozen_layers",
    "accuracy_of_masks_in_parts",
    "frozen_parts_of_layers", "constraints", "constraints_of_frozen_layers",
    "random_numbers", "random_numbers_of_tensorflow", "settings_of_the_user", "named_inputs",
)  # fmt: skip
MODEL_CHECKS = (
    "layers_that_are_built_late", "a_layer_with_an_attribute_called_layers", "losses_of_layers",
    "parameters_of_a_model_itself", "frozen_and_shared_layers_are_counted",
)  # fmt: skip

needs_tensorflow = pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="needs TensorFlow")
needs_both = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("tensorflow", "torch")), reason="needs both frameworks"
)


def run_child(module: str, *arguments: str) -> str:
    """Run a module of the tests; its output. Fails the test with what the child said."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_listing_imports_no_framework() -> None:
    code = (
        "import sys, dltui.plugins.tensorflow as p; p.dltui_models(); p.dltui_backends();"
        "print([name for name in ('tensorflow', 'keras', 'torch', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_only_slots_of_weights_that_are_frozen_or_have_none_are_left_out() -> None:
    """The names alone decide: it needs no TensorFlow."""
    from dltui.plugins.tensorflow import neutral

    values = dict.fromkeys(("weights/a/kernel", "weights/b/kernel", "optimizer/b/kernel/momentum", "optimizer/step"))
    array = np.zeros(1)
    kept = ("weights/a/kernel", "optimizer/b/kernel/momentum", "optimizer/b/kernel/other", "optimizer/step")
    unknown = ("optimizer/c/kernel/momentum", "optimizer/a/bias/momentum", "optimizer/late_step")
    state = dict.fromkeys((*kept, "optimizer/a/kernel/momentum", *unknown), array)
    assert list(neutral.wanted(values, state)) == [*kept, *unknown]
    with pytest.raises(RunError, match=r"^optimizer/b/kernel/other is not part of this model"):
        neutral.restore(dict.fromkeys(values, array), neutral.wanted(values, state))


def test_a_keras_optimizer_leaves_out_what_it_keeps_for_no_weight_of_the_model() -> None:
    """Keras joins the names of model, layer, weight and slot by `_`."""
    from dltui.plugins.tensorflow import neutral

    begins = ("net_body_kernel_", "net_body_", "net_body_kernel_out_", "net_head_kernel_")
    kept = ("optimizer/adam/iteration", "optimizer/adam/net_head_kernel_momentum", "optimizer/adam/net_body_momentum")
    values = dict.fromkeys((*kept, "weights/body/kernel", "weights/net_body_kernel_x"))
    frozen = ("optimizer/adam/net_body_kernel_momentum", "optimizer/loss_scale/adam/net_body_kernel_out_velocity")
    unknown = ("optimizer/adam/net_tail_kernel_momentum", "optimizer/adam/net_head_kernel_other", "optimizer/sgd/step")
    state = dict.fromkeys((*values, *frozen, *unknown), np.zeros(1))
    assert list(neutral.wanted(values, state, begins)) == [*values, *unknown]


@pytest.mark.slow(20)
@needs_tensorflow
@pytest.mark.parametrize("names", few(CHECKS, 0, long=1), ids=lambda names: names[0])
@pytest.mark.longest
def test_in_a_process_of_its_own(names: tuple[str, ...]) -> None:
    run_child("tests.plugins.tensorflow.tensorflow_checks", *names)


@needs_tensorflow
@pytest.mark.long
@pytest.mark.slow(20)
def test_what_authors_bring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Keras set up for other work, in the environment and in its file."""
    (tmp_path / "keras.json").write_text(
        json.dumps({"backend": "jax", "floatx": "float16", "image_data_format": "channels_first", "epsilon": 0.001})
    )
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    run_child("tests.plugins.tensorflow.tensorflow_author_checks", *AUTHOR_CHECKS)


@needs_tensorflow
@pytest.mark.long
@pytest.mark.slow(20)
def test_unusual_models() -> None:
    run_child("tests.plugins.tensorflow.tensorflow_model_checks", *MODEL_CHECKS)


@needs_tensorflow
@pytest.mark.longest
def test_several_devices() -> None:
    run_child("tests.plugins.tensorflow.tensorflow_replica_checks", *REPLICA_CHECKS)
    run_child("tests.plugins.tensorflow.tensorflow_replica_checks", "a_hundred_steps_of_four")


@needs_tensorflow
@pytest.mark.longest
def test_optimizers_follow_pytorch() -> None:
    run_child("tests.plugins.optimizer_checks")


SGD: dict[str, Any] = {"weight_decay": 0.01}
ADAMW: dict[str, Any] = {"optimizer": "adamw", "lr": 0.001, "weight_decay": 0.1}


def train_twins(
    folder: Path, dtype: str, tries: list[tuple[str, dict[str, Any]]]
) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Both frameworks from PyTorch's initial weights over the same batches: model, and what each of them wrote."""

    def path(framework: str, number: int) -> Path:
        return folder / f"{framework}-{number}.npz"

    for framework in ("torch", "tensorflow"):
        jobs = [
            {
                "framework": framework,
                "model": model,
                "config": {"epochs": 2, "batch_size": 64, "threads": 2, **config},
                "dtype": dtype,
                "start": str(path("torch", number)) if framework == "tensorflow" else None,
                "result": str(path(framework, number)),
            }
            for number, (model, config) in enumerate(tries)
        ]
        (folder / "jobs.json").write_text(json.dumps(jobs))
        run_child("tests.plugins.twin_child", str(folder / "jobs.json"))
    twins = []
    for number, (model, _) in enumerate(tries):
        with np.load(path("torch", number)) as one, np.load(path("tensorflow", number)) as other:
            assert set(one) == set(other)
            twins.append((model, dict(one), dict(other)))
    return twins


HUNDRED = {"epochs": 5, "batch_size": 32}
"""100 steps, of the data that `twin_child` makes."""
TINY = {"channels": [4, 6, 8]}
UNFROZEN = {"freeze": "conv1 norm1", "unfreeze_at": 2, "lr_scales": "conv1=0.5", "batch_size": 32}
DOUBLE = [("cnn", {**ADAMW, **UNFROZEN})]
NAMED = [("tabular", ADAMW), ("lstm", SGD), ("transformer", SGD | {"depth": 1, "dropout": 0.0})]
UNET = {"width": 4, "depth": 2, "optimizer": "sgd", "lr": 0.02}
DOUBLE_LONG = [
    *((f"{model} {task}".strip(), config | HUNDRED) for model, config in NAMED for task in ("", "regression")),
    ("cnn-small", SGD | HUNDRED | TINY),
    ("softmax", SGD | HUNDRED), ("mlp", ADAMW | HUNDRED), ("cnn", SGD | HUNDRED), ("cnn", ADAMW | HUNDRED),
    ("linear-regression", {"momentum": 0.0} | HUNDRED), ("unet", SGD | HUNDRED | UNET),
    ("mlp regression", SGD | HUNDRED), ("mlp multilabel", SGD | HUNDRED),
]  # fmt: skip


@needs_both
@pytest.mark.slow(25)
@pytest.mark.parametrize(
    ("tries", "steps"), [(DOUBLE, 40), pytest.param(DOUBLE_LONG, 100, marks=pytest.mark.longest)], ids=["few", "all"]
)
@pytest.mark.long
def test_twins_agree_in_double_precision(tmp_path: Path, tries: list[tuple[str, dict[str, Any]]], steps: int) -> None:
    for model, one, other in train_twins(tmp_path, "float64", tries):
        assert len(one["losses"]) == steps
        np.testing.assert_allclose(one["losses"], other["losses"], rtol=1e-8, err_msg=model)
        for key in one:
            np.testing.assert_allclose(one[key], other[key], rtol=1e-6, atol=1e-8, err_msg=f"{model} {key}")


@needs_both
@pytest.mark.slow
@pytest.mark.longest
def test_twins_agree_in_single_precision(tmp_path: Path) -> None:
    for model, one, other in train_twins(
        tmp_path, "float32", [("softmax", {}), ("mlp", {}), ("cnn", {"lr": 0.01}), ("unet", SGD | UNET | {"lr": 0.005})]
    ):
        assert np.abs(one["logits"] - other["logits"]).max() < 1e-4, model
        np.testing.assert_allclose(one["losses"], other["losses"], rtol=1e-4, err_msg=model)
        assert np.abs(one["logits_after"] - other["logits_after"]).max() < 1e-3, model
