"""A SHA-256 inside of a JSON object over all the rest of it: a flipped bit is found by whoever reads it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

KEY = "sha256"


def sealed(content: dict[str, Any]) -> dict[str, Any]:
    """The object with its seal."""
    # As a reader will see it, with keys that are text.
    content = json.loads(json.dumps(content))
    return content | {KEY: _digest({key: value for key, value in content.items() if key != KEY})}


def opened(content: dict[str, Any]) -> dict[str, Any] | None:
    """The object without its seal; None when it has none or another one than it should."""
    rest = {key: value for key, value in content.items() if key != KEY}
    return rest if content.get(KEY) == _digest(rest) else None


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
