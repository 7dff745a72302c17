"""Values are found in a process of its own, with the options of the run; nothing is left behind, whatever happens."""

from __future__ import annotations

import json
import math
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltui.core.catalog.assemble import load_catalog
from dltui.core.catalog.entries import Catalog
from dltui.core.catalog.fields import FieldSpec
from dltui.core.catalog.framework_devices import resolve
from dltui.core.errors import RunError, UsageError
from dltui.core.finders import finder_process
from dltui.core.finders.find import Finder, Rates
from dltui.core.finders.range_test import rates
from dltui.core.finders.rate_range import HIGHEST, LOWEST, WHOLE_RANGE, RateRange, accepted, ends
from dltui.core.lifecycle.create import RunRequest
from tests.fakes import fake_plugin

FAKE = Path(fake_plugin.__file__)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLTUI_HOME", str(tmp_path_factory.mktemp("home")))
        return load_catalog([FAKE])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that does not exist yet, and an empty working directory."""
    for name in ("DLTUI_CACHE", "DLTUI_CONFIG", "DLTUI_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


def request(**changes: Any) -> RunRequest:
    return replace(RunRequest("softmax-numpy", "blobs", device="cpu"), **changes)


def test_rates_with_the_options_of_the_run_and_no_run_is_left(catalog: Catalog, home: Path) -> None:
    told: list[str] = []
    points: list[tuple[float, float]] = []
    finder = Finder(told.append, lambda lr, loss: points.append((lr, loss)))
    found = finder.rates(request(config={"batch_size": 16, "lr": 3.0}), catalog, RateRange(60, 1e-5, 1.0))
    assert (found.model, found.dataset, found.device) == ("softmax-numpy", "blobs", "cpu")
    assert (found.batch_size, found.optimizer, found.current) == (16, "sgd", 3.0)
    assert found.suggestion is not None
    assert 0.002 < found.suggestion < 0.2
    assert points == list(zip(found.lr, found.loss, strict=True))
    assert found.lr[0] == pytest.approx(1e-5)
    assert "testing learning rates" in told
    assert Rates.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert not (home / "runs").exists()
    assert list(Path().iterdir()) == []


def test_a_batch_size_and_the_command_that_gives_it_again(catalog: Catalog, home: Path) -> None:
    asked = request(config={"batch_size": "fit", "lr": 0.05}, command=("dltui", "train", "--batch-size", "fit"))
    found = Finder().settled(asked, catalog)
    # 432 samples: 13 steps of 32, but 6 of 64.
    assert found.config == {"batch_size": 32, "lr": 0.05}
    assert found.command == ("dltui", "train", "--batch-size", "32")
    assert found.notes == (
        "batch size 32 was found to fit: 13 steps an epoch; twice as much would leave fewer than 10",
    )
    assert Finder().settled(found, catalog) is found
    joined = replace(asked, command=("dltui", "train", "--batch-size=fit"))
    assert Finder().settled(joined, catalog).command == ("dltui", "train", "--batch-size=32")
    assert not (home / "runs").exists()


def test_what_fits_on_other_machines_is_not_measured_here(catalog: Catalog) -> None:
    asked = request(config={"batch_size": "fit"}, launcher="slurm")
    told = r"^batch_size fit is found on this machine, launcher slurm trains on others; give a number$"
    with pytest.raises(UsageError, match=told):
        Finder().settled(asked, catalog)


def test_rates_of_a_run_on_other_machines_are_tested_here(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the device that the word for it means here."""
    asked: list[Any] = []
    finder = Finder()
    lost = {"steepest": None, "least": None, "suggestion": None, "diverged": False, "batch_size": 32}

    def answer(record: Any, question: Any) -> dict[str, Any]:
        asked.append(record)
        return {**lost, "schedule": "", "lr": (), "loss": (), "smooth": ()}

    monkeypatch.setattr(finder, "_ask", answer)
    away = request(device="auto", launcher="slurm", launcher_options={"nodes": 2, "gpus": 1})
    found = finder.rates(away, catalog)
    assert asked[0]["device"]["name"] == found.device == resolve("auto").name
    assert not asked[0]["device"].get("open")
    assert "launcher" not in asked[0]
    with pytest.raises(UsageError, match="launcher slurm trains on others; give a number"):
        finder.rates(replace(away, config={"batch_size": "fit"}), catalog)


