"""A real sshd on 127.0.0.1 with keys of its own, as the user who runs the tests; several hosts are several homes."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

SSHD = shutil.which("sshd") or next(filter(os.path.exists, ("/usr/sbin/sshd", "/usr/local/sbin/sshd")), "")
SSH, KEYGEN = shutil.which("ssh"), shutil.which("ssh-keygen")


def missing() -> str:
    """The reason why there is no sshd to test with; "" when there is."""
    if not (SSHD and SSH and KEYGEN):
        return "no openssh-server here (Debian: apt install openssh-server)"
    if os.geteuid() == 0 and not Path("/run/sshd").is_dir():
        # sshd started by root wants its empty folder.
        with contextlib.suppress(OSError):
            Path("/run/sshd").mkdir(mode=0o755)
            return ""
        return "sshd needs /run/sshd, which cannot be made here"
    return ""


class Sshd:
    """A server below a folder. `config` is an ssh configuration in which each name of `homes` is a host of its own."""

    def __init__(self, folder: Path, homes: Sequence[str]) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self.folder, self.homes = folder, {name: folder / name for name in homes}
        self.config = folder / "ssh_config"
        for key in ("host_key", "user_key"):
            if not (folder / key).exists():
                command = [str(KEYGEN), "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
                subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        shutil.copy(folder / "user_key.pub", folder / "authorized")
        (folder / "authorized").chmod(0o600)
        self.port = _free_port()
        self._write()
        self._process: subprocess.Popen[bytes] | None = None

    def _write(self) -> None:
        here = self.folder
        (here / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {here}/host_key\n"
            f"AuthorizedKeysFile {here}/authorized\nPidFile none\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
            "MaxStartups 200\nPrintMotd no\n"
        )
        key = (here / "host_key.pub").read_text().split()
        (here / "known").write_text(f"[127.0.0.1]:{self.port} {key[0]} {key[1]}\n")
        self.config.write_text(
            f"Host *\n  HostName 127.0.0.1\n  Port {self.port}\n  User {getpass.getuser()}\n"
            f"  IdentityFile {here}/user_key\n"
            f"  IdentitiesOnly yes\n  UserKnownHostsFile {here}/known\n  GlobalKnownHostsFile /dev/null\n"
            "  LogLevel ERROR\n"
        )

    def program(self) -> str:
        """The ssh of the tests, for DLTUI_SSH."""
        return f"{SSH} -F {self.config}"

    def settings(self) -> str:
        """The settings of a user whose hosts are these."""
        return "\n".join(
            f'[hosts.{name}]\ndltui = "env DLTUI_HOME={home} {sys.executable} -P -m dltui"\n'
            for name, home in self.homes.items()
        )

    def start(self) -> None:
        command = [SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")]
        log = (self.folder / "sshd.log").open("ab")
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, start_new_session=True)
        log.close()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise AssertionError((self.folder / "sshd.log").read_text())

    def stop(self) -> None:
        """End the server with all its connections, as a network does that is cut."""
        import psutil

        if self._process is None:
            return
        with contextlib.suppress(psutil.Error):
            connections = psutil.Process(self._process.pid).children(recursive=True)
            self._process.send_signal(signal.SIGKILL)
            for child in connections:
                with contextlib.suppress(psutil.Error):
                    if child.name().startswith("sshd"):
                        child.kill()
        self._process.wait()
        self._process = None


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
