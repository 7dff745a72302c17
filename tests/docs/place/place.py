"""Carries out command lines of the documentation, each in a home and a folder with what it needs."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pexpect

from dltui.core.reading.reader import RunReader
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.heartbeat import read_live
from tests.docs.place import files
from tests.docs.place.forked import Forked
from tests.docs.place.lines import Line
from tests.fakes.slurm import FakeSlurm
from tests.helpers.known_catalog import FAKE

SECONDS = 300.0
MODEL = ("train", "softmax-numpy", "--plugin", str(FAKE), "--plain")
FINISHED = ("OTHER", "main", "branch", "night", "second")
"""The names of finished runs on the pages, beside `RUN`, of which they are copies, and `first`."""
NAMED = {
    "MODEL": "softmax-numpy", "DATASET": "digits", "D": "digits", "COMMAND": "runs", "HOST": "gpu01", "PATH": "pets",
    "N": "1", "HOST:RUN": "gpu01:brisk-otter", "csv:PATH": "csv:plants.csv", "FILE.csv": "plants.csv",
}  # fmt: skip
"""What stands for placeholders that no file or run can be called."""
NAMED_THERE = {
    "plugins check NAME": "plugins check my-net", "datasets add NAME": "datasets add my-pets",
    "datasets remove NAME": "datasets remove my-pets", "sweep pin RUN": "sweep pin NAME-t000",
}  # fmt: skip
"""As `NAMED`, for a placeholder that means another thing there."""
ALIVE = ("pause", "stop", "set", "kill", "checkpoint", "stacks")
"""What is done to a run that trains."""
IMAGES = "dltui train cnn-torch --dataset folder:pets --name RUN --plain"
TEXTS = "dltui train transformer --dataset csv:reviews.csv --name RUN --plain"
DIGITS = "dltui train cnn-torch --dataset digits --name RUN --plain"
CHECKED = "dltui datasets check fashion-mnist --write review.csv"
BEFORE = {
    "dltui predict RUN photo.jpg": IMAGES,
    "dltui predict RUN photo.jpg --masks DIR": "dltui train unet --dataset masks:streets --name RUN --plain",
    "dltui predict RUN review.txt": TEXTS,
    "dltui predict RUN new.csv": TEXTS,
    "dltui predict RUN FILE.csv": "dltui train mlp --dataset csv:plants.csv --name RUN --plain",
    "dltui export RUN --format keras": "dltui train mlp-tensorflow --dataset digits --name RUN --plain",
    "dltui export RUN --format onnx": DIGITS,
    "dltui export RUN --explain": DIGITS,
    "dltui train cnn --dataset fashion-mnist --data drop=review.csv": CHECKED,
    "dltui train cnn-torch --dataset fashion-mnist --data drop=review.csv --detach": CHECKED,
    "dltui train cnn --dataset pets": "dltui datasets add pets folder:pets",
    "dltui datasets remove NAME": "dltui datasets add my-pets folder:pets",
    "dltui train timm:resnet18 --dataset folder:pets --weights FILE": "python -c '"
    + 'import timm, torch; torch.save(timm.create_model("resnet18").state_dict(), "FILE")\'',
    "dltui rm --undo": "dltui sweep rm NAME",
}
"""What is done before a line, where RUN cannot be a run of the fake model, or another command comes first."""


class Failed(Exception):
    """What was wrong with a line."""


class Place:
    def __init__(self, folder: Path) -> None:
        self.folder, self.home, self.work = folder, folder / "home", folder / "work"
        files.make_downloads(folder / "downloads")
        self.environment = files.environment(self.home, folder / "hub", {files.DATA: str(folder / "downloads")})
        self.forked = Forked(folder / "forked", self.environment, files.__name__)
        self.slurm = FakeSlurm(folder / "slurm")
        self.environment |= self.slurm.environment
        self.environment["PATH"] = os.pathsep.join([str(self.forked.bin), self.environment["PATH"]])
        files.make_programs(self.forked.bin)
        self.home.mkdir(mode=0o700)
        self.work.mkdir()
        files.make_work(self.work)
        self.forked.start()
        self._make_home()
        self._keep()

    def _make_home(self) -> None:
        shutil.copytree(self.folder / "downloads", self.home / "cache" / "downloads")
        hosts = f'[hosts.gpu01]\ncommand = "env DLTUI_HOME={self.folder / "gpu01"} dltui serve-stdio"\n'
        (self.home / "config.toml").write_text(hosts + hosts.replace("gpu01]", "gpu02]"))
        (self.home / "config.toml").chmod(0o600)
        self.type(*MODEL, "--dataset", "fashion-mnist", "--name", "RUN")
        self.type(*MODEL, "--dataset", "digits", "--name", "first")
        for name in FINISHED:
            self._copy(self.home / "runs" / "RUN", name)
        trials = ("--lr", "0.1..0.2", "--trials", "2")
        self.type("sweep", MODEL[1], "--plugin", str(FAKE), *trials, "--dataset", "blobs", "--name", "NAME")

    def _copy(self, run: Path, name: str) -> None:
        shutil.copytree(run, run.with_name(name))
        asked = RunDirectory(run.with_name(name))
        asked.run_json.write_text(json.dumps({**asked.run(), "id": name, "name": name}))
        asked.set_labels(name=name)

    def _keep(self) -> None:
        for name in ("home", "work"):
            shutil.copytree(self.folder / name, self.folder / f"{name}-kept", symlinks=True)

    def restore(self) -> None:
        """Make home and working folder what they were at first."""
        for name in ("home", "work", "gpu01"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        # A worker that nothing here has forked may write a last file while it ends.
        shutil.copytree(self.folder / "home-kept", self.home, symlinks=True, dirs_exist_ok=True)
        shutil.copytree(self.folder / "work-kept", self.work, symlinks=True, dirs_exist_ok=True)

    def type(self, *words: str, codes: tuple[int, ...] = (0,)) -> str:
        """Carry out dltui. Raises Failed with what it said for another exit code."""
        return self.shell(shlex.join(("dltui", *words)), codes)

    def shell(self, line: str, codes: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            ["bash", "-c", line], cwd=self.work, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        if done.returncode not in codes or "Traceback" in said:
            raise Failed(f"{line}: exit code {done.returncode}\n{said[-2000:]}")
        return said

    def carry_out(self, line: Line, codes: tuple[int, ...]) -> None:
        """Do what the line says, and wait for the runs that it started. Raises Failed."""
        self.restore()
        try:
            words = shlex.split(line.text)
            self._files_of(line)
            self._run_of(line.text, words)
            self.shell(self.named(line.text), codes)
            self._wait()
        finally:
            self._end()

    def named(self, text: str) -> str:
        """A line with what stands for its placeholders."""
        text = re.sub(r"\[(--[^\]]*)\]", r"\1", text).replace("/shared/", f"{self.work}/shared/")
        for begin, instead in NAMED_THERE.items():
            text = text.replace(begin, instead)
        return " ".join(NAMED.get(word, word) for word in text.split(" "))

    def _files_of(self, line: Line) -> None:
        if line.page == "README.md":
            shutil.copy(self.work / "my-net.py", self.work / "net.py")
        (self.home / "plugins").mkdir(mode=0o700, exist_ok=True)
        if "plugins check" in line.text:
            shutil.copy(self.work / "my-net.py", self.home / "plugins")
        if "MODEL" in line.text:
            shutil.copy(FAKE, self.home / "plugins")
        if "labels=is_*" in line.text:
            shutil.copy(self.work / "marked.csv", self.work / "films.csv")
        if "mcp --plugin FILE" in line.text:
            shutil.copy(FAKE, self.work / "FILE")
        if "frameworks remove" in line.text:
            python = self.home / "frameworks" / "torch" / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.symlink_to(sys.executable)
            with (self.home / "config.toml").open("a") as settings:
                settings.write(f'[frameworks.torch]\npython = "{python}"\n')

    def _run_of(self, text: str, words: list[str]) -> None:
        """Make the run that the line is about what it has to be."""
        command = words[1] if words[0] == "dltui" and len(words) > 1 else ""
        before = BEFORE.get(text, "")
        for said in (before.split(), words):
            if "--name" in said:
                self._make_room(said[said.index("--name") + 1])
        if before:
            self.shell(before)
        if "/shared/RUN" in text:
            (self.work / "shared").mkdir()
            shutil.copytree(self.home / "runs" / "RUN", self.work / "shared" / "RUN")
        if "brisk-otter" in text or "HOST" in text or "gpu01" in text:
            self._on_the_host(command)
        if command in ALIVE and "gpu01" not in text:
            self._alive(words[2])
        if command in ("resume", "fork") and not {"--more-epochs", "--epochs", "NAME"} & set(words):
            self._crashed(words[2], *(("--launcher", "slurm") if {"--launcher", "--slurm"} & set(words) else ()))

    def _make_room(self, name: str) -> None:
        for path in (self.home / "runs" / name, self.work / "exports" / name):
            shutil.rmtree(path, ignore_errors=True)

    def _alive(self, name: str, *more: str) -> RunDirectory:
        self._make_room(name)
        how = more or ("--epochs", "600", "--step-seconds", "0.05")
        self.type(*MODEL[:-1], "--dataset", "blobs", "--name", name, "--detach", *how)
        run = RunDirectory(self.home / "runs" / name)
        self._until(lambda: (live := read_live(run.path)) is not None and live.step > 0)
        return run

    def _crashed(self, name: str, *more: str) -> None:
        how = ("12", "--step-seconds", "0.1") if more else ("6", "--step-seconds", "0.05")
        run = self._alive(name, "--epochs", *how, *more)
        if more:
            # The cluster would be asked for it only once a minute.
            self.type("kill", name)
            return
        self._until(lambda: b'"checkpoint_saved"' in run.events_path.read_bytes())
        live = read_live(run.path)
        assert live is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(live.pid, signal.SIGKILL)
        self._until(lambda: self._status(run) not in ("running", "starting", "queued"))
        if self._status(run) == "finished":
            raise Failed(f"{name} had finished before it was killed")

    @staticmethod
    def _status(run: RunDirectory) -> str:
        reader = RunReader(run)
        reader.refresh()
        return reader.status().name

    def _on_the_host(self, command: str) -> None:
        """The host's home, with a run called brisk-otter, and RUN."""
        there = self.folder / "gpu01"
        shutil.copytree(self.folder / "home-kept", there, symlinks=True)
        here, self.home, self.environment["DLTUI_HOME"] = self.home, there, str(there)
        try:
            self._make_room("brisk-otter")
            if command == "pause":
                self._alive("brisk-otter")
            else:
                self._copy(there / "runs" / "RUN", "brisk-otter")
        finally:
            self.home, self.environment["DLTUI_HOME"] = here, str(here)

    def _until(self, ready: object) -> None:
        deadline = time.monotonic() + SECONDS
        while not ready():  # type: ignore[operator]
            if time.monotonic() > deadline:
                raise Failed("it did not happen in time")
            time.sleep(0.01)

    def _wait(self) -> None:
        """Until all that trains has ended, if it was not there before; none may have failed."""
        for path in (self.home / "runs").iterdir():
            run = RunDirectory(path)
            if not (self.folder / "home-kept" / "runs" / path.name).exists():
                self._until(lambda run=run: self._status(run) not in ("running", "starting", "queued"))  # type: ignore[misc]
                if self._status(run) == "failed":
                    raise Failed(f"the run {path.name} failed: {(path / 'worker.log').read_text()[-1000:]}")

    def _end(self) -> None:
        """Kill what still trains."""
        for home in (self.home, self.folder / "gpu01"):
            for path in (home / "runs").glob("*"):
                live = read_live(path)
                if live is not None and self._status(RunDirectory(path)) in ("running", "starting", "queued", "paused"):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(live.pid, signal.SIGKILL)
        self.forked.settle(20.0)

    def look(self, line: Line) -> None:
        """Open a full screen, wait for its first frame, and leave it with q. Raises Failed."""
        self.restore()
        if "gpu01" in line.text:
            self._on_the_host("")
        if "--replay" in line.text:
            self.type("demo")
        screen = pexpect.spawn(
            str(self.forked.bin / "dltui"), shlex.split(line.text)[1:], cwd=str(self.work), timeout=SECONDS,
            env=self.environment, dimensions=(24, 80),  # type: ignore[arg-type]
        )  # fmt: skip
        try:
            screen.expect(" quit| leave| back")
            screen.send("q")
            screen.expect(pexpect.EOF)
            screen.wait()
        except pexpect.ExceptionPexpect as error:
            raise Failed(f"{line.text}: {str(error)[-2000:]}") from None
        if screen.exitstatus:
            raise Failed(f"{line.text}: exit code {screen.exitstatus}\n{screen.before!r}")

    def close(self) -> None:
        self.slurm.stop()
        self.forked.stop()
