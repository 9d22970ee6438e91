# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redfish over HTTPS, with a certificate that it makes itself, as a controller out of its box does.

Fault modes (see bmc.py): `silent` accepts connections and says nothing, `slow` answers late, `error` answers 503.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Tuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from . import redfish
from .errors import LabError
from .files import write

SILENCE = 120.0  # seconds for which a silent controller keeps a connection
BODY_MAX = 1 << 16


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        if self.server.mode()[0] == "silent":
            time.sleep(SILENCE)
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def _answer(self) -> None:
        length = min(int(self.headers.get("Content-Length") or 0), BODY_MAX)
        headers = {name.lower(): value for name, value in self.headers.items()}
        mode, delay = self.server.mode()
        if mode == "slow":
            time.sleep(delay)
        body, reply = self.rfile.read(length), redfish.Reply(503)
        if mode != "error":
            try:
                reply = self.server.service.answer(self.command, self.path, headers, body)
            except LabError as error:
                self.log_message("%s", error)
        self._send(reply)

    def _send(self, reply: redfish.Reply) -> None:
        text = b"" if reply.body is None else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        fixed = {"OData-Version": "4.0", "Content-Type": "application/json", "Content-Length": str(len(text))}
        for name, value in {**fixed, **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_DELETE = do_PATCH = do_PUT = _answer  # noqa: N815  the library's names


class Server(ThreadingHTTPServer):
    """A thread a connection; none of them keeps the program alive."""

    daemon_threads = True

    def __init__(
        self,
        address: Tuple[str, int],
        service: redfish.Service,
        certificate: Path,
        mode: Callable[[], Tuple[str, float]],
    ) -> None:
        if not certificate.exists():
            write(certificate, self_signed(address[0]), 0o600)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(str(certificate))
        self.service, self.mode = service, mode
        super().__init__(address, Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up, or that do not trust the certificate, are nothing to talk about."""


def self_signed(address: str) -> str:
    """A key and a certificate for an address, in one PEM text."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, address)])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return (private + certificate.public_bytes(serialization.Encoding.PEM)).decode()
