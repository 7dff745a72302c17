"""`dltui verify`: a run trained again is equal, or the first step at which it parts and what differs are named."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from dltui.core.rundir import checksum
from tests.journeys.program import Program
from tests.journeys.test_detach import FAKE


@pytest.fixture
def net(program: Program) -> Path:
    """The fake plugin as a file, with a network whose outputs depend on the threads."""
    path = program.folder / "net.py"
    sums = "        outputs = self.net(x)\n"
    path.write_text(FAKE.read_text().replace(sums, sums + "        outputs[:, 0] *= 1 + 1e-3 * self.config.threads\n"))
    return path


def train(program: Program, net: Path, *more: str, data: str = "blobs") -> None:
    program("train", "softmax-numpy", "--plugin", str(net), "--dataset", data, "--epochs", "2", "--name", "r", *more)


def tamper(run: Path, **config: object) -> None:
    """Change hyperparameters in run.json, with a seal that is right."""
    path = run / "run.json"
    content = checksum.opened(json.loads(path.read_text()))
    assert content is not None
    content["config"] |= config
    path.write_text(json.dumps(checksum.sealed(content)))


@pytest.mark.slow(15)
@pytest.mark.longest
def test_equal_also_with_epochs_added(program: Program, net: Path) -> None:
    train(program, net, "--threads", "1")
    program("resume", "r", "--more-epochs", "1", "--plain")
    found = json.loads(program("verify", "r", "--json").stdout)
    assert found["equal"]
    assert found["weights"][0] == found["weights"][1]
    assert found["state"][0] == found["state"][1] is not None
    assert (found["differences"], found["parting"], found["steps"]) == ([], None, 39)
    assert not list((program.home / "cache").glob("verify-*"))


@pytest.mark.slow(15)
@pytest.mark.longest
def test_another_seed_and_other_threads_are_named(program: Program, net: Path) -> None:
    train(program, net, "--threads", "1")
    tamper(program.run("r"), seed=5)
    found = json.loads(program("verify", "r", "--json", code=1).stdout)
    assert not found["equal"]
    assert found["parting"]["first"] == 1
    assert [(one["name"], one["then"], one["now"]) for one in found["differences"]][1:] == [("seed", "0", "5")]
    assert found["differences"][0]["name"] == "run.json"

    tamper(program.run("r"), seed=0, threads=2)
    lines = program("verify", "r", code=1).stdout.splitlines()
    assert lines[0].startswith("different: the losses of r part at step 1: ")
    assert lines[-1] == "differs: threads: 1 then, 2 now"


@pytest.mark.slow(8)
@pytest.mark.long
def test_a_flipped_bit_in_the_data_is_named(program: Program, net: Path) -> None:
    table = program.folder / "d.csv"
    table.write_text("\n".join(["x,y,label", *(f"{n % 7}.5,{n % 3}.25,{'abc'[n % 3]}" for n in range(200))]) + "\n")
    train(program, net, data=f"csv:{table}")
    data = bytearray(table.read_bytes())
    data[data.index(b"5.5")] ^= 1
    table.write_bytes(data)
    lines = program("verify", "r", code=1).stdout.splitlines()
    assert lines[0].startswith("different: ")
    assert [line.split(":")[1] for line in lines[1:]] == [" data"]


@pytest.mark.longest
@pytest.mark.slow(30)
def test_a_run_of_pytorch_is_equal(program: Program) -> None:
    program("train", "softmax-torch", "--dataset", "digits", "--epochs", "2", "--device", "cpu", "--name", "r")
    assert program("verify", "r").stdout.startswith("equal: r trained again in ")


@pytest.mark.longest
@pytest.mark.slow(20)
def test_a_receipt_alone_is_enough(program: Program, net: Path) -> None:
    train(program, net, "--threads", "1")
    program("resume", "r", "--more-epochs", "1", "--plain")
    program("export", "r", "--receipt", "--to", "out")
    receipt = program.folder / "out" / "r" / "receipt.json"
    program("rm", "r", "--yes")
    assert program("verify", str(receipt), "--plugin", str(net)).stdout.startswith("equal: r trained again in ")
    found = json.loads(receipt.read_text())
    receipt.write_text(json.dumps(found | {"threads": 2, "config": found["config"] | {"threads": 2}}))
    lines = program("verify", str(receipt), "--plugin", str(net), code=1).stdout.splitlines()
    assert lines[0].startswith("different: the weights of r were ")
    assert "--plugin FILE brings one" in program("verify", str(receipt), code=2).stderr


# One for each; ResNet-18 for larger images is the same code in other widths.
MODELS = ("softmax", "mlp", "cnn", "cnn-small", "resnet")


@pytest.mark.longest
@pytest.mark.slow(60)
@pytest.mark.parametrize("framework", ["torch", "tensorflow"])
@pytest.mark.parametrize("model", [*MODELS, "linear-regression"])
def test_every_model_in_the_box_is_repeated(program: Program, model: str, framework: str) -> None:
    if importlib.util.find_spec(framework) is None:
        pytest.skip(f"needs {framework}")
    data = "lines" if model == "linear-regression" else "digits"
    words = ("--dataset", data, "--epochs", "1", "--device", "cpu", "--threads", "1", "--name", "r")
    program("train", f"{model}-{framework}", *words)
    assert program("verify", "r").stdout.startswith("equal: r trained again in ")
