"""The lines between a screen and `dltui serve-stdio`: questions as JSON, answers as JSON with a compressed result.

The results of a connection are one deflate stream, so that the tenth heartbeat costs what differs from the ninth.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import zlib
from typing import Any

from dltui.core.errors import DltuiError
from dltui.core.numbers import no_number

PROTOCOL = 1
"""Changes when an old side could not understand a new one."""
MOST_QUESTION = 1 << 20
MOST_ANSWER = 8 << 20
MOST_RESULT = 32 << 20
"""The most bytes that a line, and a result that is unpacked from it, may have."""
_BLOCK = 1 << 16


class WireError(DltuiError):
    """The other side does not keep to the protocol: the connection is of no use any more."""


class Lines:
    """Lines from a descriptor. Raises WireError for one that is longer than `most` bytes."""

    def __init__(self, fd: int, most: int) -> None:
        self.fd, self._most = fd, most
        self._rest = bytearray()

    def read(self) -> list[bytes] | None:
        """The lines that are complete after one read, which waits; None at the end."""
        block = os.read(self.fd, _BLOCK)
        if not block:
            return None
        start = len(self._rest)
        self._rest += block
        lines: list[bytes] = []
        if self._rest.find(b"\n", start) >= 0:
            *lines, rest = bytes(self._rest).split(b"\n")
            self._rest = bytearray(rest)
        if max(len(self._rest), *map(len, lines), 0) > self._most:
            raise WireError(f"a line of more than {self._most:,} bytes")
        return lines


def plain(value: Any) -> bytes:
    """A value as JSON. Raises ValueError or TypeError for what JSON cannot hold."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def encode(record: dict[str, Any]) -> bytes:
    """A record as a line."""
    return plain(record) + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The record of a line. Raises WireError."""
    try:
        record = json.loads(line, parse_constant=no_number)
    except (ValueError, RecursionError):
        raise WireError("a line that is no JSON") from None
    if not isinstance(record, dict):
        raise WireError("a line that is no object")
    return record


class Packer:
    """Packs the results of a connection, in order."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(9, zlib.DEFLATED, -15, 9)

    def pack(self, result: bytes) -> str:
        """A result, made by `plain`, as text."""
        packed = self._stream.compress(result) + self._stream.flush(zlib.Z_SYNC_FLUSH)
        return base64.b64encode(packed).decode("ascii")


class Unpacker:
    """Unpacks the results of a connection, in order."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(-15)

    def unpack(self, text: object) -> Any:
        """The result of a text. Raises WireError."""
        try:
            data = self._stream.decompress(base64.b64decode(str(text), validate=True), MOST_RESULT)
            if self._stream.unconsumed_tail:
                raise WireError(f"an answer of more than {MOST_RESULT:,} bytes")
            return json.loads(data, parse_constant=no_number)
        except (binascii.Error, zlib.error, ValueError, RecursionError):
            raise WireError("an answer that cannot be unpacked") from None


def as_json(data: bytes) -> dict[str, str]:
    """Bytes as JSON holds them: ASCII, which packs best, as it is."""
    return {"text": data.decode("ascii")} if data.isascii() else {"base64": base64.b64encode(data).decode("ascii")}


def from_json(found: object) -> bytes:
    """The bytes of `as_json`. Raises WireError."""
    try:
        if isinstance(found, dict) and isinstance(found.get("text"), str):
            return str(found["text"]).encode("ascii")
        if isinstance(found, dict) and isinstance(found.get("base64"), str):
            return base64.b64decode(found["base64"], validate=True)
    except (UnicodeError, binascii.Error, ValueError):
        pass
    raise WireError("an answer without its bytes")