@pytest.mark.parametrize(
    ("changes", "extent", "message"),
    [
        ({"config": {"lr": -1}}, RateRange(), "^lr must be greater than 0"),
        ({"dataset": "slope"}, RateRange(), "dataset slope is for regression"),
        ({"config": {"batch_size": "fitt"}}, RateRange(), "^batch_size must be a whole number from 1 to 65536"),
        ({}, RateRange(lowest=1.0, highest=0.1), "^the lowest rate 1 must be above 0 and below the highest, 0.1"),
        ({}, RateRange(lowest=1.0, highest=math.inf), "below the highest, inf, which is finite"),
        ({}, RateRange(highest=11.0), "^rates from 1e-06 to 11 cannot all be trained with: 0 < lr <= 10$"),
    ],
)
def test_wrong_use_is_one_line(changes: dict[str, Any], extent: RateRange, message: str, catalog: Catalog) -> None:
    with pytest.raises(UsageError, match=message):
        Finder().rates(request(**changes), catalog, extent)


@pytest.mark.parametrize(
    ("bounds", "usual"),
    [
        ({}, (LOWEST, HIGHEST)),
        ({"exclusive_minimum": 0.0, "maximum": 1.0}, (LOWEST, 1.0)),
        ({"minimum": 1e-3, "exclusive_maximum": 0.5}, (1e-3, 0.5)),
        ({"exclusive_minimum": 1e-3}, (1e-3, HIGHEST)),
        ({"exclusive_minimum": 0.0, "maximum": 100.0}, (LOWEST, HIGHEST)),
        ({"minimum": 1e-6, "maximum": 0.1}, (1e-6, 0.1)),
    ],
)
def test_no_rate_is_tested_that_a_run_would_be_refused_with(
    bounds: dict[str, float], usual: tuple[float, float]
) -> None:
    field = FieldSpec("lr", "float", 0.1, **bounds)  # type: ignore[arg-type]
    found = ends(WHOLE_RANGE, field)
    assert found == usual
    assert ends(RateRange(0, *found), field) == found
    tested = [rate for steps in (1, 100) for rate in rates(steps, *found, accepted(field)).tolist()]
    assert [field.check(rate) for rate in tested] == tested
    np.testing.assert_allclose(tested, [found[0], *np.geomspace(*found, 100)], rtol=1e-6)


@pytest.mark.parametrize("asked", [{"highest": HIGHEST}, {"lowest": LOWEST}, {"highest": 0.6}])
def test_an_end_that_was_asked_for_does_not_move(asked: dict[str, float]) -> None:
    field = FieldSpec("lr", "float", 0.1, minimum=1e-3, exclusive_maximum=0.5)
    assert ends(RateRange(**asked), None) == (asked.get("lowest", LOWEST), asked.get("highest", HIGHEST))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="cannot all be trained with: "):
        ends(RateRange(**asked), field)  # type: ignore[arg-type]


@pytest.mark.long
def test_what_the_model_raises_is_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    text = FAKE.read_text().replace("generator = np.random.default_rng(config.seed)", "raise ValueError('no such net')")
    broken.write_text(text)
    with pytest.raises(RunError, match=r"^ValueError: no such net \(broken.py line \d+\)$"):
        Finder().rates(request(), load_catalog([broken]))


def test_it_can_be_cancelled_from_another_thread(catalog: Catalog) -> None:
    begun = threading.Event()
    finder = Finder(point=lambda lr, loss: begun.set())
    raised: list[str] = []

    def find() -> None:
        try:
            finder.rates(request(config={"step_seconds": 0.2}), catalog)
        except RunError as error:
            raised.append(str(error))

    thread = threading.Thread(target=find)
    thread.start()
    assert begun.wait(60)
    finder.cancel()
    thread.join(20)
    assert raised == ["cancelled"]
    assert finder._child is not None
    assert finder._child.poll() is not None


