"""What both frameworks can do, checked by one of them alone: `python -m tests.plugins.feature_checks torch NAME`."""

from __future__ import annotations

import importlib
import sys
import tempfile
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pytest

from dltui.core.contract import Data, Spec, Split, Trainable
from dltui.core.data import streaming
from dltui.core.data.arrays import middle
from dltui.core.data.prepared import SPLITS
from dltui.core.errors import RunError
from dltui.core.tasks.segmentation import IGNORED
from dltui.core.train.augmentation import crops, geometry
from dltui.core.train.plan import Planner
from dltui.plugins import residual
from tests.plugins.twin_child import image_spec, make_data

FRAMEWORK = sys.argv[1]
PLUGIN = importlib.import_module(f"dltui.plugins.{FRAMEWORK}")
BACKEND = PLUGIN.dltui_backends()[0]
MODELS = {model.name: model for model in PLUGIN.dltui_models()}


def make(name: str, data: Data, **config: Any) -> tuple[Trainable, Planner]:
    """A built-in model on the CPU and the planner of its run."""
    checked = MODELS[name].config.model_validate({"threads": 2, "batch_size": 32} | config)
    trainable = BACKEND.trainable(MODELS[name], checked, data, "cpu")
    stored = data.train.whole.shape[1:]
    return trainable, Planner(checked, len(data.train), shape=data.spec.input_shape, stored=stored)


def train(name: str, data: Data, steps: int, **config: Any) -> tuple[Trainable, Any]:
    trainable, planner = make(name, data, **config)
    trainable.begin_epoch(planner.epoch(0))
    return trainable, trainable.advance(steps).loss


def check_residual_networks() -> None:
    """Images of two shapes train; the promised sizes; the listing has the twin's names."""
    for height, channels in ((8, 1), (33, 3)):
        data = make_data(image_spec(height, channels, 3), 70)
        for blocks in (0, 2):
            trainable, losses = train("resnet", data, 2, channels=[3, 4, 5], blocks=blocks)
            assert np.isfinite(losses).all()
            assert trainable.predict("validation", slice(40, 50)).shape == (10, 3)
    for name, least, most in (("cnn-small", 90_000, 100_000), ("resnet", 800_000, 1_000_000)):
        config = MODELS[name].config()
        layers = BACKEND.layers(MODELS[name], config, image_spec())
        assert least < sum(layer.parameters for layer in layers) <= most, name
        assert [layer.name for layer in layers] == [row.name for row in residual.rows(config, image_spec())]
        first, second, third = config.channels
        outputs = [layer.output for layer in layers if layer.name in ("pool1", "pool2", "mean")]
        assert outputs == [(14, 14, first), (7, 7, second), (third,)], name


def augmented(images: Any, numbers: Any) -> Any:
    if FRAMEWORK == "torch":
        import torch

        from dltui.plugins.torch import augment

        return augment.move(torch.from_numpy(images), torch.from_numpy(numbers)).numpy()
    import tensorflow as tf

    from dltui.plugins.tensorflow.augment import move as augment_images

    return augment_images(tf.constant(images), tf.constant(numbers)).numpy()


def with_border(data: Data, border: int) -> Data:
    """The same images in the middle of larger ones."""

    def larger(split: Split) -> Split:
        count, height, width, channels = split.x.shape
        shape = (count, height + 2 * border, width + 2 * border, channels)
        stored = np.random.default_rng(7).integers(0, 256, shape, dtype=np.uint8)
        stored[:, border:-border, border:-border] = split.x
        return replace(split, x=middle(stored, data.spec.input_shape), stored=stored)

    parts = {name: larger(data.split(name)) for name in SPLITS}
    return replace(data, **parts)


def cropped(images: Any, numbers: Any, size: tuple[int, int]) -> Any:
    if FRAMEWORK == "torch":
        import torch

        from dltui.plugins.torch import augment

        return augment.crop(torch.from_numpy(images), torch.from_numpy(numbers), size, torch.float32).numpy()
    import tensorflow as tf

    from dltui.plugins.tensorflow.augment import crop

    return crop(tf.constant(images), tf.constant(numbers), size).numpy()


def check_crops_are_cores() -> None:
    """Pixel for pixel what core defines, but for the rounding of float32."""
    for shape, size in (((9, 40, 2), (8, 30)), ((40, 40, 3), (32, 32)), ((20, 20, 1), (28, 28))):
        images = np.random.default_rng(0).integers(0, 256, (60, *shape), dtype=np.uint8)
        drawn = crops.draw("crop", 1, 0, 1, 60, shape)
        assert drawn is not None
        assert np.abs(cropped(images, drawn[0], size) - crops.apply(images, drawn[0], size)).max() < 1e-3
        if FRAMEWORK == "torch":
            # As on other devices.
            from dltui.plugins.torch import augment

            with mock.patch.object(augment, "in_one_pass", augment.row_by_row):
                assert np.abs(cropped(images, drawn[0], size) - crops.apply(images, drawn[0], size)).max() < 1e-3


