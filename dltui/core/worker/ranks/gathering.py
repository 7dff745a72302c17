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
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from dltui.core.errors import RunError

VARIABLE = "DLTUI_RANKS"
PROOF_SECONDS = 10.0
PROOF_BYTES, NUMBER_BYTES = 32, 4
MOST_PENDING = 512
"""The most connections that may have proved nothing yet."""
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
        _prove(connection, place.secret)
        # Which of them it is.
        connection.sendall(place.number.to_bytes(NUMBER_BYTES, "big"))
    except OSError as error:
        raise RunError(f"rank {place.number} does not reach its worker at {place.address}: {error}") from None
    return connection


def gather(place: Gathering, seconds: float, leaves: Callable[[], bool]) -> dict[int, socket.socket]:
    """Wait for the connections of all other ranks, by their numbers. Raises RunError for those that do not come in
    time, and when the run `leaves`.
    """
    found: dict[int, socket.socket] = {}
    deadline = time.monotonic() + seconds
    with socket.socket(fileno=place.listener) as listener, _Acceptor(listener, place.secret) as acceptor:
        while len(found) < place.world - 1:
            if leaves() or time.monotonic() > deadline:
                for connection in found.values():
                    connection.close()
                missing = ", ".join(str(number) for number in range(1, place.world) if number not in found)
                raise RunError(f"rank {missing} did not come within {seconds:g} s")
            for number, connection in acceptor.accepted():
                if 0 < number < place.world and number not in found:
                    found[number] = _ready(connection)
                else:
                    connection.close()
    return found


class _Pending:
    """A connection of which nobody knows yet if it is that of a rank."""

    def __init__(self, connection: socket.socket, secret: str) -> None:
        """Ask for a proof. Raises OSError."""
        self.connection, self.deadline = connection, time.monotonic() + PROOF_SECONDS
        self._secret, self._question, self._heard = secret, secrets.token_bytes(PROOF_BYTES), b""
        connection.setblocking(False)
        connection.sendall(self._question)

    def listen(self) -> int | None:
        """Take what there is to read; the number of the rank once it has proved that it is one. Raises OSError for one
        that does not know the secret.
        """
        before = len(self._heard)
        part = self.connection.recv(2 * PROOF_BYTES + NUMBER_BYTES - before)
        if not part:
            raise ConnectionResetError("it has hung up")
        self._heard += part
        if before < PROOF_BYTES <= len(self._heard):
            self.connection.sendall(_proof(self._secret, "worker", self._heard[:PROOF_BYTES]))
        proof, number = self._heard[PROOF_BYTES : 2 * PROOF_BYTES], self._heard[2 * PROOF_BYTES :]
        if len(proof) == PROOF_BYTES and not hmac.compare_digest(_proof(self._secret, "rank", self._question), proof):
            raise ConnectionRefusedError("it does not know the secret of this run")
        return int.from_bytes(number, "big") if len(number) == NUMBER_BYTES else None


class _Acceptor:
    """Takes the connections of a listening socket. Others than ranks may connect, too, and say nothing, or what makes
    no sense: nobody waits for them.
    """

    def __init__(self, listener: socket.socket, secret: str) -> None:
        self._listener, self._secret = listener, secret
        self._selector = selectors.DefaultSelector()
        self._pending: list[_Pending] = []

    def __enter__(self) -> _Acceptor:
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        return self

    def __exit__(self, *error: object) -> None:
        self._selector.close()
        for pending in self._pending:
            pending.connection.close()

    def accepted(self) -> list[tuple[int, socket.socket]]:
        """The ranks that have come, by their numbers, after a wait of `LOOK_SECONDS` at most."""
        found = []
        for key, _ in self._selector.select(LOOK_SECONDS):
            if key.data is None:
                self._open()
                continue
            try:
                number = key.data.listen()
            except OSError:
                self._leave(key.data).close()
            else:
                found += [] if number is None else [(number, self._leave(key.data))]
        late = [one for one in self._pending if time.monotonic() > one.deadline]
        # One that comes while very many wait takes the place of the first.
        for pending in late or self._pending[:-MOST_PENDING]:
            self._leave(pending).close()
        return found

    def _open(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            try:
                self._pending.append(_Pending(connection, self._secret))
            except OSError:
                connection.close()
            else:
                self._selector.register(connection, selectors.EVENT_READ, self._pending[-1])

    def _leave(self, pending: _Pending) -> socket.socket:
        self._selector.unregister(pending.connection)
        self._pending.remove(pending)
        return pending.connection


def _prove(connection: socket.socket, secret: str) -> None:
    """Prove to the worker that this rank knows the secret, and let it prove the same. Raises OSError."""
    question = secrets.token_bytes(PROOF_BYTES)
    connection.sendall(question)
    connection.sendall(_proof(secret, "rank", _exactly(connection, PROOF_BYTES)))
    if not hmac.compare_digest(_proof(secret, "worker", question), _exactly(connection, PROOF_BYTES)):
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
