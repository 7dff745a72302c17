"""A look inside a model: which samples are chosen, what is kept of them, and what is laid over an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dltui.core.analysis.inside import chosen, embeddings, heat_maps
from dltui.core.analysis.inside.heat_maps import SAID, TRUE, LatestHeatMaps
from dltui.core.errors import RunError
from dltui.core.rundir.directory import RunDirectory
from dltui.plugins.heat_maps import Call, heat_map, layer_of
from tests.core.analysis.test_evaluation import classified, read
from tests.helpers.looked import look


def test_mistakes_come_first_then_each_classs_most_certain_right_answer() -> None:
    found = chosen.of_classes(classified())
    assert found.positions.tolist() == [3, 1, 0, 2]
    assert found.outputs.tolist() == [[0, 2], [2, 1], [0, 0], [1, 1]]


def test_of_labels_the_worst_said_and_the_worst_missed_are_chosen() -> None:
    present = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 0]], np.uint8)
    chances = np.array([[0.9, 0.2, 0.8], [0.4, 0.3, 0.1], [0.2, 0.9, 0.7]])
    found = chosen.of_labels({"present": present, "chances": chances, "wrong": np.array([2, 1, 0])})
    # Where nothing was said in vain, or nothing missed, one label stands for both.
    assert found.outputs.tolist() == [[2, 0], [2, 2], [2, 2]]


def test_what_was_looked_at_belongs_to_these_predictions_alone(tmp_path: Path) -> None:
    reader = read(tmp_path)
    look(reader.directory)
    found, points = heat_maps.read(reader), embeddings.read(reader)
    assert found is not None
    assert points is not None
    first = int(found.ids[0])
    assert found.of(first, SAID).tolist()[0][0] == 1.0  # type: ignore[union-attr]
    assert found.of(first, TRUE).tolist()[3][3] == 1.0  # type: ignore[union-attr]
    assert found.of(-5, SAID) is None
    watched = LatestHeatMaps(reader)
    again = watched.look()
    assert again is not None
    assert watched.look() is again
    predictions = reader.predictions("test")
    assert predictions is not None
    other = predictions | {"probabilities": predictions["probabilities"] * 0.5}
    arrays = reader.inside(heat_maps.NAME)
    assert arrays is not None
    assert heat_maps.unpack(arrays, other) is None
    # As after a resume, before the new test.
    reader.history.test = None
    assert heat_maps.read(reader) is embeddings.read(reader) is watched.look() is None


def test_a_damaged_file_is_a_line(tmp_path: Path) -> None:
    reader = read(tmp_path)
    look(reader.directory)
    path = RunDirectory(reader.directory.path).predictions_dir / "heat-maps.npz"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(RunError, match="is damaged"):
        heat_maps.read(reader)
    assert LatestHeatMaps(reader).look() is None
    arrays = reader.inside(embeddings.NAME)
    predictions = reader.predictions("test")
    assert arrays is not None
    assert predictions is not None
    with pytest.raises(RunError, match="damaged"):
        embeddings.unpack(arrays | {"pca": arrays["pca"][1:]}, predictions)
    for name in ("said", "images"):
        with pytest.raises(RunError, match="damaged"):
            embeddings.unpack(arrays | {name: arrays[name][1:]}, predictions)
    with pytest.raises(RunError, match="damaged"):
        embeddings.unpack({"stamp": arrays["stamp"]}, predictions)


def test_heat_maps_of_another_form_are_damaged(tmp_path: Path) -> None:
    reader = read(tmp_path)
    look(reader.directory)
    arrays, predictions = reader.inside(heat_maps.NAME), reader.predictions("test")
    assert arrays is not None
    assert predictions is not None
    maps, outputs = arrays["maps"], arrays["outputs"]
    changes = ({"maps": maps[:, :1]}, {"maps": maps[:, :, :0]}, {"maps": maps.astype(np.int64)},
               {"outputs": outputs[:, 0]})  # fmt: skip
    for change in changes:
        with pytest.raises(RunError, match="the heat maps are damaged: maps "):
            heat_maps.unpack(arrays | change, predictions)


def test_maps_are_small_and_each_by_its_own_peak() -> None:
    maps = np.zeros((2, 2, 130, 130), np.float32)
    maps[0, 0, 3, 3], maps[0, 1, 6, 0], maps[1, 0, 0, 0] = 4.0, 0.5, 1e-30
    found = heat_maps.packed(maps)
    assert found.shape == (2, 2, 44, 44)
    assert found[0, 0, 1, 1] == found[0, 1, 2, 0] == found[1, 0, 0, 0] == 1
    assert not found[1, 1].any()
    assert heat_maps.packed(np.zeros((0, 2, 1, 1), np.float32)).shape == (0, 2, 1, 1)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_heat_is_brighter_than_the_image_below_it(channels: int) -> None:
    image = np.full((6, 9, channels), 90, np.uint8)
    heat = np.array([[1.0, 0.0], [0.0, 0.0]], np.float32)
    laid = heat_maps.overlay(image, heat)
    assert laid.shape == (6, 9, 3)
    light = laid.astype(float) @ (0.299, 0.587, 0.114)
    assert light[0, 0] == light.max() > 2 * light[-1, -1]
    assert np.ptp(laid[-1, -1]) == 0, "no evidence leaves a gray image"
    assert (heat_maps.overlay(image, np.zeros((2, 2), np.float32)) == round(90 * heat_maps.DIMMED)).all()


def test_the_explained_layer_is_the_last_image_behind_the_last_convolution() -> None:
    image, small, none = (7, 7), (1, 1), (0, 0)
    plain = [Call(True, (9, 9)), Call(False, (9, 9)), Call(True, image), Call(False, image), Call(False, (3, 3)),
             Call(False, none)]  # fmt: skip
    assert layer_of(plain) == 3
    # A gate of one pixel, as in squeeze-and-excitation, says nothing about places.
    assert layer_of([Call(True, image), Call(True, small), Call(False, image), Call(False, none)]) == 2
    with pytest.raises(RunError, match="no convolutions"):
        layer_of([Call(False, image), Call(True, small)])


def test_a_map_weighs_channels_by_their_mean_gradients() -> None:
    activations = np.zeros((1, 2, 2, 2), np.float32)
    activations[0, 0, 0, 0], activations[0, 1, 1, 1] = 3.0, 5.0
    gradients = np.zeros_like(activations)
    gradients[..., 0], gradients[..., 1] = 2.0, -1.0
    assert heat_map(activations, gradients)[0].tolist() == [[6.0, 0.0], [0.0, 0.0]]


def test_principal_components_are_those_of_the_covariance() -> None:
    generator = np.random.default_rng(0)
    features = (generator.normal(size=(200, 6)) * (5, 3, 1, 0.5, 0.2, 0.1)).astype(np.float32)
    found, shares = embeddings.principal(features, 50)
    values, vectors = np.linalg.eigh(np.cov(features.T.astype(np.float64)))
    wanted = (features - features.mean(axis=0)) @ vectors[:, ::-1]
    np.testing.assert_allclose(np.abs(found[:, :6]), np.abs(wanted), atol=1e-3)
    np.testing.assert_allclose(shares[:6], values[::-1] / values.sum(), atol=1e-6)
    assert not found[:, 6:].any()
    # Neither the order of samples nor a sign is left to chance.
    np.testing.assert_allclose(embeddings.principal(features[::-1], 2)[0][::-1], found[:, :2], atol=1e-6)


@pytest.mark.longest
def test_neighbors_in_many_dimensions_are_neighbors_in_two(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    features = np.concatenate([generator.normal(size=(15, 20)) + 20 * number for number in range(3)])
    components, _ = embeddings.principal(features, 50)
    found = embeddings.neighbors(components)
    assert np.array_equal(found, embeddings.neighbors(components)), "the same seed each time"
    middles = found.reshape(3, 15, 2).mean(axis=1)
    inside = np.linalg.norm(found.reshape(3, 15, 2) - middles[:, None], axis=2).max()
    apart = min(np.linalg.norm(middles[a] - middles[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert apart > inside
    assert embeddings.neighbors(components[:3]).shape == embeddings.neighbors(np.zeros((9, 50))).shape == (0, 2)
    monkeypatch.setitem(__import__("sys").modules, "sklearn.manifold", None)
    assert embeddings.neighbors(components).shape == (0, 2)


def test_a_large_split_is_sampled_the_same_each_time() -> None:
    assert embeddings.sampled(5).tolist() == [0, 1, 2, 3, 4]
    many = embeddings.sampled(70_000)
    assert len(many) == embeddings.MOST
    assert (np.diff(many) > 0).all()
    assert np.array_equal(many, embeddings.sampled(70_000))
