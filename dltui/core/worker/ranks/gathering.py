"""How the ranks of several machines find their run's worker: a launcher carries out the run's command once for each
rank, with the variable `DLTUI_RANKS`.

Rank 0's process becomes the worker and takes up the connections of the others; each other process becomes a rank. Both
sides prove that they know a secret of this start of the run.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from dltui.core.errors import RunError

VARIABLE = "DLTUI_RANKS"
PROOF_SECONDS = 10.0
PROOF_BYTES = 32
LOOK_SECONDS = 0.5
KEEPALIVE = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 6))
"""A machine that is gone says nothing: its connection ends after 40 s."""


@dataclass(frozen=True)
class Gathering:
    """The place of a process among the ranks of a run. `number` 0 has the `listener`, a descriptor; the others connect
    to `address`, HOST:PORT.
    """

    number: int
    world: int
    address: str
    secret: str
    listener: int = -1

    @property
    def environment(self) -> dict[str, str]:
        """The variable that tells a run's command of it."""
        return {VARIABLE: json.dumps(asdict(self))}

    @property
    def host(self) -> str:
        return self.address.rpartition(":")[0]


def told(environment: Mapping[str, str] = os.environ) -> Gathering | None:
    """The place of this process; None for a run whose ranks its worker starts. Raises RunError."""
    if not environment.get(VARIABLE):
        return None
    try:
        return Gathering(**json.loads(environment[VARIABLE]))
    except (ValueError, TypeError):
        raise RunError(f"{VARIABLE} cannot be read; launchers set it, take it out of the environment") from None


def listen(host: str, port: int = 0) -> socket.socket:
    """A socket to which ranks connect; rank 0's command inherits it. Raises OSError."""
    return socket.create_server((host, port), backlog=1024)


def connect(place: Gathering) -> socket.socket:
    """This rank's connection with the worker. Raises RunError where there is none."""
    try:
        connection = socket.create_connection((place.host, int(place.address.rpartition(":")[2])), PROOF_SECONDS)
        # The worker may still be starting; its end is the end of the connection.
        _ready(connection)
        _prove(connection, place.secret, "rank", "worker")
        # Which of them it is.
        connection.sendall(place.number.to_bytes(4, "big"))
    except OSError as error:
        raise RunError(f"rank {place.number} does not reach its worker at {place.address}: {error}") from None
    return connection


def gather(place: Gathering, seconds: float, leaves: Callable[[], bool]) -> dict[int, socket.socket]:
    """Wait for the connections of all other ranks, by their numbers. Raises RunError for those that do not come in
    time, and when the run `leaves`.
    """
    found: dict[int, socket.socket] = {}
    deadline = time.monotonic() + seconds
    with socket.socket(fileno=place.listener) as listener:
        listener.settimeout(LOOK_SECONDS)
        while len(found) < place.world - 1:
            if leaves() or time.monotonic() > deadline:
                for connection in found.values():
                    connection.close()
                missing = ", ".join(str(number) for number in range(1, place.world) if number not in found)
                raise RunError(f"rank {missing} did not come within {seconds:g} s")
            # Others may knock, too: what they say is no reason to end.
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                number = _admit(connection, place.secret)
                if 0 < number < place.world and number not in found:
                    found[number] = _ready(connection)
    return found


def _admit(connection: socket.socket, secret: str) -> int:
    """The number of the rank that has connected. Raises OSError for one that does not know the secret."""
    try:
        connection.settimeout(PROOF_SECONDS)
        _prove(connection, secret, "worker", "rank")
        return int.from_bytes(_exactly(connection, 4), "big")
    except OSError:
        connection.close()
        raise


def _prove(connection: socket.socket, secret: str, own: str, other: str) -> None:
    """Prove to the other side that this one knows the secret, and let it prove the same. Raises OSError."""
    question = secrets.token_bytes(PROOF_BYTES)
    connection.sendall(question)
    connection.sendall(_proof(secret, own, _exactly(connection, PROOF_BYTES)))
    if not hmac.compare_digest(_proof(secret, other, question), _exactly(connection, PROOF_BYTES)):
        raise ConnectionRefusedError("it does not know the secret of this run")


def _proof(secret: str, side: str, question: bytes) -> bytes:
    return hmac.digest(secret.encode(), side.encode() + question, "sha256")


def _exactly(connection: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        part = connection.recv(length - len(found))
        if not part:
            raise ConnectionResetError("it has hung up")
        found += part
    return found


def _ready(connection: socket.socket) -> socket.socket:
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE:
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return connection
