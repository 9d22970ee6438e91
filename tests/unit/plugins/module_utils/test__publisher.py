# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The publisher, with its real library, against a broker of which a test says what it does with a message."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pika
import pika.frame
import pytest
from ansible_collections.tandem.ha.plugins.module_utils._clients import Amqp, Refused
from ansible_collections.tandem.ha.plugins.module_utils._publisher import Publisher, Unconfirmed, told
from pika import spec

PATIENCE = 0.3


class Broker(threading.Thread):
    """As much of a broker as a publisher needs, for one connection after the other."""

    def __init__(self, answer: Callable[[Broker, int], None], silent: bool = False) -> None:
        super().__init__(daemon=True)
        self.bodies: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self._answer, self._silent = answer, silent
        self.peer: socket.socket | None = None

    def run(self) -> None:
        while True:
            try:
                self.peer, _address = self.listener.accept()
            except OSError:
                return
            if not self._silent:
                self._serve(self.peer)

    def _serve(self, peer: socket.socket) -> None:
        waiting, tag = b"", 0
        while True:
            try:
                piece = peer.recv(65536)
            except OSError:
                return
            if not piece:
                return
            waiting += piece
            if waiting.startswith(b"AMQP"):
                waiting = waiting[8:]
                can = {"publisher_confirms": True, "basic.nack": True}
                self.say(spec.Connection.Start(server_properties={"capabilities": can}), 0)
            while True:
                used, frame = pika.frame.decode_frame(waiting)
                if frame is None:
                    break
                waiting = waiting[used:]
                if isinstance(frame, pika.frame.Body):
                    tag += 1
                    self.bodies.append(frame.fragment)
                    self._answer(self, tag)
                elif isinstance(frame, pika.frame.Method):
                    self._reply(frame.method)

    def _reply(self, method: object) -> None:
        replies = {
            spec.Connection.StartOk: (spec.Connection.Tune(2047, 131072, 60), 0),
            spec.Connection.Open: (spec.Connection.OpenOk(), 0),
            spec.Connection.Close: (spec.Connection.CloseOk(), 0),
            spec.Channel.Open: (spec.Channel.OpenOk(), 1),
            spec.Channel.Close: (spec.Channel.CloseOk(), 1),
            spec.Confirm.Select: (spec.Confirm.SelectOk(), 1),
        }
        if type(method) in replies:
            self.say(*replies[type(method)])

    def say(self, method: object, channel: int = 1) -> None:
        assert self.peer
        self.peer.sendall(pika.frame.Method(channel, method).marshal())

    def hand_back(self, tag: int) -> None:
        assert self.peer
        self.say(spec.Basic.Return(312, "NO_ROUTE", "", "queue"))
        self.peer.sendall(pika.frame.Header(1, 1, spec.BasicProperties()).marshal())
        self.peer.sendall(pika.frame.Body(1, b"x").marshal())
        self.say(spec.Basic.Ack(tag))

    def hang_up(self) -> None:
        assert self.peer
        self.peer.shutdown(socket.SHUT_RDWR)
        self.peer.close()


@pytest.fixture
def broker() -> Iterator[Callable[..., Broker]]:
    made: list[Broker] = []

    def make(answer: Callable[[Broker, int], None], silent: bool = False) -> Broker:
        made.append(Broker(answer, silent))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.listener.close()


def confirm(broker: Broker, tag: int) -> None:
    broker.say(spec.Basic.Ack(tag))


def parameters(port: int) -> pika.ConnectionParameters:
    return pika.ConnectionParameters("127.0.0.1", port, connection_attempts=1, stack_timeout=2 * PATIENCE)


def test_a_message_is_done_when_it_is_confirmed(broker: Callable[..., Broker]) -> None:
    one = broker(confirm)
    publisher = Publisher(parameters(one.port), PATIENCE)
    for body in (b"run:1", b"run:2"):
        publisher.publish("queue", body)
    publisher.close()
    assert one.bodies == [b"run:1", b"run:2"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda broker, tag: broker.say(spec.Basic.Nack(tag)), "refused"),
        (Broker.hand_back, "handed back: NO_ROUTE"),
        (lambda broker, _tag: broker.say(spec.Channel.Close(404, "NOT_FOUND", 60, 40)), "NOT_FOUND"),
        (
            lambda broker, _tag: broker.say(spec.Connection.Close(320, "CONNECTION_FORCED", 0, 0), 0),
            "CONNECTION_FORCED",
        ),
        (lambda broker, _tag: broker.hang_up(), "(?i)lost|closed|eof|reset"),
        (lambda _broker, _tag: None, "not confirmed in time"),
    ],
)
def test_a_message_that_is_not_confirmed_is_not_done(
    broker: Callable[..., Broker], answer: Callable[[Broker, int], None], said: str
) -> None:
    publisher = Publisher(parameters(broker(answer).port), PATIENCE)
    begun = time.monotonic()
    with pytest.raises(Unconfirmed, match=said):
        publisher.publish("queue", b"run:1")
    publisher.close()
    assert time.monotonic() - begun < PATIENCE + 1.5


def test_who_accepts_and_says_nothing_is_given_up(broker: Callable[..., Broker]) -> None:
    begun = time.monotonic()
    with pytest.raises(Unconfirmed, match=r"in time|timed out"):
        Publisher(parameters(broker(confirm, silent=True).port), PATIENCE)
    assert time.monotonic() - begun < 2 * PATIENCE + 1.5


def test_a_client_goes_to_the_next_member(broker: Callable[..., Broker]) -> None:
    one = broker(confirm)
    with socket.create_server(("127.0.0.2", 0)) as listener:
        nobody = listener.getsockname()[0]
    what = {"name": "queue", "port": one.port, "user": "drill", "password": "x", "vhost": "drill", "queue": "q"}
    client = Amqp(what, {"c1": nobody, "c2": "127.0.0.1"}, "run-1")
    with pytest.raises(Refused, match="refused"):
        client.write(1)
    client.close()
    assert client.write(2) == ("c2", True)
    client.close()
    assert one.bodies == [b"run-1:2"]


def test_the_layers_around_an_error_are_left_out() -> None:
    class Layer(Exception):
        def __init__(self, **inside: object) -> None:
            super().__init__()
            self.__dict__.update(inside)

    assert told(Layer(exceptions=(Layer(exception=OSError("no  route")),))) == "no route"
    assert told(ConnectionError(Layer(exception=OSError("no route")))) == "no route"
    assert told(Layer(exception=None)) == "Layer()"
