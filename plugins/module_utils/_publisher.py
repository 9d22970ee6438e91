# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""A publisher that waits for no broker longer than it says.

pika's own blocking connection waits for a confirmation until six seconds of heartbeats are missing, and without end when the
broker is well and the queue is not. This one stands on pika's other connection, whose loop can be left at any time.
"""

import contextlib
import logging
from typing import Any, Optional

FAREWELL = 0.2  # seconds for an orderly end of a connection


class Unconfirmed(Exception):
    """The broker did not do it, or did not say so."""


class Publisher(object):
    """One connection to one broker, whose every message is waited for until it is confirmed."""

    def __init__(self, parameters: Any, patience: float) -> None:
        """Connect.  Raises Unconfirmed."""
        import pika

        # What goes wrong is told to the caller, and the log of a library that nobody set up is stderr.
        logging.getLogger("pika").addHandler(logging.NullHandler())
        self._patience = patience
        self._ready = False
        self._error: Optional[str] = None
        self._channel = None  # type: Any
        self._connection = pika.SelectConnection(
            parameters,
            on_open_callback=self._connected,
            on_open_error_callback=self._ended,
            on_close_callback=self._ended,
        )
        self._loop = self._connection.ioloop
        try:
            self._wait(2 * patience, "the connection was not made in time")
        except Unconfirmed:
            self.close()
            raise

    def publish(self, queue: str, body: bytes) -> None:
        """A persistent message, until it is confirmed.  Raises Unconfirmed; then nothing but close() is left to do."""
        import pika
        import pika.exceptions

        try:
            self._channel.basic_publish(
                "", queue, body, properties=pika.BasicProperties(delivery_mode=2), mandatory=True
            )
        except pika.exceptions.AMQPError as error:
            raise Unconfirmed(told(error)) from error
        self._wait(self._patience, "the message was not confirmed in time")

    def close(self) -> None:
        """Let the connection go. A broker that does not answer misses the heartbeats, and does the same."""
        if self._connection.is_open:
            with contextlib.suppress(Exception):
                self._connection.close()
                self._work(FAREWELL)
        with contextlib.suppress(Exception):
            self._loop.close()

    def _wait(self, seconds: float, otherwise: str) -> None:
        self._work(seconds)
        if self._error is not None:
            raise Unconfirmed(self._error)
        if not self._ready:
            raise Unconfirmed(otherwise)

    def _work(self, seconds: float) -> None:
        """Let pika do its work until something was said, or for that long."""
        self._ready = False
        timer = self._loop.call_later(seconds, self._loop.stop)
        try:
            self._loop.start()
        finally:
            self._loop.remove_timeout(timer)

    # What pika calls, from within its loop

    def _connected(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._opened)

    def _opened(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._ended)
        channel.add_on_return_callback(self._returned)
        channel.confirm_delivery(self._confirmed, callback=self._said)

    def _said(self, _frame: Any) -> None:
        self._ready = True
        self._loop.stop()

    def _confirmed(self, frame: Any) -> None:
        if frame.method.NAME != "Basic.Ack":
            self._error = self._error or "the broker refused the message"
        self._said(frame)

    def _returned(self, _channel: Any, method: Any, _properties: Any, _body: bytes) -> None:
        # The confirmation of a message that was handed back follows.
        self._error = "the message was handed back: %s" % method.reply_text

    def _ended(self, _which: Any, error: BaseException) -> None:
        self._error = self._error or told(error)
        self._loop.stop()


def told(error: BaseException) -> str:
    """What pika says, without the layers around it."""
    while True:
        layers = list(error.args) + [getattr(error, "exception", None)] + list(getattr(error, "exceptions", ()))
        inner = [layer for layer in layers if isinstance(layer, BaseException)]
        if not inner:
            return " ".join((str(error) or repr(error)).split())
        error = inner[-1]
