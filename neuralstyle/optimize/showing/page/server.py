"""A small web server on the loopback address, for one page that only those see who know its URL.

Every request needs the token, which is drawn at random and lies in the path, and the server's own
name as its host: a page of another origin can then neither read nor ask for anything, not even
under a name that it has led here. It answers in threads of its own, and ends no run.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, TypeAlias, final
from urllib.parse import parse_qsl, urlsplit

from neuralstyle._checks import whole_number
from neuralstyle._files import reason

logger: logging.Logger = logging.getLogger(__name__)

ADDRESS = "127.0.0.1"

MOST = 10_000
"""Bytes of what a request may bring."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may do: run its own script, ask its own server, and show pictures sent as text."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Pages: TypeAlias = Mapping[str, tuple[str, Callable[[Mapping[str, str]], bytes]]]
"""What there is to get, by name: of which type, and what makes it of the query."""

Actions: TypeAlias = Mapping[str, Callable[[Any], None]]
"""What there is to do, by name: each takes what was posted; `ValueError` is for nonsense."""


@final
class Server(ThreadingHTTPServer):
    """A server that is at work from the beginning until it is closed.

    Parameters
    ----------
    port : int
        0 takes one that is free.
    pages : Pages
        The one without a name is the page itself.
    actions : Actions

    Attributes
    ----------
    url : str
        Of the page, with the token.

    Raises
    ------
    OSError
        If the port is taken, or not for this user.
    """

    daemon_threads = True
    allow_reuse_address: bool = os.name != "nt"  # there it would take a port that is in use

    def __init__(self, port: int, pages: Pages, actions: Actions) -> None:
        self.pages = pages
        self.actions = actions
        self.token: str = secrets.token_urlsafe(24)
        self._answering: int = 0
        self._answered = threading.Condition()
        whole_number("port", port, 0)
        if port > 65535:
            raise ValueError(f"port: expected at most 65535, received {port}")
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            why = f"port: expected one that is free, received {port}: {reason(error)}"
            raise type(error)(why) from error
        port = self.server_port
        self.hosts: list[str] = [f"{name}:{port}" for name in (ADDRESS, "localhost")]
        if port == 80:  # which browsers leave out
            self.hosts += [ADDRESS, "localhost"]
        self.url: str = f"http://{ADDRESS}:{port}/{self.token}/"
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.1,), name="neuralstyle-page", daemon=True
        )
        self._thread.start()

    def server_bind(self) -> None:
        """Take the port; look up no name for the address."""
        TCPServer.server_bind(self)
        self.server_name: str = ADDRESS
        self.server_port: int = int(self.socket.getsockname()[1])

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and count those that are being answered."""
        with self._answered:
            self._answering += 1
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._answered:
                self._answering -= 1
                self._answered.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let a browser that is gone be gone."""
        logger.debug("a request was not answered", exc_info=True)

    def close(self, patience: float = 1.0) -> None:
        """End, once what is being answered has been, or so many seconds have passed."""
        if threading.current_thread() is self._thread:  # of a page that is collected as garbage
            threading.Thread(target=self.close, daemon=True).start()
            return
        self.shutdown()
        self._thread.join()
        self.server_close()
        until = time.monotonic() + patience
        with self._answered:
            while self._answering and (left := until - time.monotonic()) > 0:
                self._answered.wait(left)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Server
    timeout = 30
    server_version = "neuralstyle"
    sys_version = ""

    def do_GET(self) -> None:  # noqa: N802
        """Send a page."""
        name, query = self._asked_for(self.server.pages, self.server.actions)
        if name is not None:
            kind, make = self.server.pages[name]
            self._send(200, kind, make(query))

    def do_POST(self) -> None:  # noqa: N802
        """Do something."""
        name, _ = self._asked_for(self.server.actions, self.server.pages)
        if name is None:
            return
        host = self.headers["Host"]
        if self.headers.get("Origin", f"http://{host}") != f"http://{host}":
            return self._refuse(403)
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST:
            return self._refuse(413 if length.isdecimal() else 411)
        try:
            self.server.actions[name](json.loads(self.rfile.read(int(length))))
        except (ValueError, OverflowError, RecursionError):  # which JSON's errors are, too
            return self._refuse(400)
        self._send(204, "text/plain", b"")

    def _asked_for(
        self, here: Mapping[str, Any], elsewhere: Mapping[str, Any]
    ) -> tuple[str | None, dict[str, str]]:
        """Return the name that is asked for, and the query; no name if that was refused."""
        url = urlsplit(self.path)
        token, slash, name = url.path.removeprefix("/").partition("/")
        known = hmac.compare_digest(token.encode(), self.server.token.encode())
        if not known or self.headers.get("Host") not in self.server.hosts:
            self._refuse(403)
        elif not slash or name not in {*here, *elsewhere}:
            self._refuse(404)
        elif name not in here:
            self._refuse(405)
        else:
            return name, dict(parse_qsl(url.query))
        return None, {}

    def _refuse(self, code: int) -> None:
        self._send(code, "text/plain", self.responses[code][0].encode())

    def _send(self, code: int, kind: str, data: bytes) -> None:
        self.send_response(code)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if data:
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a line would have the token."""
