"""Messages between a worker and its ranks over a socket: a JSON object and arrays. Nothing is ever unpickled."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dltui.core.contract import EpochPlan, Mixing

if TYPE_CHECKING:
    from dltui.core.contract.types import Array

_LENGTH = struct.Struct("!Q")
Message = tuple[dict[str, Any], dict[str, "Array"]]
CHANGES = ("augmentation", "color", "erasing", "crops")
MIXING = ("partners", "shares", "boxes")


class Disconnected(Exception):
    """The other side has ended."""


class Channel:
    """One end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def limit(self, seconds: float) -> None:
        """Let the other side be taken for disconnected that stops in the middle of a message for so long."""
        most = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            self.connection.setsockopt(socket.SOL_SOCKET, option, most)

    def send(self, record: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> None:
        """Send a message. Raises Disconnected."""
        import numpy as np

        known = {name: np.asarray(array) for name, array in (arrays or {}).items()}
        told = [[name, array.dtype.str, array.shape] for name, array in known.items()]
        head = json.dumps({"record": record, "arrays": told}).encode()
        try:
            self.connection.sendall(_LENGTH.pack(len(head)) + head)
            for array in known.values():
                self.connection.sendall(_bytes(np.ascontiguousarray(array)))
        except OSError as error:
            raise Disconnected from error

    def receive(self) -> Message:
        """Wait for a message. Raises Disconnected."""
        import numpy as np

        head = json.loads(self._exactly(_LENGTH.unpack(self._exactly(_LENGTH.size))[0]))
        arrays = {}
        for name, kind, shape in head["arrays"]:
            array = np.empty(shape, dtype=kind)
            self._fill(_bytes(array))
            arrays[name] = array
        return head["record"], arrays

    def close(self) -> None:
        self.connection.close()

    def _exactly(self, length: int) -> bytes:
        found = bytearray(length)
        self._fill(memoryview(found))
        return bytes(found)

    def _fill(self, place: memoryview) -> None:
        while place:
            try:
                count = self.connection.recv_into(place)
            except OSError as error:
                raise Disconnected from error
            if not count:
                raise Disconnected
            place = place[count:]


def _bytes(array: Array) -> memoryview:
    return array.reshape(-1).view("u1").data


def plan_message(plan: EpochPlan) -> Message:
    """A plan as a message."""
    arrays = {"indices": plan.indices, "lr": plan.lr}
    arrays |= {name: numbers for name in CHANGES if (numbers := getattr(plan, name)) is not None}
    if plan.mixing is not None:
        arrays |= {name: getattr(plan.mixing, name) for name in MIXING}
    return {"epoch": plan.epoch, "first_step": plan.first_step, "whole": plan.whole}, arrays


def plan_of(record: Mapping[str, Any], arrays: Mapping[str, Array]) -> EpochPlan:
    """The plan of a message."""
    mixing = Mixing(**{name: arrays[name] for name in MIXING}) if "partners" in arrays else None
    return EpochPlan(
        int(record["epoch"]),
        int(record["first_step"]),
        arrays["indices"],
        arrays["lr"],
        augmentation=arrays.get("augmentation"),
        color=arrays.get("color"),
        erasing=arrays.get("erasing"),
        mixing=mixing,
        crops=arrays.get("crops"),
        whole=int(record["whole"]),
    )
