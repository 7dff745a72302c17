"""A SHA-256 in a JSON object over the rest of it: every flipped bit is detected when it is read."""

from __future__ import annotations

import hashlib
import json
from typing import Any

KEY = "sha256"


def sealed(content: dict[str, Any]) -> dict[str, Any]:
    """The object with its checksum added."""
    # As a reader will see it, with keys that are text.
    content = json.loads(json.dumps(content))
    return content | {KEY: _digest({key: value for key, value in content.items() if key != KEY})}


def opened(content: dict[str, Any]) -> dict[str, Any] | None:
    """The object without its checksum; None when the checksum is missing or wrong."""
    rest = {key: value for key, value in content.items() if key != KEY}
    return rest if content.get(KEY) == _digest(rest) else None


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
