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
from .server.frames import Request
from .server.operations import OPERATIONS
from .server.unix import PATH

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
            for line in lines:
                answer = json.loads(line)
                if "event" in answer:
                    progress(answer["event"], answer["data"])
                elif "error" in answer:
                    raise AgentError(**answer["error"])
                else:
                    found: Json = answer["result"]
                    return found
    except (OSError, ValueError) as error:
        raise AgentError("internal", f"the agent did not answer: {error}") from error
    raise AgentError("internal", "the agent closed the connection without an answer; see journalctl -u tandem-agent")
