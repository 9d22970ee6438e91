# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the command line reaches an agent: in this process, or through the socket of the running one."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from typing import Any, Callable, Dict, Mapping, Optional

from .errors import AgentError
from .pacemaker.runner import Runner
from .server.dispatch import GRACE, ROOT, Dispatcher
from .server.frames import LINE_LIMIT, Request, read_object
from .server.operations import OPERATIONS
from .server.unix import PATH

CONNECT_SECONDS = 10.0

Json = Dict[str, Any]
Progress = Callable[[str, Mapping[str, Any]], None]
Call = Callable[[str, Mapping[str, Any], float, Progress], Json]


def connect(path: str = PATH) -> Call:
    """The way to call operations: on a CIB file always here; else by the socket; else, for root, here."""
    if not offline():
        stream = _open(path)
        if stream is not None:
            return lambda op, params, deadline, progress: _remote(stream, op, params, deadline, progress)
        if os.geteuid() != 0:
            raise AgentError(
                "auth.denied",
                f"no agent answers at {path} for this user; run this as root, or join the group haclient to read",
            )
    dispatcher = Dispatcher(OPERATIONS, Runner())
    return lambda op, params, deadline, progress: dispatcher.call(
        Request("cli", op, dict(params), deadline), ROOT, progress
    )


def offline() -> bool:
    """Whether CIB_file points Pacemaker's tools, and so us, at a file."""
    return bool(os.environ.get("CIB_file"))  # noqa: SIM112 (Pacemaker's spelling)


def _open(path: str) -> Optional[socket.socket]:
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stream.settimeout(CONNECT_SECONDS)
    try:
        stream.connect(path)
    except OSError:
        stream.close()
        return None
    return stream


def _remote(stream: socket.socket, op: str, params: Mapping[str, Any], deadline: float, progress: Progress) -> Json:
    stream.settimeout(deadline + 2 * GRACE)
    request = {"v": 1, "id": "cli", "op": op, "params": dict(params), "deadline": deadline}
    try:
        with contextlib.closing(stream.makefile("rwb")) as lines:
            lines.write(json.dumps(request).encode("ascii") + b"\n")
            lines.flush()
            while True:
                answer = _answer(lines.readline(LINE_LIMIT + 1))
                if "event" not in answer:
                    return _result(answer)
                progress(str(answer["event"]), _object(answer.get("data")))
    except OSError as error:
        raise AgentError(
            "agent.closed",
            f"the agent did not answer ({error}); `journalctl -u tandem-agent` says why, and the same call again finishes"
            " what was begun",
        ) from error


def _answer(line: bytes) -> Json:
    if not line.endswith(b"\n"):
        raise ConnectionError("it closed the connection")
    try:
        return read_object(line)
    except AgentError as error:
        raise AgentError("agent.frame", f"what answers at the agent's socket is no agent: {error.message}") from error


def _result(answer: Json) -> Json:
    """What the agent found; raises what it refused."""
    error = answer.get("error")
    if isinstance(error, dict):
        raise AgentError(
            str(error.get("code")),
            str(error.get("message")),
            _object(error.get("details")),
            bool(error.get("retryable")),
        )
    return _object(answer.get("result"))


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}
