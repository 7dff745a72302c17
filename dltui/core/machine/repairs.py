"""Recognizes broken installations by their error messages, and knows the commands that repair them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping

MISMATCH = "torchvision::nms"
"""In "operator torchvision::nms does not exist": torchvision was built for another torch."""


def remedy(text: str, python: str, packages: Mapping[str, str]) -> str:
    """The remedy for an error, in one line; "" when it is not known. `packages` are the interpreter's versions."""
    for sign, advise in REPAIRS:
        if re.search(sign, text):
            return advise(f"{shlex.quote(python)} -m pip install", packages)
    return ""


def _match_torchvision(install: str, packages: Mapping[str, str]) -> str:
    """The command for a matching torchvision: 0.(n + 15) goes with torch 2.n; equal numbers mean different builds."""
    torch, vision = packages.get("torch", ""), packages.get("torchvision", "")
    pair = f"torchvision {vision or '?'} was built for another PyTorch than {torch or 'the one installed'}"
    found = re.match(r"2\.(\d+)", torch)
    wanted = f"0.{int(found.group(1)) + 15}" if found else ""
    if wanted and not vision.startswith(f"{wanted}."):
        return f"{pair}; run: {install} 'torchvision=={wanted}.*'"
    return f"{pair}; run: {install} --upgrade --force-reinstall torch torchvision"


def _newer_numpy(install: str, packages: Mapping[str, str]) -> str:
    return f"a package was built for NumPy 1, NumPy is {packages.get('numpy', 'newer')}; run: {install} 'numpy<2'"


def _say(text: str) -> Callable[[str, Mapping[str, str]], str]:
    """A function that gives this advice, in which {install} is the interpreter's pip."""
    return lambda install, packages: text.format(install=install)


def _old_driver(install: str, packages: Mapping[str, str]) -> str:
    torch = f"; or run: {install} --force-reinstall torch --index-url {TORCH_INDEX}" if "torch" in packages else ""
    return f"the NVIDIA driver is older than this build's CUDA: update the driver{torch}"


def unseen_gpu(framework: str, python: str, version: str, packages: Mapping[str, str]) -> str:
    """The reason why a framework does not see this machine's NVIDIA GPU, and the command that repairs it."""
    install = f"{shlex.quote(python)} -m pip install"
    if framework == "torch":
        if "+cpu" in version:
            reason = "this PyTorch is built without CUDA"
            return f"{reason}; run: {install} --force-reinstall torch --index-url {TORCH_INDEX}"
        return "this PyTorch has CUDA but finds no GPU; look at CUDA_VISIBLE_DEVICES, then at the driver: nvidia-smi"
    if framework == "tensorflow":
        if "tensorflow-cpu" in packages:
            return f"tensorflow-cpu is built without CUDA; run: {install} 'tensorflow[and-cuda]'"
        return f"TensorFlow does not find its CUDA libraries; run: {install} 'tensorflow[and-cuda]'"
    return "it does not use this machine's GPU"


TORCH_INDEX = "https://download.pytorch.org/whl/cu126"
"""PyTorch's builds for older drivers and GPUs."""
INDEX = f" --index-url {TORCH_INDEX}"

REPAIRS: tuple[tuple[str, Callable[[str, Mapping[str, str]], str]], ...] = (
    (MISMATCH, _match_torchvision),
    (r"_ARRAY_API not found|compiled using NumPy 1|numpy\.core\.multiarray failed", _newer_numpy),
    (r"driver (?:version is insufficient|on your system is too old)|CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", _old_driver),
    (
        r"no kernel image is available|is not compatible with the current PyTorch installation",
        _say("this build has no code for this GPU's generation; run: {install} --force-reinstall torch" + INDEX),
    ),
    (
        r"[Dd]river/library version mismatch",
        _say("the NVIDIA driver was updated while its old part runs; restart the machine"),
    ),
    (
        r"CUDA unknown error|CUDA_ERROR_UNKNOWN",
        _say("the GPU's kernel module does not answer; run: sudo modprobe -r nvidia_uvm && sudo modprobe nvidia_uvm"),
    ),
    (
        r"undefined symbol: .*(?:nvJitLink|cudnn|cublas|nccl)",
        _say(
            "CUDA libraries of two versions are mixed, often by LD_LIBRARY_PATH; unset it, or run: {install} --upgrade"
            " --force-reinstall torch"
        ),
    ),
    (
        r"lib(?:cudnn|cublas|cudart|cufft|cusparse|nvrtc)\S*: cannot open",
        _say(
            "a CUDA library is missing; run: {install} --upgrade --force-reinstall torch, or 'tensorflow[and-cuda]'"
            " for TensorFlow"
        ),
    ),
    (
        r"(?:GLIBCXX|CXXABI)_[0-9.]+['` ]*not found",
        _say("the C++ library is older than this build needs; run: conda install -c conda-forge libstdcxx-ng"),
    ),
    (
        r"Descriptors cannot be created directly|google\.protobuf.*cannot import|protobuf.*[Gg]encode",
        _say("protobuf does not fit TensorFlow; run: {install} --upgrade tensorflow protobuf"),
    ),
    (
        r"SIGILL|Illegal instruction",
        _say(
            "this processor lacks instructions (AVX) that the build uses; install one made for it, as conda-forge has"
        ),
    ),
    (
        r"Keras is not usable|keras.*has no attribute|No module named 'keras",
        _say("Keras does not fit TensorFlow; run: {install} --upgrade tensorflow 'keras>=3.5'"),
    ),
    (
        r"partially initialized module '(?:torch|tensorflow|keras)'",
        _say("a file of the same name as the framework is imported instead; rename your torch.py or tensorflow.py"),
    ),
)
