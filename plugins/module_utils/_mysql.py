# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""As much of MariaDB's protocol as a drill needs: log in with a password, say a statement, hear what came of it.

Hosts that measure need no client library for it. Every wait has an end: a server that falls silent is an error, like
one that says no.
"""

import contextlib
import hashlib
import socket
import struct
from typing import List, Optional, Tuple

# Long password, protocol 4.1, transactions, secure connection, plugin authentication.
CAPABILITIES = 0x1 | 0x200 | 0x2000 | 0x8000 | 0x80000
LARGEST_PACKET = 1 << 24
UTF8MB4 = 45
NATIVE = b"mysql_native_password"
OK, EOF, ERROR, QUERY = 0x00, 0xFE, 0xFF, 0x03


class SqlError(Exception):
    """The server refused, or was not to be reached."""


class Connection(object):
    """One connection; any error ends it."""

    def __init__(self, address: str, port: int, user: str, password: str, timeout: float) -> None:
        self._socket = None  # type: Optional[socket.socket]
        try:
            self._socket = socket.create_connection((address, port), timeout)
            self._socket.settimeout(timeout)
            self._stream = self._socket.makefile("rb")
            self._number = 0
            self._log_in(user.encode("utf-8"), password.encode("utf-8"))
        except (OSError, SqlError, struct.error, IndexError, ValueError) as error:
            self.close()
            raise SqlError(str(error) or type(error).__name__) from error

    def close(self) -> None:
        if self._socket:
            with contextlib.suppress(OSError):
                self._socket.close()

    def ask(self, statement: str) -> List[List[Optional[str]]]:
        """Say a statement; the rows it gives, if any.  Raises SqlError."""
        try:
            self._number = 0
            self._send(bytes([QUERY]) + statement.encode("utf-8"))
            first = self._receive()
            if first[0] == OK:
                return []
            columns, _rest = _integer(first)
            for _column in range(columns + 1):  # their descriptions, and the end of them
                self._receive()
            return list(iter(self._row, None))
        except (OSError, struct.error, IndexError, ValueError) as error:
            raise SqlError(str(error) or type(error).__name__) from error

    def _row(self) -> Optional[List[Optional[str]]]:
        packet = self._receive()
        if packet[0] == EOF and len(packet) < 9:
            return None
        values = []  # type: List[Optional[str]]
        while packet:
            if packet[0] == 0xFB:
                values.append(None)
                packet = packet[1:]
                continue
            length, packet = _integer(packet)
            values.append(packet[:length].decode("utf-8", "replace"))
            packet = packet[length:]
        return values

    def _log_in(self, user: bytes, password: bytes) -> None:
        nonce = _nonce(self._receive())
        head = struct.pack("<IIB", CAPABILITIES, LARGEST_PACKET, UTF8MB4) + bytes(23)
        token = scramble(password, nonce)
        self._send(head + user + b"\0" + bytes([len(token)]) + token + NATIVE + b"\0")
        answer = self._receive()
        if answer[0] == EOF:  # the server would rather have it another way
            name, _zero, nonce = answer[1:].partition(b"\0")
            if name != NATIVE:
                raise SqlError("the account wants to log in by %s" % name.decode("utf-8", "replace"))
            self._send(scramble(password, nonce[:20]))
            self._receive()

    def _send(self, payload: bytes) -> None:
        if self._socket is None:
            raise SqlError("there is no connection to the server")
        self._socket.sendall(struct.pack("<I", len(payload))[:3] + bytes([self._number]) + payload)

    def _receive(self) -> bytes:
        head = self._exactly(4)
        self._number = (head[3] + 1) % 256
        packet = self._exactly(struct.unpack("<I", head[:3] + b"\0")[0])
        if packet[0] == ERROR:
            raise SqlError(packet[9:].decode("utf-8", "replace") or "refused")
        return packet

    def _exactly(self, length: int) -> bytes:
        found = self._stream.read(length)
        if len(found) != length:
            raise SqlError("the server closed the connection")
        return found


def scramble(password: bytes, nonce: bytes) -> bytes:
    """What proves that one knows the password (mysql_native_password)."""
    if not password:
        return b""
    once = hashlib.sha1(password).digest()  # noqa: S324
    mask = hashlib.sha1(nonce + hashlib.sha1(once).digest()).digest()  # noqa: S324
    return bytes(a ^ b for a, b in zip(once, mask))


def _nonce(greeting: bytes) -> bytes:
    """The server's 20 random bytes, of its greeting, where they stand in two places."""
    if greeting[0] != 10:
        raise SqlError("protocol %d is unknown" % greeting[0])
    rest = greeting[1:].split(b"\0", 1)[1][4:]
    return rest[:8] + rest[27:39]


def _integer(packet: bytes) -> Tuple[int, bytes]:
    """A number of variable length, and what follows it."""
    width = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(packet[0])
    if width is None:
        return packet[0], packet[1:]
    return int.from_bytes(packet[1 : 1 + width], "little"), packet[1 + width :]
