"""What was left open is suited to the user's own images, and said; what was given stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dltui.core.catalog.entries import ModelEntry
from dltui.core.catalog.fields import FieldSpec
from dltui.core.contract import Data, Input, Preview, Spec, Split
from dltui.core.data.suited import Facts, batch_of, changes, facts_before, facts_of, left_open, sized, to_data

KINDS = ("none", "flip", "shift", "flip+shift", "crop", "flip+crop")
FIELDS = (
    FieldSpec("class_weights", "str", "", "weights"),
    FieldSpec("augment", "choice", "none", "changes", choices=KINDS, choice_values=KINDS),
)
MODEL = ModelEntry("m", "m", "torch", "classification", "s", FIELDS, False, {}, image_size=224)
CONFIG = {"batch_size": 32, "augment": "none", "class_weights": ""}


def data(counts: tuple[int, ...], side: int = 224) -> Data:
    labels = np.repeat(np.arange(len(counts)), counts)
    split = Split(np.zeros((len(labels), 1, 1, 3), np.uint8), labels, labels)
    names = ("cat", "dog", "emu")[: len(counts)]
    spec = Spec("classification", (side, side, 3), len(counts), names)
    return Data("folder", spec, split, split, split, "none")


def test_images_get_the_side_of_the_model() -> None:
    assert sized({"size": 0, "fit": "crop"}, MODEL, {}) == {"size": 224, "fit": "crop"}
    assert sized({"size": 0}, MODEL, {"image_size": 128}) == {"size": 128}
    assert sized({"size": 64}, MODEL, {}) == {"size": 64}
    assert sized({"size": 0}, replace(MODEL, image_size=0), {}) == {"size": 0}
    assert sized({"n": 3}, MODEL, {}) == {"n": 3}


def test_few_photos_get_small_batches_and_are_mirrored() -> None:
    config, notes = to_data(CONFIG, data((100, 116)), (), MODEL)
    assert config == {**CONFIG, "batch_size": 16, "augment": "flip+crop"}
    assert notes == [
        "batch size 16 instead of 32: 13 steps in an epoch of 216 images",
        "training images are mirrored, and random parts of them enlarged (--augment flip+crop); --augment none leaves "
        "them as they are",
    ]


def test_the_rate_of_sgd_is_scaled_with_the_batch() -> None:
    sgd = {"batch_size": 128, "optimizer": "sgd", "lr": 0.1}
    config, notes = to_data(sgd, data((100, 116)), (), MODEL)
    assert config == {**sgd, "batch_size": 16, "lr": 0.0125}
    assert notes == ["batch size 16 instead of 128, lr 0.0125 instead of 0.1: 13 steps in an epoch of 216 images"]
    assert to_data(sgd, data((100, 116)), {"lr"}, MODEL)[0]["lr"] == 0.1
    assert to_data({**sgd, "optimizer": "adamw"}, data((100, 116)), (), MODEL)[0]["lr"] == 0.1


def test_a_backend_without_crops_moves_photos() -> None:
    without = replace(MODEL, fields=(FieldSpec("augment", "choice", "none", "changes", choices=KINDS[:4]),))
    config, notes = to_data({"batch_size": 2, "augment": "none"}, data((100, 116)), (), without)
    assert config["augment"] == "flip+shift"
    assert notes[0].startswith("training images are mirrored and moved at random (--augment flip+shift)")


@pytest.mark.parametrize(
    ("side", "samples", "batch", "why"),
    [
        (64, 20_000, 128, ""),
        (96, 20_000, 128, ""),
        (128, 20_000, 64, "images of 128x128 pixels need much memory (on a GPU 128)"),
        (224, 20_000, 16, "images of 224x224 pixels need much memory (on a GPU 64)"),
        (512, 20_000, 4, "images of 512x512 pixels need much memory (on a GPU 16)"),
        (224, 400, 16, "images of 224x224 pixels need much memory (on a GPU 32)"),
        (4096, 20_000, 2, "images of 4096x4096 pixels need much memory"),
        (224, 200, 16, "12 steps in an epoch of 200 images"),
    ],
)
def test_large_images_get_batches_that_fit_into_memory(side: int, samples: int, batch: int, why: str) -> None:
    usual = {**CONFIG, "batch_size": 128, "augment": "flip"}
    config, notes = to_data(usual, data((samples // 2, samples // 2), side), {"augment"}, MODEL)
    assert config == {**usual, "batch_size": batch}
    assert notes == ([f"batch size {batch} instead of 128: {why}"] if why else [])
    assert to_data(usual, data((samples // 2, samples // 2), side), {"augment", "batch_size"}, MODEL) == (usual, [])


@pytest.mark.parametrize(
    ("side", "samples", "batch", "why"),
    [
        (128, 20_000, 128, ""),
        (224, 20_000, 64, "images of 224x224 pixels need much memory"),
        (512, 20_000, 16, "images of 512x512 pixels need much memory"),
        (224, 400, 32, "12 steps in an epoch of 400 images"),
    ],
)
def test_a_gpu_gets_larger_batches(side: int, samples: int, batch: int, why: str) -> None:
    usual = {**CONFIG, "batch_size": 128, "augment": "flip"}
    photos = data((samples // 2, samples // 2), side)
    for device in ("cuda", "mps"):
        config, notes = to_data(usual, photos, {"augment"}, MODEL, device)
        assert config == {**usual, "batch_size": batch}
        assert notes == ([f"batch size {batch} instead of 128: {why}"] if why else [])


@pytest.mark.parametrize(
    ("sides", "cpu", "gpu", "why"),
    [
        ((), 128, 128, ""),
        ((64,), 128, 128, ""),
        ((224,), 16, 64, "images of 224x224 pixels need much memory"),
        ((224, 224), 8, 32, "images of 224x224 pixels need much memory"),
        ((32, 224), 16, 64, "images of 32x32 and 224x224 pixels need much memory"),
    ],
)
def test_images_beside_other_inputs_get_batches_that_fit_into_memory(
    sides: tuple[int, ...], cpu: int, gpu: int, why: str
) -> None:
    photos = tuple(Input(f"image{at}", (side, side, 3), "uint8") for at, side in enumerate(sides))
    named = data((10_000, 10_000))
    named = replace(named, spec=replace(named.spec, input_shape=(), named_inputs=(Input("numbers", (7,)), *photos)))
    usual = {**CONFIG, "batch_size": 128}
    for device, batch in (("cpu", cpu), ("cuda", gpu)):
        config, notes = to_data(usual, named, (), MODEL, device)
        assert config == {**usual, "batch_size": batch}
        more = f" (on a GPU {gpu})" if device == "cpu" else ""
        assert notes == ([f"batch size {batch} instead of 128: {why}{more}"] if why else [])


def test_few_samples_of_named_inputs_get_small_batches() -> None:
    named = data((100, 116))
    named = replace(named, spec=replace(named.spec, input_shape=(), named_inputs=(Input("numbers", (7,)),)))
    assert to_data(CONFIG, named, (), MODEL)[1] == ["batch size 16 instead of 32: 13 steps in an epoch of 216 samples"]


def test_a_preview_tells_what_is_suited() -> None:
    photos = data((100, 116))
    facts = facts_before(Preview(train=216, image=(224, 224, 3)), MODEL)
    assert facts == facts_of(photos)
    assert facts is not None
    found = changes({**CONFIG, "optimizer": "sgd", "lr": 0.1}, facts, (), MODEL)
    assert {name: change.value for name, change in found.items()} == {
        "batch_size": 16,
        "lr": 0.05,
        "augment": "flip+crop",
    }


def test_a_table_is_suited_for_models_that_get_it_as_named_inputs() -> None:
    rows = Preview(train=216)
    assert facts_before(rows, MODEL) == Facts(216)
    assert changes(CONFIG, Facts(216), (), MODEL) == {}
    assert facts_before(rows, replace(MODEL, takes=("single", "table"))) == Facts(216, named=True)
    assert facts_before(Preview(), MODEL) is None


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ((), {"batch_size", "lr", "augment"}),
        (("batch_size",), {"augment"}),
        (("lr", "augment"), {"batch_size"}),
    ],
)
def test_what_is_left_open_while_the_data_is_not_known(given: tuple[str, ...], names: set[str]) -> None:
    config = {**CONFIG, "optimizer": "sgd", "lr": 0.1}
    assert left_open(config, given) == names
    assert left_open({**config, "optimizer": "adamw"}, given) == names - {"lr"}
    assert left_open({**config, "augment": "flip"}, given) == names - {"augment"}


def test_a_model_without_batches_gets_none() -> None:
    assert "batch_size" not in to_data({"augment": "flip"}, data((1000, 1000), 512), {"augment"}, MODEL)[0]


def test_what_is_given_stays() -> None:
    given = {"batch_size", "augment", "class_weights"}
    assert to_data(CONFIG, data((10, 300)), given, MODEL) == (CONFIG, [])


def test_uneven_classes_are_told() -> None:
    config, notes = to_data(CONFIG, data((400, 100, 30), side=28), (), MODEL)
    assert config == CONFIG
    told = "the classes are uneven (400 samples of cat, 30 of emu): --class-weights balanced makes each count the same"
    assert notes == [told]


def test_batches() -> None:
    assert [batch_of(n, 32) for n in (3, 39, 40, 159, 160, 9999)] == [2, 2, 4, 8, 16, 32]
    assert batch_of(3, 1) == 1
