"""An interpreter for tests that starts dltui's processes by forking one that has imported their modules: starting
Python and importing a framework takes longer than most commands of the documentation. `Forked(folder).python` takes
the place of `sys.executable`; what it does not know it hands on to the real one.

A server without a framework serves the command line, a second one with PyTorch the processes of runs of PyTorch.
TensorFlow never comes into either.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import importlib
import json
import os
import pkgutil
import random
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import NoReturn

import psutil

# What is not installed, the processes say themselves.
LIBRARIES = (
    "sklearn.datasets", "sklearn.neighbors", "sklearn.linear_model", "matplotlib.figure",
    "matplotlib.backends.backend_svg",
)  # fmt: skip
OF_TORCH = ("torch", "timm", "dltui.plugins.torch")
PACKAGES = ("dltui.core", "dltui.plugins.datasets", "dltui.plugins.loggers", "dltui.exports", "dltui.tui.cli")
"""All of whose modules are imported."""
ROOT = Path(__file__).parents[3]
HIGH = 300
"""Descriptors from here on are free in a new process."""

CLIENT = '''#!{real} -IS
import json, os, signal, socket, sys
words, real, folder = sys.argv[1:], {real!r}, {folder!r}


def asked():
    """All that a process is told: words, the question on its standard input, and its run."""
    text = " ".join(words)
    try:
        text += os.pread(0, 1 << 20, 0).decode(errors="replace")
    except OSError:
        pass
    for word in words:
        try:
            with open(os.path.join(word, "run.json")) as file:
                text += file.read()
        except OSError:
            pass
    return text


if words[:2] != ["-P", "-m"] or not words[2].startswith("dltui"):
    os.execv(real, [real, *words])
text = asked()
frameworks = [name for name in ("torch", "tensorflow") if f'"framework": "{{name}}"' in text]
if "timm" in text:
    frameworks.append("torch")
# A rank looks after the process that has started it.
if "tensorflow" in frameworks or "--released" in words or words[2].endswith(".rank_process"):
    os.execv(real, [real, *words])
server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
path = os.path.join(folder, "torch" if frameworks else "plain")
if not os.path.exists(path):
    os.execv(real, [real, *words])
server.connect(path)
given = [number for number in map(int, os.listdir("/proc/self/fd")) if number != server.fileno()]
kept = []
for number in given:
    try:
        os.fstat(number)
        kept.append(number)
    except OSError:
        pass
socket.send_fds(server, [b"."], kept)
server.sendall(json.dumps([words[2:], dict(os.environ), os.getcwd(), kept]).encode() + b"\\n")
answers = server.makefile()
pid = int(answers.readline())
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(number, lambda number, frame: os.kill(pid, number))
for number in kept:
    os.close(number)
code = int(answers.readline() or 1)
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
'''


class Forked:
    """Servers below a folder, and the programs that ask them: `python`, and `dltui` in `bin`."""

    def __init__(self, folder: Path, environment: dict[str, str], prepare: str = "") -> None:
        """`prepare` names a module of tests whose function `prepare` changes what is imported."""
        self.folder, self.bin, self.environment, self.prepare = folder, folder / "bin", environment, prepare
        self.python = self.bin / "python"
        self.bin.mkdir(parents=True)
        self._write("python", CLIENT.format(real=sys.executable, folder=str(folder)))
        self._write("dltui", f'#!/bin/sh\nexec "{self.python}" -P -m dltui "$@"\n')
        self._servers: list[subprocess.Popen[bytes]] = []

    def _write(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o700)

    def start(self, name: str = "plain") -> None:
        """Start a server, "plain" or "torch", and wait until it answers."""
        command = [sys.executable, "-m", __name__, name, str(self.folder), self.prepare]
        with (self.folder / f"{name}.log").open("ab") as log:
            server = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment,
                start_new_session=True,
            )  # fmt: skip
        self._servers.append(server)
        deadline = time.monotonic() + 120
        while not (self.folder / name).exists():
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / f"{name}.log").read_text())
            time.sleep(0.02)

    def stop(self) -> None:
        """End the servers, and with each what it has started."""
        for server in self._servers:
            server.send_signal(signal.SIGTERM)
        for server in self._servers:
            server.wait()

    def settle(self, seconds: float) -> None:
        """Wait until all that was forked has ended; what has not is killed."""
        deadline = time.monotonic() + seconds
        while running := [child for server in self._servers for child in psutil.Process(server.pid).children()]:
            for child in running if time.monotonic() > deadline else ():
                with contextlib.suppress(psutil.Error):
                    child.kill()
            time.sleep(0.01)

    def seconds(self) -> float:
        """The processor time of the servers and of all that they forked and that has ended. Linux only."""
        ticks = 0
        for server in self._servers:
            words = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, words[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")


class _Server:
    """Forks a process for each connection, and says on it when the process has ended, and how."""

    def __init__(self, path: Path) -> None:
        self.children: dict[int, socket.socket] = {}
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        draft = path.with_suffix(".draft")
        self.listener.bind(str(draft))
        self.listener.listen(64)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.woken, self.waker = os.pipe()
        for end in (self.woken, self.waker):
            os.set_blocking(end, False)
        self.selector.register(self.woken, selectors.EVENT_READ)
        signal.set_wakeup_fd(self.waker)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        draft.rename(path)

    def serve(self) -> NoReturn:
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.listener:
                    self._fork(self.listener.accept()[0])
                elif key.fileobj == self.woken:
                    os.read(self.woken, 4096)
                    self._reap()
                else:
                    self._left(key.fileobj)  # type: ignore[arg-type]

    def _fork(self, client: socket.socket) -> None:
        _, descriptors, _, _ = socket.recv_fds(client, 1, 64)
        asked = client.makefile().readline()
        if not asked.endswith("\n"):
            # It was killed while it asked.
            client.close()
            return
        words, environment, folder, numbers = json.loads(asked)
        pid = os.fork()
        if pid == 0:
            _become(words, environment, folder, dict(zip(numbers, descriptors, strict=True)))
        for descriptor in descriptors:
            os.close(descriptor)
        self.children[pid] = client
        self.selector.register(client, selectors.EVENT_READ)
        with contextlib.suppress(OSError):
            client.sendall(f"{pid}\n".encode())

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            client = self.children.pop(pid)
            with contextlib.suppress(OSError):
                client.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
            self._forget(client)

    def _left(self, client: socket.socket) -> None:
        """A client closed its end: only one that was killed does so before its process has ended."""
        for pid, other in self.children.items():
            if other is client:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.selector.unregister(client)

    def _forget(self, client: socket.socket) -> None:
        with contextlib.suppress(KeyError):
            self.selector.unregister(client)
        client.close()


def _become(words: list[str], environment: dict[str, str], folder: str, files: dict[int, int]) -> NoReturn:
    """Make this forked process what `python -P -m WORDS` is in that environment and folder; `files` are its descriptors
    by the numbers that they shall have.
    """
    code = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _take(files)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        sys.argv = words
        random.seed()
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _take(files: dict[int, int]) -> None:
    """Give descriptors their numbers, and close all others."""
    moved = {number: fcntl.fcntl(given, fcntl.F_DUPFD_CLOEXEC, HIGH) for number, given in files.items()}
    os.closerange(3, HIGH)
    for number, descriptor in moved.items():
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115


def main(name: str, folder: str, prepare: str) -> NoReturn:
    """Import what the processes of the server need, and serve."""
    warnings.simplefilter("ignore", RuntimeWarning)
    # What is imported may take it as a default.
    sys.executable = str(Path(folder) / "bin" / "python")
    if prepare:
        importlib.import_module(prepare).prepare()
    for module in (*LIBRARIES, *(OF_TORCH if name == "torch" else ())):
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    for package in (*PACKAGES, *(OF_TORCH[-1:] if name == "torch" else ())):
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            with contextlib.suppress(ImportError):
                importlib.import_module(module.name)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    _Server(Path(folder) / name).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
