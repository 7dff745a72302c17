"""Checks which of several web addresses can be reached, by their first byte within a few seconds."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

SECONDS = 3.0
REFUSALS = ("HTTP 401", "HTTP 403", "HTTP 404")


def answers(urls: Sequence[str], seconds: float = SECONDS) -> Iterator[tuple[str, str | None]]:
    """Each address in its order, with None if it gave a first byte in time, else with the reason why not.

    All are asked at once, in threads that are not joined: looking up a host name has no time limit of its own.
    """
    deadline = time.monotonic() + seconds
    asked: list[tuple[str, queue.SimpleQueue[str | None]]] = []
    for url in urls:
        answer: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=_ask, args=(url, seconds, answer), daemon=True).start()
        asked.append((url, answer))
    for url, answer in asked:
        try:
            yield url, answer.get(timeout=max(0.001, deadline - time.monotonic()))
        except queue.Empty:
            yield url, f"no answer within {seconds:g} s"


def reachable(urls: Sequence[str], seconds: float = SECONDS) -> bool:
    """True if any of the addresses answers in time."""
    return any(problem is None for _, problem in answers(urls, seconds))


def answered(url: str, seconds: float = SECONDS) -> bool:
    """True if an address answers in time, if only that it is not there or for others."""
    return any(problem in (None, *REFUSALS) for _, problem in answers([url], seconds))


def host(url: str) -> str:
    return urlsplit(url).netloc or url


def _ask(url: str, seconds: float, answer: queue.SimpleQueue[str | None]) -> None:
    try:
        import requests

        headers = {"Range": "bytes=0-0", "Accept-Encoding": "identity"}
        with requests.get(url, stream=True, timeout=seconds, headers=headers) as response:
            response.raise_for_status()
            problem = None if response.raw.read(1) else "empty answer"
    except Exception as error:
        problem = reason(error)
    answer.put(problem)


def reason(error: BaseException) -> str:
    """A network exception in a few words; the original texts hold object addresses and repeat the URL."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code}"
    text = repr(error)
    for sign, words in _WORDS:
        if sign in text:
            return words
    return type(error).__name__


_WORDS = (
    ("NameResolutionError", "name not found"),
    ("gaierror", "name not found"),
    ("Name or service not known", "name not found"),
    ("ProxyError", "proxy refused"),
    ("SSLError", "certificate not accepted"),
    ("Connection refused", "connection refused"),
    ("unreachable", "network unreachable"),
    ("timed out", "timed out"),
    ("Timeout", "timed out"),
    ("IncompleteRead", "connection cut"),
    ("ChunkedEncodingError", "connection cut"),
    ("Connection aborted", "connection cut"),
    ("Connection reset", "connection cut"),
    ("hash", "SHA-256 differs"),
)
