"""The hyperparameters that every model shares; a model's own Config extends this and overrides defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo

from dltui.core.renamed import with_new_names

if TYPE_CHECKING:
    from dltui.core.contract.types import Array


OptimizerName = Literal["sgd", "adam", "adamw", "rmsprop", "lion", "muon"]
Schedule = Literal["constant", "cosine", "one-cycle"]
"""The schedules of the learning rate during a run; `schedule` below computes them."""
RANGE = ("gt", "ge", "lt", "le")
"""The names of pydantic's bounds."""


def unit(name: str) -> dict[str, Any]:
    """The unit of a field, shown beside its value: `Field(..., json_schema_extra=unit("images"))`."""
    return {"unit": name}


class Options(BaseModel):
    """Checked values; a field that was renamed is understood by its old name too, see `renamed.formerly`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _rename(cls, given: Any) -> Any:
        renamed: dict[str, Any] = {}
        for name, info in cls.model_fields.items():
            if isinstance(info.json_schema_extra, dict) and "formerly" in info.json_schema_extra:
                renamed[name] = info.json_schema_extra["formerly"]
        return with_new_names(given, renamed) if renamed and isinstance(given, dict) else given

    def __init_subclass__(cls, **more: Any) -> None:
        """A field that a subclass gives only another default, as in `lr: float = 0.05`, keeps range, unit and
        description: without them a flag would take any number, and no form could say what it is.
        """
        super().__init_subclass__(**more)
        for name, info in getattr(cls.__base__, "model_fields", {}).items():
            given = vars(cls).get(name, info)
            if given is info or isinstance(given, FieldInfo):
                continue
            range_ = {key: getattr(m, key) for m in info.metadata for key in RANGE if hasattr(m, key)}
            field = Field(given, description=info.description, json_schema_extra=info.json_schema_extra, **range_)
            setattr(cls, name, field)


class TrainConfig(Options):
    """The hyperparameters of every model: this declaration makes flags, the form, validation and run.json."""

    epochs: int = Field(
        10, ge=1, le=10_000, description="passes over the training data", json_schema_extra=unit("epochs")
    )
    lr: float = Field(
        0.1,
        gt=0,
        le=10,
        description="step size (of one-cycle: its peak); too high diverges",
        json_schema_extra=unit(""),
    )
    batch_size: int = Field(256, ge=1, le=65_536, description="samples per step", json_schema_extra=unit("samples"))
    optimizer: OptimizerName = Field(
        "sgd",
        description="sgd, adam, rmsprop: as PyTorch defines them; adamw, lion, muon: decay apart from the step",
    )
    momentum: float = Field(
        0.9, ge=0, lt=1, description="of sgd and muon; ignored by the others", json_schema_extra=unit("")
    )
    nesterov: bool = Field(False, description="of sgd: the gradient is taken where the momentum leads")
    weight_decay: float = Field(
        0.0, ge=0, le=1, description="pull of the weights toward zero", json_schema_extra=unit("")
    )
    schedule: Schedule = Field("constant", description="how lr moves during the run")
    warmup: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="epochs at the start in which lr rises from 0 to what the schedule says",
        json_schema_extra=unit("epochs"),
    )
    lr_scales: str = Field(
        "", description="layers that learn at a part of lr, such as conv*=0.1 output=2", json_schema_extra=unit("")
    )
    freeze: str = Field("", description="layers that are not trained, such as conv* norm1", json_schema_extra=unit(""))
    unfreeze_at: int = Field(
        0,
        ge=0,
        le=10_000,
        description="epoch from which on the layers of freeze are trained, too, such as 3; 0: never",
        json_schema_extra=unit(""),
    )
    clip_norm: float = Field(
        0.0, ge=0, le=1e6, description="largest norm of all gradients together; 0: any", json_schema_extra=unit("")
    )
    accumulate: int = Field(
        1,
        ge=1,
        le=65_536,
        description="parts in which a batch is computed, to save memory; their gradients add up",
        json_schema_extra=unit("parts"),
    )
    ema: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="decay of an average of the weights that is evaluated and exported, such as 0.999; 0: none",
        json_schema_extra=unit(""),
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of each target that is spread over all classes", json_schema_extra=unit("")
    )
    class_weights: str = Field(
        "",
        description="weight of each class in the loss: balanced, or numbers such as 1,1,2.5",
        json_schema_extra=unit(""),
    )
    augment: Literal["none", "flip", "shift", "flip+shift", "crop", "flip+crop"] = Field(
        "none",
        description="training images mirrored left to right, moved, or a random part enlarged",
    )
    shift: float = Field(
        0.125,
        gt=0,
        le=0.5,
        description="of augment shift: the share of height and width by which images are moved at most",
        json_schema_extra=unit(""),
    )
    color: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="by how much brightness, contrast and saturation of training images change at random",
        json_schema_extra=unit(""),
    )
    erase: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of training images with a random rectangle erased",
        json_schema_extra=unit(""),
    )
    mixup: float = Field(
        0.0,
        ge=0,
        le=100,
        description="alpha of mixup, such as 0.2: training samples are added; 0: none",
        json_schema_extra=unit(""),
    )
    cutmix: float = Field(
        0.0,
        ge=0,
        le=100,
        description="alpha of cutmix, such as 1: rectangles of training images are exchanged; 0: none",
        json_schema_extra=unit(""),
    )
    mirror_test: bool = Field(
        False, description="test also on the average of each image and its mirror image; told beside the plain figures"
    )
    test: bool = Field(
        True, description="evaluate the test split at the end; trials of a sweep leave that to the winner"
    )
    patience: int = Field(
        0,
        ge=0,
        le=10_000,
        description="epochs without a better validation value after which the run stops; 0: never",
        json_schema_extra=unit("epochs"),
    )
    min_delta: float = Field(
        0.0,
        ge=0,
        le=1e6,
        description="by how much a value must be better to count for patience",
        json_schema_extra=unit(""),
    )
    monitor: str = Field(
        "",
        description="metric that decides which epoch is best, such as validation.f1 or -validation.loss",
        json_schema_extra=unit(""),
    )
    max_time: str = Field(
        "",
        description="train for this long instead of for epochs, such as 90s, 10m or 2h; the schedule is fitted to it",
        json_schema_extra=unit(""),
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="seed of all random numbers", json_schema_extra=unit(""))
    threads: int = Field(
        0,
        ge=0,
        le=1024,
        description="CPU threads of the worker; 0: all cores it may use",
        json_schema_extra=unit("threads"),
    )
    precision: Literal["fp32", "tf32", "bf16", "fp16"] = Field(
        "fp32", description="of the arithmetic; the others are faster where the device has them, weights stay fp32"
    )
    compile: Literal["auto", "on", "off"] = Field(
        "auto", description="a compiler for the steps; auto: on a GPU, where the run saves more than compiling takes"
    )
    deterministic: bool = Field(False, description="on a GPU: only algorithms that repeat to the last bit")
    checkpoint_seconds: float = Field(
        60.0,
        ge=0.05,
        le=86_400,
        description="longest time between checkpoints inside an epoch",
        json_schema_extra=unit("s"),
    )

    def schedule_factors(self, steps: Array, total: int) -> Array:
        """The factors of `lr` at each step of `steps`, int64 counted from 0 of `total`: float64 of the same length. A
        model with a schedule of its own overrides `schedule` with its name and this with its formula.
        """
        return schedule(self.schedule, steps, total)


class DatasetOptions(Options):
    """The division of the training part, and the samples that are left out. Its seed is not the run's: runs with
    different seeds share one split.
    """

    validation: float = Field(
        0.1,
        gt=0,
        le=0.9,
        description="share of the train split that is held out for validation",
        json_schema_extra=unit(""),
    )
    split_seed: int = Field(
        0, ge=0, le=2**31 - 1, description="seed of the choice of those rows", json_schema_extra=unit("")
    )
    drop: str = Field(
        "",
        description="a review.csv: samples that it marks wrong label, ambiguous, duplicate or broken are left out",
        json_schema_extra=unit("file"),
    )


# The constants of PyTorch's OneCycleLR: Smith & Topin 2018, https://arxiv.org/abs/1708.07120.
WARM_UP = 0.3
START_DIVISOR = 25.0
END_DIVISOR = 25e4


def schedule(name: str, steps: Array, total: int) -> Array:
    """The factor on the learning rate at each global step, float64 (steps,)."""
    import numpy as np

    if name == "constant":
        return np.ones(len(steps))
    if name == "cosine":
        # Without restarts, Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983; the last step still moves.
        half: Array = (1 + np.cos(np.pi * steps / total)) / 2
        return half
    position = steps / max(total - 1, 1)
    rising = position < WARM_UP
    phase = np.where(rising, position / WARM_UP, (position - WARM_UP) / (1 - WARM_UP))
    start = np.where(rising, 1 / START_DIVISOR, 1.0)
    end = np.where(rising, 1.0, 1 / END_DIVISOR)
    factor: Array = end + (start - end) * (1 + np.cos(np.pi * phase)) / 2
    return factor
