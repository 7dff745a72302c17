"""Sets up TensorFlow for a run: Keras's backend, threads, device, determinism, seed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dltui.core.errors import RunError
from dltui.core.text import plural

if TYPE_CHECKING:
    from dltui.core.contract import Rank
    from dltui.core.contract.config import TrainConfig

NO_GPU = (
    "TensorFlow sees no usable GPU (worker.log says why); install it with its CUDA libraries,"
    " pip install 'tensorflow[and-cuda]', or use --device cpu"
)

POLICIES = {"bf16": "mixed_bfloat16", "fp16": "mixed_float16"}

UNUSED = ("matplotlib", "sklearn")
"""Packages that Keras imports where they are installed, for plots and wrappers: a third of the time of its import."""

_set_up = False


def import_framework() -> Any:
    """Import TensorFlow with Keras on top, channels last and float32, whatever KERAS_BACKEND and the user's keras.json
    say. A plugin may change the settings later.
    """
    global _set_up
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    # By itself TensorFlow uses oneDNN only on processors with instructions for neural networks, AVX512-VNNI and later.
    # On the others, too, it makes convolutions about twice as fast.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with _without(UNUSED):
        import tensorflow as tf
    try:
        with _without(UNUSED):
            import keras
    except ImportError as error:
        raise RunError(f"TensorFlow is installed but Keras is not usable: {error}; pip install 'keras>=3.5'") from error
    if keras.config.backend() != "tensorflow":
        raise RunError(f"Keras runs on {keras.config.backend()} in this process; it was imported too early")
    if not _set_up:
        _set_up = True
        keras.config.set_floatx("float32")
        keras.config.set_image_data_format("channels_last")
        keras.config.set_epsilon(1e-7)
    return tf


@contextmanager
def _without(packages: Sequence[str]) -> Iterator[None]:
    """Let those of the packages that are not imported yet look as if they were not installed."""
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def start(config: TrainConfig, device: str, replicas: int = 1, rank: Rank | None = None) -> str:
    """Prepare this process to train on `device` ("cpu", "cuda"), on several of them, or with other processes as a
    `rank`. Returns TensorFlow's name of the first device.
    """
    tf = import_framework()
    import keras

    _use_threads(tf, config.threads)
    if device == "cpu" and replicas > 1:
        _divide_processor(tf, replicas)
    name = _use_device(tf, device, replicas)
    if rank is not None:
        from dltui.plugins.tensorflow import ranks

        ranks.join(rank)
    if device != "cpu":
        _try_out(tf)
    if device == "cpu" or config.deterministic:
        # On a CPU it costs nothing that can be measured, and a resumed run is then the same to the last bit.
        tf.config.experimental.enable_op_determinism()
    keras.utils.clear_session(free_memory=False)  # the names of unnamed layers count from the start
    # The mixed policies compute in half precision from variables in float32.
    keras.config.set_dtype_policy(POLICIES.get(config.precision, keras.config.floatx()))
    # A GPU would take it unasked.
    tf.config.experimental.enable_tensor_float_32_execution(config.precision == "tf32")
    keras.utils.set_random_seed(config.seed)  # and those of Python and NumPy
    with tf.device(name):
        tf.random.set_global_generator(tf.random.Generator.from_seed(config.seed))
    return name


def _use_threads(tf: Any, threads: int) -> None:
    from dltui.core.machine.devices import cpu_count

    count = threads or cpu_count()
    threading = tf.config.threading
    if (threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads()) == (count, count):
        return
    try:
        threading.set_intra_op_parallelism_threads(count)
        threading.set_inter_op_parallelism_threads(count)
    except RuntimeError as error:
        raise RunError("TensorFlow was already running in this process: its threads cannot be set") from error


def _divide_processor(tf: Any, parts: int) -> None:
    """Make several devices of the processor."""
    (cpu,) = tf.config.list_physical_devices("CPU")
    try:
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * parts)
    except RuntimeError as error:
        raise RunError("TensorFlow was already running in this process: the processor cannot be divided") from error


def _use_device(tf: Any, device: str, replicas: int = 1) -> str:
    gpus = tf.config.list_physical_devices("GPU")
    if device == "cpu":
        if gpus:
            tf.config.set_visible_devices([], "GPU")
        return "/CPU:0"
    if device != "cuda":
        raise RunError(f"TensorFlow cannot train on {device}; it can use cpu and cuda")
    if not gpus:
        raise RunError(NO_GPU)
    if len(gpus) < replicas:
        seen = f"TensorFlow sees {plural(len(gpus), 'GPU')} of {replicas} (worker.log may say why)"
        raise RunError(f"{seen}; choose fewer with --device")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    return "/GPU:0"


def _try_out(tf: Any) -> None:
    """Try a GPU, because a listed GPU can be unusable: too old a driver, no kernels for its architecture."""
    try:
        with tf.device("/GPU:0"):
            float(tf.reduce_sum(tf.ones((8, 8)) @ tf.ones((8, 8))))
    except (RuntimeError, tf.errors.OpError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise RunError(f"this GPU cannot be used by TensorFlow: {reason}; --device cpu works") from error


def list_devices() -> list[dict[str, object]]:
    """The CPU and every GPU that TensorFlow lists."""
    tf = import_framework()
    found: list[dict[str, object]] = [{"device": "cpu", "name": "CPU", "problem": None}]
    for number, gpu in enumerate(tf.config.list_physical_devices("GPU")):
        details = tf.config.experimental.get_device_details(gpu)
        name = details.get("device_name", f"GPU {number}")
        found.append({"device": f"cuda:{number}", "name": name, "problem": None})
    return found