def check_crops_are_mirrored() -> None:
    """A crop is mirrored in its own size, as planned for its image."""
    images = np.random.default_rng(0).integers(0, 256, (40, 20, 24, 3), dtype=np.uint8)
    cuts, moves = (draw("flip+crop", 2, 0, 1, 40, (20, 24)) for draw in (crops.draw, geometry.draw))
    assert cuts is not None
    assert moves is not None
    assert 0 < moves[0][:, 0].sum() < 40
    wanted = crops.apply(images, cuts[0], (16, 18))
    wanted = np.where(moves[0][:, 0, None, None, None] == 1, wanted[:, :, ::-1], wanted)
    assert np.abs(cut_and_mirrored(images, cuts[0], moves[0], (16, 18)) - wanted).max() < 1e-3


def cut_and_mirrored(images: Any, cuts: Any, moves: Any, size: tuple[int, int]) -> Any:
    if FRAMEWORK == "torch":
        import torch

        from dltui.plugins.torch.augment import Changes

        changes = Changes(moves=torch.from_numpy(moves), crops=torch.from_numpy(cuts))
        return changes.stored(torch.from_numpy(images), size, torch.float32).numpy()
    import tensorflow as tf

    from dltui.plugins.tensorflow.augment import crop, move

    return move(crop(tf.constant(images), tf.constant(cuts), size), tf.constant(moves)).numpy()


def resumed(data: Data, **settings: Any) -> Any:
    """The losses of an epoch, after checking that one resumed in its middle has the same, bit for bit."""
    _, whole = train("softmax", data, 10, **settings)
    first, before = train("softmax", data, 4, **settings)
    second, planner = make("softmax", data, **settings)
    second.load_state(first.state())
    second.begin_epoch(planner.epoch(0, skip=4))
    assert np.concatenate([before, second.advance(6).loss]).tobytes() == whole.tobytes()
    return whole


def check_borders() -> None:
    """Without crops a border changes nothing: training, evaluation and mirrored tests see the middle. With crops the
    epoch resumes in its middle, bit for bit, also where the samples stream from their file."""
    plain = make_data(image_spec(16, 3))
    data = with_border(plain, 3)
    for settings in ({}, {"augment": "flip+shift", "color": 0.2}):
        first, losses = train("softmax", plain, 6, **settings)
        second, same = train("softmax", data, 6, **settings)
        assert losses.tobytes() == same.tobytes()
        assert np.array_equal(first.predict("test", slice(0, 20)), second.predict("test", slice(0, 20)))
        mirrored = [one.predict_mirrored("test", slice(0, 20)) for one in (first, second)]
        assert np.array_equal(*mirrored)
    settings = {"augment": "flip+crop", "color": 0.2, "erase": 0.2}
    whole = resumed(data, **settings)
    _, middles = train("softmax", data, 10)
    assert (middles != whole).all()
    streaming.STREAMED_BYTES = 0
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/x.npy", data.train.whole)
        stored = np.load(f"{folder}/x.npy", mmap_mode="r")
        file = replace(data.train, x=middle(stored, data.spec.input_shape), stored=stored)
        _, streamed = train("softmax", replace(data, train=file), 10, **settings)
    assert streamed.tobytes() == whole.tobytes()


def masks_changed(masks: Any, augment: str, drawn: Any) -> Any:
    """Masks that are mirrored and moved, or cropped, by a framework."""
    if FRAMEWORK == "torch":
        import torch

        from dltui.plugins.torch.augment import Changes

        numbers = torch.from_numpy(drawn)
        changes = Changes(crops=numbers) if augment == "crop" else Changes(moves=numbers)
        return changes.masks(torch.from_numpy(masks)).numpy()
    import tensorflow as tf

    from dltui.plugins.tensorflow.augment import crop_masks, move

    if augment == "crop":
        return crop_masks(tf.constant(masks), tf.constant(drawn)).numpy()
    return move(tf.constant(masks)[..., None], tf.constant(drawn), IGNORED)[..., 0].numpy()


