"""The interface between plugins and core: models, framework backends, datasets, exporters and loggers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from dltui.core.contract.inputs import Input as Input
from dltui.core.contract.ranks import Rank as Rank
from dltui.core.contract.types import DatasetTask as DatasetTask
from dltui.core.contract.types import InputKind as InputKind
from dltui.core.contract.types import SplitName as SplitName
from dltui.core.contract.types import Task as Task

if TYPE_CHECKING:
    from dltui.core.contract.config import DatasetOptions, TrainConfig
    from dltui.core.contract.types import Array as Array
    from dltui.core.contract.types import State as State


@dataclass(frozen=True)
class Column:
    """A column of a table among the features: a "number" is one feature, a "category" has `width` features from
    `first` on, of which the one of its text is 1 (none for a text that the train split does not have)."""

    name: str
    kind: Literal["number", "category"]
    first: int
    width: int = 1


@dataclass(frozen=True)
class Target:
    """A target of a regression: backends train on (y - mean) / std, and predict in the units of y. Core takes `offset`
    off targets that float32 would rob of their digits, such as seconds since 1970: y is stored, learned and measured
    without it, people see it with it.
    """

    name: str
    mean: float = 0.0
    std: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class Spec:
    """The shape of the data, without the data: all that a model needs to be built.

    `input_shape` is (height, width, channels) for images and (features,) for vectors. `outputs` is the number of
    classes, or of regression targets. `mean` and `std` have one value a channel (or feature), in the units of the
    stored arrays (0 to 255 for uint8 images): backends feed the model (x - mean) / std. `columns` says what the
    features of a table are, in their order; () where the dataset does not tell. So do `targets` of a regression.

    Where a sample has `named_inputs`, a model gets a dict of tensors with their names, and `input_shape` is ().
    """

    task: Task
    input_shape: tuple[int, ...]
    outputs: int
    classes: tuple[str, ...] = ()
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    columns: tuple[Column, ...] = ()
    targets: tuple[Target, ...] = ()
    named_inputs: tuple[Input, ...] = ()

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Spec:
        """The spec that JSON holds; unknown fields are dropped."""
        known = {name: record[name] for name in cls.__dataclass_fields__ if name in record}
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in known.items()}
        values["columns"] = tuple(Column(**column) for column in values.get("columns", ()))
        values["targets"] = tuple(Target(**target) for target in values.get("targets", ()))
        values["named_inputs"] = tuple(map(Input.from_json, values.get("named_inputs", ())))
        return cls(**values)

    @property
    def is_image(self) -> bool:
        return len(self.input_shape) == 3

    def named(self, name: str) -> Input | None:
        """The named input of this name; None where the data has none."""
        return next((one for one in self.named_inputs if one.name == name), None)


@dataclass(frozen=True)
class Split:
    """A split of a dataset: x is uint8 (n, height, width, channels) or float32 (n, features), or with named inputs
    records (n,) whose fields are x["NAME"] (n, *shape) and, of padded ones, x["NAME_length"]; y is int64 class numbers
    (n,), uint8 0 or 1 (n, labels), float32 targets (n, outputs), less the offset of each `Target`, or uint8 masks (n,
    height, width) of class numbers, 255 where a pixel does not count; ids is int64 (n,), the row in the dataset's own
    order. `names` are the rows' names for people, such as file names, as UTF-8 bytes (n,), where the dataset gives
    them. `stored` is x with the border around each image that random crops take part of, where there is one: x is then
    its middle.
    """

    x: Array
    y: Array
    ids: Array
    names: Array | None = None
    stored: Array | None = None

    def __len__(self) -> int:
        return len(self.y)

    @property
    def whole(self) -> Array:
        """The samples as they are stored, with the border of images."""
        return self.x if self.stored is None else self.stored


@dataclass(frozen=True)
class Data:
    """A prepared dataset: memory-mapped arrays and their description."""

    name: str
    spec: Spec
    train: Split
    validation: Split
    test: Split
    fingerprint: str
    notes: tuple[str, ...] = ()
    """Findings of its preparation for the user, one line each."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """The conversion of files into rows, as in `Arrays.inputs`."""

    def split(self, name: SplitName) -> Split:
        return {"train": self.train, "validation": self.validation, "test": self.test}[name]


@dataclass(frozen=True)
class Mixing:
    """Mixup and cutmix of each step: `partners` int32 (steps, batch) are places in the batch, `shares` float32 (steps,)
    the share of a sample itself, `boxes` int32 (steps, 4) the (top, left, height, width) that comes from its partner; a
    height of 0 is mixup."""

    partners: Array
    shares: Array
    boxes: Array

    def rows(self, which: slice | Array) -> Mixing:
        """These steps of it."""
        return Mixing(self.partners[which], self.shares[which], self.boxes[which])


@dataclass(frozen=True)
class EpochPlan:
    """The batches of an epoch, or of the rest of it: `indices` int32 (steps, batch) are rows of the train split,
    `lr` float32 (steps,); row 0 is global step `first_step`; `augmentation` is None or int32 (steps, batch, 3),
    by which each image is flipped and shifted; `color` float32 (steps, batch, 3), its factors of brightness, contrast
    and saturation; `erasing` int32 (steps, batch, 4), the rectangle that is erased in it; `mixing`, with which other
    sample of the batch it is mixed. `core.train.augmentation` defines each, and they are applied in this order, the
    last two after normalization. `crops` int32 (steps, batch, 4) comes before all: the rectangle of each stored image
    (`Split.whole`) that is resized to the size of a sample; without it a sample is the middle of its stored image.
    `whole` is the size of the whole batch in the share of a rank (`core.contract.shares`), else 0."""

    epoch: int
    first_step: int
    indices: Array
    lr: Array
    augmentation: Array | None = None
    color: Array | None = None
    erasing: Array | None = None
    mixing: Mixing | None = None
    crops: Array | None = None
    whole: int = 0

    @property
    def steps(self) -> int:
        return len(self.lr)

    @property
    def batch(self) -> int:
        """The samples of a step that are trained on; columns behind these are only mixed into them."""
        return int((self.indices if self.mixing is None else self.mixing.partners).shape[1])

    def rows(self, which: slice | Array) -> EpochPlan:
        """These steps of the plan, in this order; `first_step` stays."""

        def some(numbers: Array | None) -> Array | None:
            return None if numbers is None else numbers[which]

        return EpochPlan(
            self.epoch,
            self.first_step,
            self.indices[which],
            self.lr[which],
            some(self.augmentation),
            some(self.color),
            some(self.erasing),
            self.mixing and self.mixing.rows(which),
            some(self.crops),
            self.whole,
        )


@dataclass(frozen=True)
class StepStats:
    """Per-step sums over the samples of each batch: `loss` (steps,) and each metric (steps,), any float dtype.
    `data_seconds`: how long getting the batches took, where a framework can tell that apart from computing.
    `waited`: the seconds in which this rank waited for the others, where that is known."""

    loss: Array
    metrics: Mapping[str, Array] = field(default_factory=dict)
    data_seconds: float | None = None
    waited: float | None = None


@dataclass(frozen=True)
class Layer:
    """A row of a network's structure: `output` is the shape without the batch, in NHWC order."""

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int


