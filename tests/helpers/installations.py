"""Makes what plugin discovery looks at: installed distributions and whole interpreters, without installing anything."""

import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
# What dltui's base needs to answer a probe.
NEEDED = ("pydantic", "pydantic_core", "pluggy", "typing_extensions", "annotated_types", "typing_inspection", "numpy")
NEEDED_TOO = ("platformdirs", "psutil")

MODEL = """
from dltui import Model, TrainConfig, hookimpl

class Config(TrainConfig):
    pass

@hookimpl
def dltui_models():
    return [Model(id="{id}", name="{id}", framework="{framework}", task="classification", summary="made by a test",
                  config=Config, build=lambda config, spec: None)]
"""

BACKEND = """
from dltui import hookimpl

class Backend:
    framework, title, package, install = "{name}", "The {name}", "{package}", "pip install {package}"
    def trainable(self, model, config, data, device): ...
    def layers(self, model, config, spec): ...
    def devices(self):
        return [{{"device": "cpu", "name": "a test", "problem": None}}]

@hookimpl
def dltui_backends():
    return [Backend()]
"""


def distribution(folder: Path, name: str, version: str = "1.0", plugin: str = "", record: str = "x") -> Path:
    """A distribution with one module; with `plugin` code it has an entry point."""
    metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (metadata / "RECORD").write_text(record)
    if plugin:
        module = name.replace("-", "_")
        (folder / f"{module}.py").write_text(plugin)
        (metadata / "entry_points.txt").write_text(f"[console_scripts]\na = b:c\n[dltui]\nmain = {module}\n")
    return metadata


def interpreter(folder: Path, with_dltui: bool = True) -> tuple[Path, Path]:
    """A virtual environment that shares our packages but has its own list of what is installed: (python, site)."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = next(folder.glob("lib/python*/site-packages"))
    for name in (*NEEDED, *NEEDED_TOO):
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        origin = origin.parent if origin.name == "__init__.py" else origin
        (site / origin.name).symlink_to(origin)
        libraries = origin.parent / f"{name}.libs"
        if libraries.is_dir():
            (site / libraries.name).symlink_to(libraries)
    if with_dltui:
        (site / "dltui").symlink_to(REPOSITORY / "dltui")
        files = importlib.metadata.distribution("dltui")._path  # type: ignore[attr-defined]
        shutil.copytree(files, site / files.name)
    return folder / "bin" / "python", site
