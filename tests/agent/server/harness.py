# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server on a socket of its own with operations made for the tests, and a client that speaks raw lines."""

from __future__ import annotations

import json
import os
import pathlib
import socket
import threading
import time
from typing import Any, Dict, List, Optional

from tandem_agent.context import Context
from tandem_agent.errors import AgentError
from tandem_agent.model.fields import Fields
from tandem_agent.server.dispatch import Dispatcher, Operation
from tandem_agent.server.unix import Server

AGENT_FILES = str(pathlib.Path(__file__).resolve().parents[3] / "roles" / "agent" / "files")
SECRET = "canary-hunter2"


def echo(context: Context, params: Fields) -> Dict[str, Any]:
    return {"text": params.text("text"), "node": context.node}


def nap(context: Context, params: Fields) -> Dict[str, Any]:
    """Sleeps `seconds`; tells when it began."""
    context.emit("began", {"seconds": params.number("seconds", 1, 0, 60)})
    time.sleep(params.number("seconds", 1, 0, 60))
    return {"slept": True}


def crash(_context: Context, params: Fields) -> Dict[str, Any]:
    raise KeyError(f"{SECRET} {params.raw('password')}")


def slow_tool(context: Context, _params: Fields) -> Dict[str, Any]:
    return {"rc": context.runner.run(["sleep", "60"]).rc}


def exhaust(_context: Context, params: Fields) -> Dict[str, Any]:
    """Ask the kernel for what it does not have."""
    if params.flag("memory"):
        return {"bytes": len(bytearray(1 << 60))}
    return {"file": os.open("/nonexistent/directory/file", os.O_RDONLY)}


def refuse(_context: Context, _params: Fields) -> Dict[str, Any]:
    raise AgentError("cib.conflict", "moved", {"n": 1}, retryable=True)


OPERATIONS = {
    "echo": Operation(echo, secret=lambda params: bool(params.get("secret"))),
    "nap": Operation(nap),
    "change": Operation(nap, mutates=True),
    "crash": Operation(crash),
    "exhaust": Operation(exhaust),
    "slow_tool": Operation(slow_tool),
    "refuse": Operation(refuse),
}


class Client:
    """One connection. `ask` gives the last answer, `events` what came before it."""

    def __init__(self, path: str) -> None:
        self.stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.stream.settimeout(20)
        self.stream.connect(path)
        self.lines = self.stream.makefile("rb")
        self.events: List[Dict[str, Any]] = []

    def send(self, op: str, params: Optional[Dict[str, Any]] = None, **frame: Any) -> None:
        self.raw(json.dumps({"v": 1, "id": "1", "op": op, "params": params or {}, **frame}).encode() + b"\n")

    def raw(self, data: bytes) -> None:
        self.stream.sendall(data)

    def read(self) -> Dict[str, Any]:
        line = self.lines.readline()
        assert line, "the server closed the connection"
        found: Dict[str, Any] = json.loads(line)
        return found

    def answer(self) -> Dict[str, Any]:
        self.events = []
        while True:
            found = self.read()
            if "event" not in found:
                return found
            self.events.append(found)

    def ask(self, op: str, params: Optional[Dict[str, Any]] = None, **frame: Any) -> Dict[str, Any]:
        self.send(op, params, **frame)
        return self.answer()

    def closed(self) -> bool:
        try:
            return self.lines.read(1) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.lines.close()
        self.stream.close()


class Running:
    """A server in a thread."""

    def __init__(self, path: str, dispatcher: Dispatcher, idle_seconds: Optional[float] = None) -> None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(path)
        listener.listen(256)
        self.path = path
        self.dispatcher = dispatcher
        self.server = Server(dispatcher, listener, idle_seconds)
        self.thread = threading.Thread(target=self.server.serve, daemon=True)
        self.thread.start()

    def client(self) -> Client:
        return Client(self.path)