@runtime_checkable
class Trainable(Protocol):
    """A model on its device with its optimizer and data: the training loop's only access to a framework.

    State keys are `weights/<layer>/<name>`, `average/<layer>/<name>` of their average where there is one,
    `optimizer/...`, `rng/...`; weights are neutral: dense kernels
    (in, out), convolution kernels HWIO, flattening in NHWC order, so that twins of two frameworks can exchange them.
    """

    def begin_epoch(self, plan: EpochPlan) -> Sequence[str] | None:
        """Upload a plan; the following `advance` calls consume it from its first row. May return lines for the log."""

    def advance(self, steps: int) -> StepStats:
        """Train the next `steps` steps of the plan, with one host synchronization at the end."""

    def predict(self, split: SplitName, rows: slice) -> Array:
        """Raw model outputs for rows of a split in evaluation mode: float32 (rows, outputs), or (rows, height, width,
        outputs) for masks; logits for classes."""

    def state(self) -> State:
        """A copy of everything that continuing needs: weights, optimizer, framework RNG."""

    # Optional: `prepare(plan, steps)` is called once before training, with a function that makes a plan as all will be
    # and with the steps that are left; it leaves the state as it is and returns lines for the log. `mode` is how steps
    # run ("graph"), `notes` are lines for the log, `predict_rows` is how many rows an evaluation asks for at once
    # (without it 500, or fewer of large samples).

    def load_state(self, state: State) -> None:
        """Restore the given keys; keys that are absent keep their value. Raises RunError naming a misfit."""

    def layers(self) -> Sequence[Layer]:
        """The network's structure, in forward order."""


