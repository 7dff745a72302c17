"""A web server on 127.0.0.1 that can misbehave in the ways that mirrors do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Mirror:
    """Serves `files` under its `url`. `cut` maps a file name to the number of bytes after which the line is cut;
    while `silent` is set requests are taken and not answered."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.cut: dict[str, int] = {}
        self.silent = False
        self.fetched: list[str] = []
        self.closing = threading.Event()
        self.url = ""


@contextmanager
def serve(mirror: Mirror) -> Iterator[Mirror]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(mirror, self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    mirror.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield mirror
    finally:
        mirror.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(mirror: Mirror, request: BaseHTTPRequestHandler) -> None:
    if mirror.silent:
        mirror.closing.wait(30)
        return
    name = request.path.rsplit("/", 1)[-1]
    if name not in mirror.files:
        request.send_error(404)
        return
    content = mirror.files[name]
    if request.headers.get("Range") == "bytes=0-0":
        _send(request, 206, content[:1], 1)
        return
    mirror.fetched.append(name)
    _send(request, 200, content[: mirror.cut.get(name, len(content))], len(content))


def _send(request: BaseHTTPRequestHandler, status: int, content: bytes, length: int) -> None:
    request.send_response(status)
    request.send_header("Content-Length", str(length))
    request.end_headers()
    request.wfile.write(content)