def check_masks_change_with_images() -> None:
    """Pixel for pixel what core defines, and in step with the image."""
    for shape in ((9, 40), (28, 28)):
        masks = np.random.default_rng(0).integers(0, 4, (60, *shape), dtype=np.uint8)
        moves, cuts = (draw("flip+shift+crop", 1, 0, 1, 60, (*shape, 1)) for draw in (geometry.draw, crops.draw))
        assert moves is not None
        assert cuts is not None
        moved = masks_changed(masks, "move", moves[0])
        assert (moved == geometry.apply(masks, moves[0], IGNORED)).all()
        seen = augmented(masks[..., None], moves[0])[..., 0]
        assert (moved == seen)[moved != IGNORED].all()
        assert (seen[moved == IGNORED] == 0).all()
        cut = masks_changed(masks, "crop", cuts[0])
        assert (cut == crops.apply_to_masks(masks, cuts[0])).all()
        # Halves stay halves: the nearest pixel is that whose color a crop has most of.
        halves = np.repeat((np.arange(shape[1]) >= shape[1] // 2)[None], shape[0], 0)[None].repeat(60, 0)
        image = cropped((halves * 200).astype(np.uint8)[..., None], cuts[0], shape)[..., 0]
        told = masks_changed(halves.astype(np.uint8), "crop", cuts[0])
        assert ((image > 100) == (told == 1))[abs(image - 100) > 1].all()


def check_segmentation_resumes() -> None:
    """An epoch that is resumed in its middle gives the same losses, bit for bit, also where masks stream from a file;
    what is ignored has no part in the loss; a batch without a pixel that counts is 0 and no NaN."""
    spec = replace(image_spec(10, 3, 3), task="segmentation")
    data = make_data(spec, 96)
    settings: dict[str, Any] = {"width": 3, "depth": 2, "batch_size": 16, "augment": "flip+crop", "mixup": 0.2}
    _, whole = train("unet", data, 4, **settings)
    first, before = train("unet", data, 2, **settings)
    second, planner = make("unet", data, **settings)
    second.load_state(first.state())
    second.begin_epoch(planner.epoch(0, skip=2))
    assert np.concatenate([before, second.advance(2).loss]).tobytes() == whole.tobytes()
    streaming.STREAMED_BYTES = 0
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/x.npy", data.train.x)
        np.save(f"{folder}/y.npy", data.train.y)
        x, y = (np.load(f"{folder}/{name}.npy", mmap_mode="r") for name in "xy")
        _, streamed = train("unet", replace(data, train=replace(data.train, x=x, y=y)), 4, **settings)
    assert streamed.tobytes() == whole.tobytes()
    none = replace(data, train=replace(data.train, y=np.full_like(data.train.y, IGNORED)))
    trainable, losses = train("unet", none, 2, **settings)
    assert losses.tolist() == [0, 0]
    assert all(np.isfinite(array).all() for array in trainable.state().values() if array.dtype.kind == "f")


def check_unet() -> None:
    """The promised size, and any size of image; the listing has the twin's names."""
    spec = replace(image_spec(16, 1, 4), task="segmentation")
    for height, width in ((1, 1), (7, 13)):
        odd = make_data(replace(spec, input_shape=(height, width, 1)), 70)
        trainable, losses = train("unet", odd, 2, width=2, batch_size=32)
        assert np.isfinite(losses).all()
        assert trainable.predict("validation", slice(40, 50)).shape == (10, height, width, 4)
    rows = BACKEND.layers(MODELS["unet"], MODELS["unet"].config(), spec)
    assert 480_000 < sum(row.parameters for row in rows) <= 500_000
    ends = {row.name: row.output for row in rows if row.name in ("pool1", "pool3", "up3_relu2", "output")}
    assert ends == {"pool1": (8, 8, 16), "pool3": (2, 2, 64), "up3_relu2": (4, 4, 64), "output": (16, 16, 4)}


def check_augmentation_resumes() -> None:
    data = make_data(image_spec(16, 3))
    settings = {"augment": "flip+shift"}
    whole = resumed(data, **settings)
    _, plain = train("softmax", data, 10)
    assert (plain != whole).all()


def check_precision() -> None:
    """bf16 trains, resumes bit for bit, comes near to fp32 without being it, and its weights are fp32."""
    data = make_data(image_spec(16))
    for name in ("softmax", "mlp", "cnn"):
        settings: dict[str, Any] = {"precision": "bf16", "optimizer": "sgd", "lr": 0.01}
        _, whole = train(name, data, 6, **settings)
        first, before = train(name, data, 2, **settings)
        saved = first.state()
        outputs = first.predict("test", slice(0, 50))
        second, planner = make(name, data, **settings)
        second.load_state(saved)
        second.begin_epoch(planner.epoch(0, skip=2))
        assert np.concatenate([before, second.advance(4).loss]).tobytes() == whole.tobytes(), name
        assert all(array.dtype == np.float32 for key, array in saved.items() if key.startswith("weights/"))
        assert outputs.dtype == np.float32
        exact, losses = train(name, data, 2, optimizer="sgd", lr=0.01)
        exact.load_state({key: array for key, array in saved.items() if key.startswith("weights/")})
        expected = exact.predict("test", slice(0, 50))
        spread = np.abs(expected).max()
        assert 0 < np.abs(outputs - expected).max() < 0.05 * spread, (name, np.abs(outputs - expected).max(), spread)
        np.testing.assert_allclose(before, losses, rtol=0.05, err_msg=name)
        assert (before != losses).any(), name


def check_fp16() -> None:
    """It comes near to fp32 and resumes bit for bit; a step that overflows changes nothing but the scale."""
    data = make_data(image_spec(16))
    for optimizer in ("sgd", "adamw", "lion"):
        settings: dict[str, Any] = {"precision": "fp16", "optimizer": optimizer, "lr": 0.001, "clip_norm": 1.0}
        _, whole = train("softmax", data, 6, **settings)
        first, before = train("softmax", data, 2, **settings)
        saved = first.state()
        assert saved["optimizer/loss_scale"] == 65536
        assert saved["optimizer/loss_scale_streak"] == 2
        second, planner = make("softmax", data, **settings)
        second.load_state(saved)
        second.begin_epoch(planner.epoch(0, skip=2))
        assert np.concatenate([before, second.advance(4).loss]).tobytes() == whole.tobytes()
        _, exact = train("softmax", data, 6, **{**settings, "precision": "fp32"})
        np.testing.assert_allclose(whole, exact, rtol=0.02)
        assert (whole != exact).any()
        # No gradient of float16 bears such a factor.
        second.load_state(saved | {"optimizer/loss_scale": np.array(1e30, np.float32)})
        second.begin_epoch(planner.epoch(0, skip=2))
        second.advance(1)
        after = second.state()
        assert after["optimizer/loss_scale"] == np.float32(5e29)
        assert after["optimizer/loss_scale_streak"] == 0
        scale = ("optimizer/loss_scale", "optimizer/loss_scale_streak")
        changed = [key for key in saved if key not in scale and saved[key].tobytes() != after[key].tobytes()]
        assert changed == [], optimizer
    # A fork in another precision has no use for it.
    plain, _ = make("softmax", data, optimizer="lion")
    plain.load_state({key: array for key, array in saved.items() if not key.startswith("rng/")})


def check_compile() -> None:
    """TensorFlow's steps compiled by XLA compute the same; preparing for it changes nothing."""
    data = make_data(image_spec(16))
    settings: dict[str, Any] = {"optimizer": "adamw", "lr": 0.001, "mixup": 0.2, "accumulate": 2}
    plain, losses = train("mlp", data, 3, **settings)
    trainable, planner = make("mlp", data, **settings, compile="on")
    before = trainable.state()
    (line,) = trainable.prepare(lambda: planner.epoch(0), 10)  # type: ignore[attr-defined]
    assert line.startswith("steps run compiled by XLA; "), line
    assert trainable.mode == "tf.function + XLA"  # type: ignore[attr-defined]
    assert all(before[key].tobytes() == array.tobytes() for key, array in trainable.state().items())
    trainable.begin_epoch(planner.epoch(0))
    np.testing.assert_allclose(trainable.advance(3).loss, losses, rtol=1e-5)
    assert plain.mode == "tf.function"  # type: ignore[attr-defined]


def check_resnet() -> None:
    """Small images keep their size through the stem, large ones do not; any channels; it learns and resumes."""
    small, large = make_data(image_spec(8, 1), 96), make_data(image_spec(64, 3), 64)
    trainable, planner = make("resnet18", small, lr=0.01)
    sizes = {layer.name: layer.output for layer in trainable.layers()}
    assert sizes["conv1"] == (8, 8, 64)
    assert sizes["layer1.0.conv1"] == (8, 8, 64)
    shapes = {layer.name: layer.output for layer in make("resnet18", large)[0].layers()}
    assert shapes["conv1"] == (32, 32, 64)
    assert shapes["maxpool"] == (16, 16, 64)
    assert shapes["fc"] == (10,)
    trainable.begin_epoch(planner.epoch(0))
    trainable.advance(1)
    second, _ = make("resnet18", small, lr=0.01, seed=5)
    second.load_state(trainable.state())
    second.begin_epoch(planner.epoch(0, skip=1))
    assert second.advance(2).loss.tobytes() == trainable.advance(2).loss.tobytes()


def linear_network(config: Any, spec: Spec) -> Any:
    """A convolution, a mean and a dense layer, all of them linear and without biases."""
    if FRAMEWORK == "torch":
        from torch import nn

        class Mean(nn.Module):
            def forward(self, x: Any) -> Any:
                return x.mean((2, 3))

        layers = (nn.Conv2d(1, 3, 3, padding=1, bias=False), Mean(), nn.Linear(3, spec.outputs, bias=False))
        names = ("conv", "mean", "head")
        network = nn.Sequential()
        for name, layer in zip(names, layers, strict=True):
            network.add_module(name, layer)
        return network
    import keras

    return keras.Sequential(
        [
            keras.Input(spec.input_shape),
            keras.layers.Conv2D(3, 3, padding="same", use_bias=False, name="conv"),
            keras.layers.GlobalAveragePooling2D(name="mean"),
            keras.layers.Dense(spec.outputs, use_bias=False, name="head"),
        ]
    )


def check_heat_maps() -> None:
    """Of a linear network they follow from its weights: what a channel has in a pixel, by its weight for the output.
    Frozen layers change nothing, evaluation leaves the network as it was, and one without convolutions is refused.
    """
    data = make_data(image_spec(6, 1, 4), 70)
    model = replace(MODELS["cnn"], build=linear_network)
    config = model.config.model_validate({"threads": 2, "batch_size": 32, "freeze": "conv"})
    trainable = BACKEND.trainable(model, config, data, "cpu")
    before = trainable.state()
    outputs = np.array([[0, 3], [2, 2], [1, 0]])
    found = BACKEND.heat_maps(trainable, slice(5, 8), outputs)
    kernel, head = before["weights/conv/kernel"], before["weights/head/kernel"]
    pixels = np.pad(
        (data.test.x[5:8].astype(np.float64) - data.spec.mean) / data.spec.std, ((0, 0), (1, 1), (1, 1), (0, 0))
    )
    for sample in range(3):
        for which in range(2):
            for row, column in np.ndindex(6, 6):
                part = pixels[sample, row : row + 3, column : column + 3, 0]
                channels = (part[..., None] * kernel[:, :, 0]).sum((0, 1))
                wanted = max(0, channels @ head[:, outputs[sample, which]] / 36)
                assert abs(found[sample, which, row, column] - wanted) < 1e-5
    embedded = BACKEND.embeddings(trainable, slice(5, 8))
    np.testing.assert_allclose(embedded @ head, trainable.predict("test", slice(5, 8)), atol=1e-4)
    assert all(np.array_equal(before[name], array) for name, array in trainable.state().items())
    plain, _ = make("softmax", data)
    with pytest.raises(RunError, match="no convolutions"):
        BACKEND.heat_maps(plain, slice(0, 2), outputs[:2])
    assert BACKEND.embeddings(plain, slice(0, 2)).shape == (2, 36)


def check_heat_shows_the_evidence() -> None:
    """A class that a patch in one corner makes is seen in that corner."""
    data = make_data(image_spec(28, 1, 2), 320)

    def planted(split: Split) -> Split:
        x = split.x // 4
        x[split.y == 1, 2:9, 2:9] = 255
        return replace(split, x=x)

    data = replace(data, **{name: planted(data.split(name)) for name in SPLITS})
    trainable, _ = train("cnn", data, 10)
    rows = slice(0, 40)
    mine = data.test.y[rows] == 1
    assert (trainable.predict("test", rows).argmax(axis=1) == data.test.y[rows]).all()
    heat = BACKEND.heat_maps(trainable, rows, np.ones((40, 1), np.int64))[mine, 0].mean(axis=0)
    half = len(heat) // 2
    quarters = [heat[:half, :half], heat[:half, half:], heat[half:, :half], heat[half:, half:]]
    sums = [float(quarter.sum()) for quarter in quarters]
    assert sums[0] > 2 * max(sums[1:]), sums


def check_augmentation_is_cores() -> None:
    """Pixel for pixel what core defines."""
    for shape in ((9, 40, 2), (28, 28, 1), (5, 3, 3)):
        images = np.random.default_rng(0).integers(0, 256, (60, *shape), dtype=np.uint8)
        drawn = geometry.draw("flip+shift", 1, 0, 1, 60, shape)
        assert drawn is not None
        found = augmented(images, drawn[0])
        assert found.dtype == np.uint8
        assert (found == geometry.apply(images, drawn[0])).all()


if __name__ == "__main__":
    for check in sys.argv[2:]:
        globals()[f"check_{check}"]()