class Gpu:
    """A backend on a GPU whose memory holds so many samples of a batch, and what is asked of it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.batches: list[int] = []

    def trainable(self, model: Any, config: Any, data: Any, device: str) -> Any:
        assert device == "cuda"
        self.batches.append(config.batch_size)
        if config.batch_size > self.limit:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return fake_plugin.NumpyTrainable(fake_plugin.build(config, data.spec), config, data)


@pytest.mark.parametrize(
    ("limit", "batch", "why"),
    [(100, 64, "found by trial; 128 runs out of memory"), (10**6, 256, "19 steps an epoch; twice as much")],
)
def test_on_a_gpu_by_trial(limit: int, batch: int, why: str) -> None:
    gpu = Gpu(limit)
    found = on_a_gpu(gpu, 6250).batch_size()
    assert found["batch_size"] == batch
    assert found["why"].startswith(why)
    assert gpu.batches[:2] == [36, 72]


@pytest.mark.parametrize(
    ("rows", "parts", "batch", "why"),
    [
        (400, 40, 64, "5 steps an epoch; accumulate 40 takes no smaller batch"),
        (90, 128, 128, "1 step an epoch; accumulate 128 takes no smaller batch"),
        (6250, 2, 256, "19 steps an epoch; twice as much would leave fewer than 10"),
    ],
)
def test_each_part_of_a_batch_has_a_sample(rows: int, parts: int, batch: int, why: str) -> None:
    found = on_a_gpu(Gpu(10**6), rows, accumulate=parts).batch_size()
    assert found == {"batch_size": batch, "why": why}


def test_more_parts_than_a_batch_may_have_samples_are_refused() -> None:
    finder = on_a_gpu(Gpu(10**6), 6250, accumulate=40)
    finder.question = {"highest": 50}
    with pytest.raises(RunError, match=r"^accumulate 40 takes a batch of 64, but batch_size is at most 50$"):
        finder.batch_size()


def on_a_gpu(gpu: Gpu, rows: int, **config: Any) -> finder_process.Finder:
    """A finder for blobs, of which most are rows to train on."""
    from tests.core.train.test_loop import Quiet

    finder = finder_process.Finder.__new__(finder_process.Finder)
    finder.asked = {"device": {"name": "cuda:0"}, "config": {}, "model_source": {}}
    finder.question, finder._answers = {"highest": 65_536}, sys.stdout
    finder.config, finder.backend = fake_plugin.SoftmaxConfig(**config), gpu  # type: ignore[assignment]
    finder.model = fake_plugin.dltui_models()[0]
    arrays = fake_plugin.make_blobs(fake_plugin.BlobsOptions(n=rows), Quiet())
    finder.data = data_of(arrays)
    return finder


class Ready(fake_plugin.NumpyTrainable):
    """A trainable that captures its steps, and says how many rows an evaluation has."""

    predict_rows = 7

    def __init__(self, config: Any, data: Any, told: list[Any]) -> None:
        super().__init__(fake_plugin.build(config, data.spec), config, data)
        self.told = told

    def prepare(self, plan: Any, steps: int) -> tuple[str, ...]:
        self.told.append(("prepared", plan().steps, steps))
        return ()

    def predict(self, split: Any, rows: slice) -> Any:
        self.told.append((split, rows.start, rows.stop))
        return super().predict(split, rows)


def test_a_trial_does_what_the_run_does() -> None:
    """Its steps are captured, not compiled, and evaluated is what an evaluation asks for at once."""
    told: list[Any] = []

    class Capturing(Gpu):
        def trainable(self, model: Any, config: Any, data: Any, device: str) -> Any:
            told.append(config.compile)
            return Ready(config, data, told)

    finder = on_a_gpu(Capturing(10**6), 6250, compile="on")
    assert finder._fits(36)
    assert told == ["off", ("prepared", 2, 2), ("validation", 0, 7)]


class NoEngine(Gpu):
    """A GPU whose library finds no way for a convolution where memory is short."""

    def trainable(self, model: Any, config: Any, data: Any, device: str) -> Any:
        try:
            return super().trainable(model, config, data, device)
        except RuntimeError:
            raise RuntimeError("GET was unable to find an engine to execute this computation") from None


def test_no_way_for_a_convolution_means_no_memory_if_there_was_one_before() -> None:
    assert on_a_gpu(NoEngine(100), 6250).batch_size()["batch_size"] == 64
    with pytest.raises(RuntimeError, match="unable to find an engine"):
        on_a_gpu(NoEngine(10), 6250).batch_size()


def data_of(arrays: Any) -> Any:
    from dltui.core.contract import Data, Spec, Split

    (x, y), test = arrays.train, arrays.test
    parts = [Split(x, y, np.arange(len(y))), Split(*test, np.arange(len(test[1]))), Split(*test, np.arange(1))]
    return Data("blobs", Spec("classification", (8, 8, 1), 3, arrays.classes, (50.0,), (60.0,)), *parts, "f")


@pytest.mark.long
@pytest.mark.slow(25)
def test_a_real_framework(tmp_path: Path) -> None:
    """Augmentation, another optimizer, clipping and averages, as the run would have them."""
    options = {"optimizer": "adamw", "augment": "shift", "clip_norm": 1.0, "ema": 0.99, "mixup": 0.2, "threads": 1}
    asked = RunRequest("cnn-torch", "digits", device="cpu", config={**options, "batch_size": 32})
    found = Finder().rates(asked, load_catalog(), RateRange(steps=40))
    assert found.suggestion is not None
    assert 1e-4 < found.suggestion < 0.1
    assert found.optimizer == "adamw"
