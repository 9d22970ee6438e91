# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client that needs no library, against a server of its own; the others are tried by drills on real nodes."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest
from ansible_collections.tandem.ha.plugins.module_utils._clients import KINDS, Http, Refused
from ansible_collections.tandem.ha.plugins.modules import ha_load


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, text = {"/health": (200, b"c1\n"), "/page": (200, b"<html> long text")}.get(self.path, (503, b""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def client(port: int, path: str) -> Http:
    return Http({"name": "page", "address": "127.0.0.1", "port": port, "path": path}, {}, "run-1")


def test_a_page_is_done_by_who_says_its_name(port: int) -> None:
    assert client(port, "/health").write(1) == ("c1", True)
    assert client(port, "/page").write(1) == (None, True)


def test_a_page_that_is_not_well_is_not_done(port: int) -> None:
    with pytest.raises(Refused, match="HTTP status 503"):
        client(port, "/nothing").write(1)


def test_nobody_there_is_not_done() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        unused = listener.getsockname()[1]
    with pytest.raises(Refused, match="refused"):
        client(unused, "/health").write(1)


def test_who_accepts_and_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.tandem.ha.plugins.module_utils._clients.PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(Refused, match="timed out"):
        client(listener.getsockname()[1], "/health").write(1)


def test_a_queue_is_read_to_its_end_however_the_broker_hands_it_out() -> None:
    class Channel:
        one_by_one = [b"run-1:4", b"run-1:5"]

        def basic_qos(self, prefetch_count: int) -> None:
            assert prefetch_count > 2000

        def consume(self, *_words: object, **_more: object) -> Iterator[tuple[object, object, bytes | None]]:
            yield from ((1, 1, text) for text in (b"run-1:1", b"run-0:2", b"no number", b"run-1:3"))
            yield (None, None, None)

        def basic_get(self, *_words: object, **_more: object) -> tuple[object, object, bytes | None]:
            return (1, 1, self.one_by_one.pop(0) if self.one_by_one else None)

    queue = KINDS["amqp"]({"name": "queue", "queue": "q"}, {"c1": "127.0.0.1"}, "run-1")
    assert queue._drain(Channel()) == {1, 3, 4, 5}  # type: ignore[attr-defined]


def test_a_worker_numbers_on_and_keeps_both_accounts() -> None:
    class Scripted(KINDS["redis"]):  # type: ignore[misc]
        asked: list[int] = []

        def write(self, number: int) -> tuple[str | None, bool]:
            self.asked.append(number)
            if number == 2:
                raise Refused("gone")
            return "c1", number == 1

    ended = threading.Event()
    worker = ha_load.Worker(Scripted({"name": "store"}, {}, "run-1"), ended, 0.01)
    pauses = [worker._once() for _request in range(3)]
    assert pauses == [0.01, ha_load.SETBACK, 0.01]
    assert Scripted.asked == [1, 2, 3]
    accounts = {name: ledger.close(0.0) for name, ledger in worker.ledgers.items()}
    assert accounts["store"]["unsure"] == [2]
    assert accounts["store+wait"]["unsure"] == [2, 3]
