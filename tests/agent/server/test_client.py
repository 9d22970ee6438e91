# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command's end of the socket, when something else answers than an agent of this version."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import threading
import time
from typing import Callable, Iterator, List

import pytest

from tandem_agent import client
from tandem_agent.errors import AgentError
from tandem_agent.server.frames import LINE_LIMIT

Answer = Callable[[socket.socket], None]


@pytest.fixture
def answering(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answer], client.Call]]:
    """A way to call whatever answers on a socket of its own."""
    monkeypatch.delenv("CIB_file", raising=False)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(tmp_path / "socket"))
    listener.listen(5)
    threads: List[threading.Thread] = []

    def serve(answer: Answer) -> None:
        stream, _address = listener.accept()
        with stream, contextlib.suppress(OSError):
            stream.recv(65536)
            answer(stream)

    def start(answer: Answer) -> client.Call:
        threads.append(threading.Thread(target=serve, args=(answer,), daemon=True))
        threads[-1].start()
        return client.connect(str(tmp_path / "socket"))

    with listener:
        yield start
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def said(answering: Callable[[Answer], client.Call], data: bytes) -> AgentError:
    with pytest.raises(AgentError) as caught:
        answering(lambda stream: stream.sendall(data))("status", {}, 20, lambda *_event: None)
    return caught.value


@pytest.mark.parametrize("data", [b"", b"{", b'{"v":1,"result":{}}', b'{"v":1,"event":"x"}\n', b"x" * 100_000])
def test_a_connection_that_ends_early(answering: Callable[[Answer], client.Call], data: bytes) -> None:
    problem = said(answering, data)
    assert problem.code == "agent.closed"
    assert "journalctl -u tandem-agent" in problem.message


@pytest.mark.parametrize(
    "data",
    [b"\n", b"null\n", b"[]\n", b"7\n", b"HTTP/1.1 400 Bad Request\r\n", b"\xff\n", b"[" * 100_000 + b"\n", b'{"v":NaN}\n',
     b'{"error":{},"error":{}}\n', b"1e999\n", b'{"v":1' + b"0" * 5000 + b"}\n"],
)  # fmt: skip
def test_what_is_no_answer(answering: Callable[[Answer], client.Call], data: bytes) -> None:
    assert said(answering, data).code == "agent.frame"


def test_a_line_without_end(answering: Callable[[Answer], client.Call]) -> None:
    assert said(answering, b" " * (LINE_LIMIT + 2)).code == "agent.closed"


@pytest.mark.parametrize("error", [b"{}", b'{"code":7,"message":null,"details":[],"retryable":"x","new_field":1}'])
def test_errors_of_another_version(answering: Callable[[Answer], client.Call], error: bytes) -> None:
    problem = said(answering, b'{"v":1,"id":"cli","error":' + error + b"}\n")
    assert isinstance(problem.code, str) and isinstance(problem.message, str) and problem.details == {}


def test_events_and_results_of_another_version(answering: Callable[[Answer], client.Call]) -> None:
    events: List[object] = []
    lines = b'{"event":7}\n{"event":"a","data":[1],"new":1}\n{"event":"b","data":{"x":1}}\n{"result":[1],"new":2}\n'
    call = answering(lambda stream: stream.sendall(lines))
    assert call("status", {}, 20, lambda name, data: events.append((name, data))) == {}
    assert events == [("7", {}), ("a", {}), ("b", {"x": 1})]


def test_one_that_says_nothing(answering: Callable[[Answer], client.Call], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "GRACE", 0.1)
    call = answering(lambda stream: time.sleep(1.5))
    started = time.monotonic()
    with pytest.raises(AgentError) as caught:
        call("status", {}, 0.3, lambda *_event: None)
    assert caught.value.code == "agent.closed"
    assert "timed out" in caught.value.message
    assert time.monotonic() - started < 1.4


def test_one_that_does_not_accept(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its queue is full: root goes on without it, others are told."""
    monkeypatch.delenv("CIB_file", raising=False)
    monkeypatch.setattr(client, "CONNECT_SECONDS", 0.2)
    path = str(tmp_path / "socket")
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        listener.bind(path)
        listener.listen(0)
        waiting = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        waiting.connect(path)
        monkeypatch.setattr("os.geteuid", lambda: 1000)
        started = time.monotonic()
        with pytest.raises(AgentError) as caught:
            client.connect(path)
        assert caught.value.code == "auth.denied"
        assert time.monotonic() - started < 5
