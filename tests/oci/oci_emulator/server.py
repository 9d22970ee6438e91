# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The listeners: the API over TLS, the metadata service in the clear."""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional, Sequence

from cryptography import x509
from cryptography.x509.oid import NameOID

from .disorder import Dropped
from .errors import ApiError
from .identity import Authority, private_pem
from .service import Service

BODY_LIMIT = 1 << 20


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who asks may go away at any time: that is their business."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    # An answer in one piece: in two, each would wait for the other side's delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        """The service keeps its own record."""

    def lower(self) -> Dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def body(self) -> bytes:
        return self.rfile.read(min(int(self.headers.get("content-length") or 0), BODY_LIMIT))

    def send(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def api(service: Service, address: str, port: int, context: ssl.SSLContext) -> ThreadingHTTPServer:
    class Api(_Handler):
        def answer(self) -> None:
            try:
                status, content, headers = service.api(self.command, self.path, self.lower(), self.body())
            except Dropped:
                self.close_connection = True
                return
            self.send(status, json.dumps(content).encode(), {"content-type": "application/json", **headers})

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 the base class calls them so

    server = _server(address, port, Api)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server


def metadata(service: Service, address: str, port: int, who: Callable[[str], str]) -> ThreadingHTTPServer:
    """`who` tells the instance by the address that asks."""

    class Metadata(_Handler):
        def do_GET(self) -> None:
            try:
                status, content = service.metadata(self.path, self.lower(), who(self.client_address[0]))
            except ApiError as error:
                status, content = error.status, error.message
            except Dropped:
                self.close_connection = True
                return
            text = content if isinstance(content, str) else json.dumps(content)
            self.send(status, text.encode(), {"content-type": "text/plain"})

    return _server(address, port, Metadata)


def _server(address: str, port: int, handler: Any) -> ThreadingHTTPServer:
    return _Server((address, port), handler)


def start(server: ThreadingHTTPServer) -> ThreadingHTTPServer:
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


def tls(directory: Path, names: Sequence[str], authority: Optional[Authority] = None) -> ssl.SSLContext:
    """A certificate for these hosts, by an authority whose own certificate is left in `directory` as ca.pem."""
    authority = authority or Authority.make("emulated OCI")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    certificate, key = authority.issue(subject, names)
    (directory / "ca.pem").write_text(authority.pem())
    (directory / "server.pem").write_text(certificate + private_pem(key))
    (directory / "server.pem").chmod(0o600)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(directory / "server.pem"))
    return context