@dataclass(frozen=True)
class Model:
    """A model plugin. `id` is unique ("cnn-torch"); models of different frameworks with one `name` are twins.

    `requires` names the distributions that it needs beside its framework ("torchvision"). `metrics` is asked after each
    evaluation for numbers of the model's own: (outputs float32 (n, outputs), targets as in `Split`) -> {name: value}.
    `needs_images`: it cannot be built for vectors, and a run on such data is refused. `monitor` names the metric of the
    validation split that decides which epoch is best: "f1" for the highest value, "-f1" for the lowest. `image_size` is
    the side in pixels that its images should have; 0: any. `initial` gives weights that a new run begins with, such as
    pretrained ones: (config, spec, progress) -> state, without the keys of layers that begin at random; `progress`
    takes a line of text. A RunError of it ends the run before its first step, and nothing is left of it. `also` names
    the tasks beside `task` that it can be built for: `spec.task` says which, and the data decides. `takes` names the
    kinds of inputs that it can be built for: "named" is any data with named inputs, of which `example` is one that
    `dltui plugins check` makes.
    """

    id: str
    name: str
    framework: str
    task: Task
    summary: str
    config: type[TrainConfig]
    build: Callable[[Any, Spec], Any]
    requires: tuple[str, ...] = ()
    metrics: Callable[[Array, Array], Mapping[str, float]] | None = None
    needs_images: bool = False
    monitor: str = ""
    image_size: int = 0
    initial: Callable[[Any, Spec, Callable[[str], None]], State] | None = None
    also: tuple[Task, ...] = ()
    takes: tuple[InputKind, ...] = ("single",)
    example: tuple[Input, ...] = ()


class Backend(Protocol):
    """The interface of a framework plugin. Attributes are cheap; every method may import the framework."""

    framework: str
    """Name used by models: "torch"."""
    title: str
    """For people: "PyTorch"."""
    package: str
    """The distribution that must be installed: "torch"."""
    install: str
    """The command that installs it."""
    # Optional: `options`, the names of shared hyperparameters ("ema") and of their values ("lion", "bf16") that it
    # obeys beyond those of every backend; `core.catalog.fields` lists them. A model offers only those. `spread` says
    # how it trains on several devices (`core.contract.ranks`): with "ranks" `trainable` takes a `rank` and is called in
    # the process of each, whose device is "cpu" or "cuda"; with "replicas" it takes their number and sees all devices
    # itself, and with "replicas+ranks" also a `rank`, of plans that are whole. `kinds` are the kinds of devices that it
    # can use ("cpu", "cuda", "mps"), without it all: a run on another is refused, and `auto` is one of them.

    def trainable(self, model: Model, config: TrainConfig, data: Data, device: str) -> Trainable:
        """Put a model and the data on `device` ("cpu", "cuda", "mps"). Seeds the framework from `config.seed`.

        Raises RunError when the device cannot be used, with the reason.
        """

    def layers(self, model: Model, config: TrainConfig, spec: Spec) -> Sequence[Layer]:
        """The structure of a model, built without data."""

    def devices(self) -> Sequence[Mapping[str, object]]:
        """The devices that the framework can use: {"device": "cpu" | "cuda:0" | "mps", "name": str, "problem": str |
        None}.
        """


@dataclass(frozen=True)
class Arrays:
    """The return value of a dataset's `prepare`: train and test as (x, y), dtypes as in `Split`. `mean` and `std` are
    per channel or feature; None asks core to measure them on the training samples (images) or to use 0 and 1
    (vectors). `validation` None asks core to take it from the training part. `notes` are lines for the run's log.
    `names` are the names for people of the rows of a part, such as file names. `inputs` is a small JSON object kept
    in the log that says how files became rows; its "image" holds the arguments of `core.data.image_file.read`, so
    that `predict` does the same. `columns` describes the features of a table, `targets` those of a regression, whose y
    may be float64 or whole numbers of any size: what float32 could not keep becomes an offset.
    `border` is how many pixels all images have on each side beyond what a model sees: random crops take part of it, all
    else is the middle. With `named_inputs` each x is a dict of arrays with their names; a padded input is an array
    (n, *shape), with NAME_length (n,) beside it, or a list of shorter arrays.
    """

    train: tuple[Any, Array]
    test: tuple[Any, Array]
    classes: tuple[str, ...] = ()
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    validation: tuple[Any, Array] | None = None
    notes: tuple[str, ...] = ()
    names: Mapping[SplitName, Sequence[str]] | None = None
    inputs: Mapping[str, Any] | None = None
    columns: tuple[Column, ...] = ()
    targets: tuple[Target, ...] = ()
    border: int = 0
    named_inputs: tuple[Input, ...] = ()


