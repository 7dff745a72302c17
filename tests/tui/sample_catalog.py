"""A catalog and devices as the screen's tests have them: no plugin is loaded, no device is asked."""

from __future__ import annotations

from dltui.core.catalog.entries import BackendEntry, Catalog, DatasetEntry, ModelEntry
from dltui.core.catalog.fields import FieldSpec
from dltui.core.machine.devices import Device

FIELDS = (
    FieldSpec("epochs", "int", 10, "passes over the training data", "epochs", minimum=1, maximum=10_000),
    FieldSpec("lr", "float", 0.1, "step size; too high diverges", exclusive_minimum=0, maximum=10),
    FieldSpec("batch_size", "int", 256, "samples per step", "samples", minimum=1, maximum=65_536),
    FieldSpec(
        "schedule",
        "choice",
        "one-cycle",
        "how lr moves during the run",
        choices=("constant", "one-cycle"),
        choice_values=("constant", "one-cycle"),
    ),
    FieldSpec("seed", "int", 0, "seed of all random numbers", minimum=0, maximum=2**31 - 1),
    FieldSpec("momentum", "float", 0.9, "of sgd", minimum=0, exclusive_maximum=1),
    FieldSpec("deterministic", "bool", False, "on a GPU: only algorithms that repeat to the last bit"),
    FieldSpec("channels", "numbers", [16, 32], "outputs of the convolutions", minimum=1, whole=True, min_items=2),
)
VALIDATION = FieldSpec("validation", "float", 0.1, "part kept for validation", exclusive_minimum=0, maximum=0.9)
DEVICES = [
    Device("cuda:0", "Tesla T4", "GPU-1", 16_000_000_000, 4_700_000_000, 92.0, 71.0, 65.0, (("alice", 1, 9),)),
    Device("cuda:1", "Tesla T4", "GPU-2", 16_000_000_000, 15_600_000_000, 0.0, 40.0, 12.0),
    Device("cpu", "EPYC, 8 cores", None, 32_000_000_000, 20_000_000_000),
]


def make_catalog(torch: bool = True) -> Catalog:
    """Two classifiers and a regression in two frameworks, three datasets."""
    catalog = Catalog()
    for name, task in (("linear-regression", "regression"), ("softmax", "classification"), ("cnn", "classification")):
        for framework in ("torch", "tensorflow"):
            if (name, framework) == ("cnn", "tensorflow"):
                continue
            missing = framework == "torch" and not torch
            catalog.models[f"{name}-{framework}"] = ModelEntry(
                id=f"{name}-{framework}",
                name=name,
                framework=framework,
                task=task,
                summary=f"{name} as everybody knows it, small enough to be understood",
                fields=FIELDS,
                checks_more=False,
                source={"python": "python"},
                available=not missing,
                reason="torch is not installed; pip install 'dltui[torch]'" if missing else "",
            )
    sizes = (("fashion-mnist", 28, 60_000, 10_000), ("digits", 8, 1_437, 360))
    for name, side, train, test in sizes:
        catalog.datasets[name] = DatasetEntry(
            name, "classification", f"gray images, {name}", (VALIDATION,), False, {}, (side, side, 1), 10, train, test
        )
    slope = FieldSpec("w", "float", 2.0, "slope", minimum=-1000, maximum=1000)
    catalog.datasets["lines"] = DatasetEntry(
        "lines", "regression", "points around a line", (slope,), False, {}, (1,), 0, 800, 200
    )
    path = FieldSpec("path", "str", "", "the folder")
    size = FieldSpec("size", "int", 0, "side of the square they are made", "px", minimum=0, maximum=1024)
    for name, task, takes in (("folder", "classification", "folder"), ("csv", "any", "file")):
        catalog.datasets[name] = DatasetEntry(
            name, task, "your own", (path, size, VALIDATION), False, {}, takes=takes, previews=True
        )
    for framework, title in (("torch", "PyTorch"), ("tensorflow", "TensorFlow")):
        catalog.backends[framework] = BackendEntry(framework, title, framework, "pip", "python", "2.14.1", "", {})
    return catalog
