# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Unix socket: who may connect, how long they may take, and when the agent goes away again."""

from __future__ import annotations

import contextlib
import grp
import logging
import os
import pwd
import selectors
import signal
import socket
import stat
import struct
import threading
import time
from typing import Iterator, Optional, Tuple

from ..errors import AgentError
from . import frames
from .dispatch import Caller, Dispatcher

logger = logging.getLogger(__name__)

PATH = "/run/tandem/agent.sock"
GROUP = "haclient"
MAX_CONNECTIONS = 64
FOR_ROOT = 8  # of them; readers that hang about must not keep a change away
FRAME_SECONDS = 30.0  # a frame that was begun must be complete after this long
SILENCE_SECONDS = 60.0  # a connection on which nothing is asked is closed after this long
SEND_SECONDS = 30.0  # a client that does not read its answers is given up after this long
IDLE_SECONDS = 60.0  # without connections the process ends; systemd keeps the socket and starts it again
STOP_SECONDS = 110.0  # how long a running change may delay a stop; the unit allows 120 s
_FIRST_FD = 3  # sd_listen_fds(3)
_CHUNK = 65536


class Connection:
    """One client: whole lines in, whole lines out, each with a time limit."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self._buffer = bytearray()
        self._searched = 0
        self._sending = threading.Lock()
        self.broken = False  # nobody reads any more; a change that was begun is finished all the same

    def line(self) -> Optional[bytes]:
        """The next line without its newline. None when the client is done, silent for too long, or broke the rules of
        a frame so that its end is unknown (then it has been told so).
        """
        until = time.monotonic() + (FRAME_SECONDS if self._buffer else SILENCE_SECONDS)
        while True:
            end = self._buffer.find(b"\n", self._searched)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                self._searched = 0
                return line
            self._searched = len(self._buffer)
            if len(self._buffer) > frames.LINE_LIMIT:
                self._refuse(f"a line has at most {frames.LINE_LIMIT} bytes")
                return None
            try:
                self.stream.settimeout(max(0.01, until - time.monotonic()))
                data = self.stream.recv(_CHUNK)
            except socket.timeout:
                if self._buffer:
                    self._refuse(f"the line was not complete after {FRAME_SECONDS:g} s")
                return None
            except OSError:
                return None
            if not data:
                return None
            if not self._buffer:
                until = time.monotonic() + FRAME_SECONDS
            self._buffer += data

    def send(self, line: bytes) -> None:
        """Send one line; a client that is gone or does not read is remembered as broken."""
        with self._sending:
            if self.broken:
                return
            try:
                self.stream.settimeout(SEND_SECONDS)
                self.stream.sendall(line)
            except OSError:
                self.broken = True

    def _refuse(self, message: str) -> None:
        self.send(frames.error("", AgentError("protocol.frame", message)))


class Server:
    """Accepts connections and gives each a thread."""

    def __init__(self, dispatcher: Dispatcher, listener: socket.socket, idle_seconds: Optional[float] = None) -> None:
        """`idle_seconds`: end after so long without connections; None never ends."""
        self.dispatcher = dispatcher
        self.listener = listener
        self.idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._open: set[Connection] = set()
        self._busy = 0  # requests being handled
        self._quiet_since = time.monotonic()
        self._wake, self._woken = socket.socketpair()

    def stop(self) -> None:
        """Ask `serve` to end. For signal handlers and other threads."""
        with contextlib.suppress(OSError):
            self._wake.send(b"x")

    def serve(self) -> None:
        """Accept until stopped or idle for long enough; then wait, bounded, for what is being done."""
        self.listener.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(self.listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _mask in selector.select(self._patience())]
                if self._woken in ready:
                    break
                if self.listener in ready:
                    self._accept()
                elif self._idle_for() >= (self.idle_seconds or float("inf")):
                    logger.debug("idle for %s s, ending", self.idle_seconds)
                    break
        self._finish()

    def _patience(self) -> Optional[float]:
        return None if self.idle_seconds is None else max(0.05, self.idle_seconds - self._idle_for())

    def _idle_for(self) -> float:
        with self._lock:
            return 0.0 if self._open else time.monotonic() - self._quiet_since

    def _accept(self) -> None:
        try:
            stream, _address = self.listener.accept()
        except OSError:  # the client went away, or no descriptor is free
            time.sleep(0.01)
            return
        caller, connection = caller_of(stream), Connection(stream)
        room = MAX_CONNECTIONS if caller.may_write else MAX_CONNECTIONS - FOR_ROOT
        with self._lock:
            full = len(self._open) >= room
            if not full:
                self._open.add(connection)
        if full:
            _turn_away(stream, f"the agent already has {room} connections")
            return
        try:
            threading.Thread(target=self._converse, args=(connection, caller), daemon=True).start()
        except RuntimeError:  # no thread is to be had
            self._closed(connection)
            _turn_away(stream, "this host has no room for another thread")

    def _converse(self, connection: Connection, caller: Caller) -> None:
        try:
            with connection.stream:
                while not connection.broken:
                    line = connection.line()
                    if line is None:
                        break
                    if line.strip():
                        with self._handling():
                            self.dispatcher.answer(line, caller, connection.send)
        finally:
            self._closed(connection)

    def _closed(self, connection: Connection) -> None:
        with self._lock:
            self._open.discard(connection)
            self._quiet_since = time.monotonic()

    @contextlib.contextmanager
    def _handling(self) -> Iterator[None]:
        with self._lock:
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1

    def _finish(self) -> None:
        """Let what is being done end and be answered; threads still left after that die with the process."""
        self.listener.close()
        until = time.monotonic() + STOP_SECONDS
        while time.monotonic() < until:
            with self._lock:
                if not self._busy:
                    return
            time.sleep(0.05)
        logger.warning("still busy after %s s, ending all the same", STOP_SECONDS)


def _turn_away(stream: socket.socket, why: str) -> None:
    """Say that there is no room, without waiting for anybody."""
    problem = AgentError("busy", f"{why}; try again", retryable=True)
    with stream, contextlib.suppress(OSError):
        stream.setblocking(False)
        stream.send(frames.error("", problem))


# -- rights


def caller_of(stream: socket.socket) -> Caller:
    """The peer's rights, by the uid the kernel reports (SO_PEERCRED): root (or whoever runs the agent) may do
    everything, members of the group haclient may read.
    """
    layout = "iII"
    size = struct.calcsize(layout)
    _pid, uid, gid = struct.unpack(layout, stream.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    if uid in (0, os.geteuid()):
        return Caller(uid, True, True)
    return Caller(uid, _is_member(uid, gid), False)


def _is_member(uid: int, gid: int) -> bool:
    try:
        group = grp.getgrnam(GROUP)
        return gid == group.gr_gid or pwd.getpwuid(uid).pw_name in group.gr_mem
    except KeyError:  # no such group, or a uid without a name
        return False


# -- the listening socket


def listen(path: str = PATH) -> Tuple[socket.socket, bool]:
    """The socket systemd passed (and True), or a new one at `path` (and False)."""
    if os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS", "0") != "0":
        for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
            os.environ.pop(name, None)
        os.set_inheritable(_FIRST_FD, False)
        return socket.socket(fileno=_FIRST_FD), True
    return _bind(path), False


def _bind(path: str) -> socket.socket:
    directory = os.path.dirname(path)
    os.makedirs(directory, mode=0o755, exist_ok=True)
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    with contextlib.suppress(KeyError, PermissionError):
        os.chown(path, -1, grp.getgrnam(GROUP).gr_gid)
        os.chmod(path, 0o660)
    listener.listen(128)
    return listener


def _remove_stale(path: str) -> None:
    """Remove a socket that nobody listens on; refuse anything else that stands in the way."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISSOCK(mode):
        probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with probe:
            if probe.connect_ex(path) != 0:
                os.unlink(path)
                return
        raise AgentError("busy", f"an agent already listens on {path}")
    raise AgentError("host.failed", f"{path} is in the way and is no socket; remove it")


def run(dispatcher: Dispatcher, path: str = PATH, idle_seconds: Optional[float] = IDLE_SECONDS) -> None:
    """Serve until SIGTERM or SIGINT, or, when systemd holds the socket, until idle."""
    listener, activated = listen(path)
    server = Server(dispatcher, listener, idle_seconds if activated else None)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: server.stop())
    try:
        server.serve()
    finally:
        if not activated:
            with contextlib.suppress(OSError):
                os.unlink(path)