class PreparationContext(Protocol):
    """The argument of a dataset's `prepare`, given by core."""

    data_dir: Path | None
    """The folder given by `--data-dir`: then data comes from there or not at all, and what is wrong is an error."""
    data_dirs: tuple[Path, ...]
    """Folders to look in, best first; with a `data_dir` only folders in it."""
    downloads: Path
    """The cache folder where downloads are kept."""
    scratch: Path
    """A folder for files that may be larger than memory; it is removed once the data is prepared."""
    kept: Path
    """A folder for small files that stay with the prepared data; another preparation finds them in `earlier`."""
    earlier: tuple[Path, ...]
    """Folders of prepared data that this dataset made earlier, whole or cut short by a kill: "kept" in them are those
    files, `scratch` is "scratch", and the samples of a split are "train_x.npy". Any of it may be missing."""
    task: Task
    """The task of the model: the dataset's own task, or either task where that is "any"."""
    takes: tuple[InputKind, ...]
    """The kinds of inputs that the model takes, for a dataset that `gives` several."""
    dropped: Mapping[str, Any] | None
    """The samples that core leaves out once they are prepared, as a review names them; None for none. What a dataset
    then measures on its train samples counts them, what it leaves to core does not."""

    def progress(self, text: str, fraction: float | None = None) -> None:
        """Report progress; `fraction` is 0 to 1, or None when unknown. Raises KeyboardInterrupt on cancel."""


@dataclass(frozen=True)
class Dataset:
    """A dataset plugin. Sizes describe the data before the validation part is taken from the training part.

    `options` adds the dataset's own to what all have; `sources` names the files that would be read of those in the
    given folders, [] when there are none and None when the data is embedded. `prepare` may download. Both raise
    RunError with one line. `files` are the names that `sources` looks for, `file_sizes` their bytes, which tell at a
    glance datasets apart whose files share their names; `urls` has one address a mirror, whose first byte shows that
    it can be reached. A dataset that `takes` a path is chosen as NAME:PATH and finds the absolute path in its option
    `path`, of one that takes a "name" the name as it is; `preview` shows what lies there without preparing it.
    `task_options` are the options that make the data fit another task where they are set: {"labels": "multilabel"};
    without them it is `task`, of which "any" means the model's own. `gives` names the kinds of inputs that it can give.
    """

    name: str
    task: DatasetTask
    summary: str
    options: type[DatasetOptions]
    prepare: Callable[[Any, PreparationContext], Arrays]
    sources: Callable[[Any, Sequence[Path]], list[Path] | None]
    input_shape: tuple[int, ...] = ()
    classes: int = 0
    train_size: int = 0
    test_size: int = 0
    download_bytes: int = 0
    homepage: str = ""
    files: tuple[str, ...] = ()
    file_sizes: tuple[int, ...] = ()
    urls: tuple[str, ...] = ()
    takes: Literal["", "folder", "file", "name"] = ""
    preview: Callable[[Any], Preview] | None = None
    task_options: Mapping[str, Task] | None = None
    gives: tuple[InputKind, ...] = ("single",)


@dataclass(frozen=True)
class Exporter:
    """Draws one figure or table of a run. `draw(run, target)` writes `target` (a path with its final suffix).

    `kind` "figure" is written once a format (svg, png, pdf), "table" once with `suffix`. `task` None fits all tasks.
    """

    name: str
    kind: Literal["figure", "table"]
    draw: Callable[[Any, Path], None]
    suffix: str = ""
    task: Task | None = None


class Observer(Protocol):
    """A logger's observer of a single attempt at a run."""

    def event(self, record: Mapping[str, Any]) -> None:
        """An event of the log as it was written: `type`, `time` (unix seconds), and its fields."""

    def close(self, status: str) -> None:
        """The attempt has ended: "finished", "stopped", "failed", "preempted" or "interrupted" (its worker is gone); it
        has 30 s then. Or the run gives its device back: "paused", which is waited for 2 s; `open` is called again, for
        the next attempt, when it goes on or ends.
        """


@dataclass(frozen=True)
class Logger:
    """Follows runs that were started with `--log NAME` or `--log NAME=OPTION`.

    `open(run, option, attempt)` gets a `RunReader`, the option ("" without one) and the number of the attempt. It and
    the observer are called in a process of their own; an exception ends that process and is a warning in the run's log.
    `package` is the distribution that must be installed and `install` the command that installs it.
    """

    name: str
    summary: str
    open: Callable[[Any, str, int], Observer]
    package: str = ""
    install: str = ""


@dataclass(frozen=True)
class Preview:
    """A preview of data before it is prepared, as plain text and numbers: `facts` are (label, text), `classes` (name,
    samples), `columns` and `rows` a table's head and first lines, `samples` (caption, width, height, RGB bytes row
    by row in base64), `notes` remarks for the user. `train` is the number of training samples, 0 where it is not known,
    and `image` the shape (height, width, channels) of an image among them; () for data of another kind.
    """

    facts: tuple[tuple[str, str], ...] = ()
    classes: tuple[tuple[str, int], ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    samples: tuple[tuple[str, int, int, str], ...] = ()
    notes: tuple[str, ...] = ()
    train: int = 0
    image: tuple[int, ...] = ()
