# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""The client of the agent's protocol, version 1 (docs/protocol.md): one JSON object a line over a Unix socket.

Python 3.6 syntax: this runs on the managed host, under the interpreter that Ansible found there.
"""

import errno
import json
import os
import socket
import struct
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

SOCKET = "/run/tandem/agent.sock"
VERSION = 1
LONGEST_LINE = 16 * 1024 * 1024  # bytes, the newline included
SHORTEST, LONGEST = 1.0, 3600.0  # seconds the agent accepts as a deadline
# The agent answers at its deadline by itself; only when it does not even do that does the client stop waiting.
GRACE = 10.0
# The agent ends connections on which nothing is asked (after 60 s); a shorter one of ours leaves no doubt who did.
LONGEST_SILENCE = 20.0
# Others are at work; with these errors nothing was changed. What else the agent calls retryable (the cluster has not
# settled, somebody changes it back, no answer from the CIB) is for people to judge: a second try would find the change
# made already and call that a success.
TRIED_AGAIN = ("busy", "cib.conflict")
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0  # seconds between two tries

Listener = Callable[[str, Mapping[str, Any]], None]


class ClientError(Exception):
    """What went wrong, as the agent said it (`protocol.md`) or as the client found it (`agent.*`).

    agent.missing   nothing is at the socket's path
    agent.denied    this user may not open the socket
    agent.refused   the socket is there, nobody listens
    agent.foreign   something that is not the agent listens
    agent.closed    the connection ended before the answer
    agent.timeout   no answer, not even a late one
    agent.frame     what came is not the protocol
    """

    def __init__(
        self, code: str, message: str, details: Optional[Mapping[str, Any]] = None, retryable: bool = False
    ) -> None:
        super(ClientError, self).__init__(message)
        self.code = code
        self.message = message
        self.details: Dict[str, Any] = dict(details or {})
        self.retryable = retryable


class Client:
    """A connection to the agent, opened at the first call and again after a fault. Not for use by several threads."""

    def __init__(self, path: str = SOCKET) -> None:
        self.path = path
        self.events: List[Tuple[str, Mapping[str, Any]]] = []
        self._connection: Optional[socket.socket] = None
        self._buffer = bytearray()
        self._calls = 0
        self._used = 0.0  # when the connection was last good

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_fault: Any) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; a later call opens a new one."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._buffer = bytearray()

    def call(
        self,
        operation: str,
        params: Optional[Mapping[str, Any]] = None,
        deadline: float = 120,
        listener: Optional[Listener] = None,
    ) -> Dict[str, Any]:
        """The result of one operation, or ClientError.

        `deadline` is in seconds, all tries together; see TRIED_AGAIN. Events go to `events` and `listener`.
        """
        until = time.monotonic() + min(max(deadline, SHORTEST), LONGEST)
        pause = FIRST_PAUSE
        while True:
            try:
                return self._once(operation, params or {}, until, listener)
            except ClientError as error:
                if error.code not in TRIED_AGAIN or time.monotonic() + pause + SHORTEST > until:
                    raise
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _once(
        self, operation: str, params: Mapping[str, Any], until: float, listener: Optional[Listener]
    ) -> Dict[str, Any]:
        self._calls += 1
        request = "%d-%d" % (os.getpid(), self._calls)
        left = max(SHORTEST, until - time.monotonic())
        frame = {"v": VERSION, "id": request, "op": operation, "params": params, "deadline": round(left, 3)}
        line = _line(frame)
        try:
            self._send(line, left)
            return self._answer(request, until + GRACE, listener)
        except ClientError as error:
            if error.code.startswith("agent."):
                self.close()  # whatever else may come on this connection, it is not an answer to the next request
            raise

    def _send(self, line: bytes, seconds: float) -> None:
        if time.monotonic() - self._used > LONGEST_SILENCE:
            self.close()
        if self._connection is None:
            self._connection = _connect(self.path)
        self._connection.settimeout(seconds)
        try:
            self._connection.sendall(line)
        except socket.timeout:
            raise _late(self.path) from None
        except (BrokenPipeError, ConnectionResetError):
            pass  # an agent that refuses says why before it closes: what it said is read next
        except OSError as fault:
            raise ClientError(
                "agent.closed", "writing to the Tandem agent at %s failed: %s" % (self.path, fault)
            ) from fault

    def _answer(self, request: str, until: float, listener: Optional[Listener]) -> Dict[str, Any]:
        while True:
            frame = _frame(self._read_line(until))
            if frame.get("v") != VERSION:
                raise _other_version(frame)
            if "event" in frame:
                if frame.get("id") == request:
                    self._tell(frame, listener)
                continue
            error = frame.get("error")
            if isinstance(error, dict) and not frame.get("id"):
                self.close()  # an agent that did not read the request does not go on reading
            elif frame.get("id") != request:
                raise ClientError("agent.frame", "the Tandem agent answered a request that was not made")
            if isinstance(error, dict):
                raise _refusal(error)
            if not isinstance(frame.get("result"), dict):
                raise ClientError("agent.frame", "the Tandem agent's answer holds neither a result nor an error")
            return frame["result"]

    def _tell(self, frame: Mapping[str, Any], listener: Optional[Listener]) -> None:
        data = frame.get("data")
        event = (str(frame["event"]), data if isinstance(data, dict) else {})
        self.events.append(event)
        if listener is not None:
            listener(*event)

    def _read_line(self, until: float) -> bytes:
        searched = 0
        while True:
            end = self._buffer.find(b"\n", searched)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                return line
            searched = len(self._buffer)
            if searched >= LONGEST_LINE:
                raise ClientError("agent.frame", "the Tandem agent's answer is longer than %d bytes" % LONGEST_LINE)
            self._buffer += self._receive(until)

    def _receive(self, until: float) -> bytes:
        if self._connection is None:
            raise ClientError("agent.closed", "not connected to the Tandem agent")
        left = until - time.monotonic()
        if left <= 0:
            raise _late(self.path)
        self._connection.settimeout(left)
        try:
            data = self._connection.recv(262144)
        except socket.timeout:
            raise _late(self.path) from None
        except OSError as fault:
            raise _closed(self.path, str(fault)) from fault
        self._used = time.monotonic()
        if not data:
            raise _closed(self.path, "half an answer came" if self._buffer else "no answer came")
        return data


def _line(frame: Mapping[str, Any]) -> bytes:
    try:
        line = json.dumps(frame, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"
    except (TypeError, ValueError) as fault:
        raise ClientError("params.invalid", "the request cannot be written as JSON: %s" % fault) from fault
    if len(line) > LONGEST_LINE:
        raise ClientError(
            "params.invalid", "the request is %d bytes long; at most %d are allowed" % (len(line), LONGEST_LINE)
        )
    return line


def _frame(line: bytes) -> Dict[str, Any]:
    try:
        frame = json.loads(line.decode("utf-8"))
    except ValueError as fault:
        raise ClientError("agent.frame", "the Tandem agent's answer is not JSON: %s" % fault) from fault
    if not isinstance(frame, dict):
        raise ClientError("agent.frame", "the Tandem agent's answer is not a JSON object")
    return frame


def _refusal(error: Mapping[str, Any]) -> ClientError:
    details = error.get("details")
    return ClientError(
        str(error.get("code") or "internal"),
        str(error.get("message") or "the Tandem agent failed without saying why"),
        details if isinstance(details, dict) else {},
        error.get("retryable") is True,
    )


def _other_version(frame: Mapping[str, Any]) -> ClientError:
    error = frame.get("error")
    said = " (it says: %s)" % error["message"] if isinstance(error, dict) and error.get("message") else ""
    return ClientError(
        "protocol.version",
        "the Tandem agent on this host speaks protocol version %r, this collection speaks %d%s; "
        "run the role tandem.ha.agent to install the agent that belongs to this collection"
        % (frame.get("v"), VERSION, said),
    )


def _late(path: str) -> ClientError:
    return ClientError(
        "agent.timeout",
        "the Tandem agent at %s did not answer in time; what it was asked may still happen: "
        "look at `tandem history` and `journalctl -u tandem-agent`" % path,
    )


def _closed(path: str, why: str) -> ClientError:
    return ClientError(
        "agent.closed",
        "the Tandem agent at %s ended the connection (%s); see `journalctl -u tandem-agent`. "
        "The same call again finishes what was begun" % (path, why),
    )


def _connect(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(10.0)
        connection.connect(path)
        _check_peer(connection, path)
    except OSError as fault:
        connection.close()
        raise _unconnected(path, fault) from fault
    except ClientError:
        connection.close()
        raise
    return connection


def _unconnected(path: str, fault: OSError) -> ClientError:
    if isinstance(fault, socket.timeout) or fault.errno == errno.EAGAIN:  # the queue of waiting connections is full
        return ClientError(
            "busy", "the Tandem agent at %s has too many callers at the moment; try again" % path, retryable=True
        )
    if fault.errno in (errno.ENOENT, errno.ENOTDIR):
        return ClientError(
            "agent.missing", "no Tandem agent is at %s; run the role tandem.ha.agent on this host" % path
        )
    if fault.errno in (errno.EACCES, errno.EPERM):
        return ClientError(
            "agent.denied", "this user may not talk to the Tandem agent at %s; set `become: true`" % path
        )
    if fault.errno == errno.ECONNREFUSED:
        return ClientError(
            "agent.refused",
            "nobody listens at %s; `systemctl restart tandem-agent.socket` or run the role tandem.ha.agent on this host"
            % path,
        )
    return ClientError("agent.refused", "the Tandem agent at %s cannot be reached: %s" % (path, fault))


def _check_peer(connection: socket.socket, path: str) -> None:
    """Secrets go through this connection: only root's agent may have them, at another path (tests) one's own too."""
    uid = _peer_uid(connection)
    if uid == 0 or (path != SOCKET and uid == os.geteuid()):
        return
    raise ClientError(
        "agent.foreign",
        "the program behind %s runs as uid %d, but the Tandem agent runs as root; nothing was sent to it" % (path, uid),
    )


def _peer_uid(connection: socket.socket) -> int:
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", raw)[1])  # pid, uid, gid
