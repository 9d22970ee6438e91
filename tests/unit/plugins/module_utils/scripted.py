# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An agent that says exactly what a test tells it to, on a real Unix socket."""

import json
import socket
import threading
import time

CLOSE = object()  # as a part of an answer: end the connection


def result(request, **value):
    """The bytes of a good answer to `request`."""
    return line(v=1, id=request["id"], result=value)


def error(request, code, message="no", retryable=False, **details):
    """The bytes of a refusal of `request`."""
    body = {"code": code, "message": message, "details": details, "retryable": retryable}
    return line(v=1, id=request["id"], error=body)


def event(request, name, **data):
    return line(v=1, id=request["id"], event=name, data=data)


def line(**frame):
    return json.dumps(frame).encode() + b"\n"


class ScriptedAgent:
    """Answers the n-th request with the n-th answer, a function of the request that returns what is sent.

    An answer is bytes, or a list of bytes (sent one by one), of numbers (seconds of silence) and of CLOSE. A request
    beyond the script is a fault of the test; `close` reports it.
    """

    def __init__(self, path, answers):
        self.requests = []
        self.connections = 0
        self._answers = list(answers)
        self._beyond = 0
        self._open = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(8)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            with connection, connection.makefile("rb") as lines:
                try:
                    while self._reply(connection, lines.readline()):
                        pass
                except OSError:
                    pass  # the client has heard enough

    def _reply(self, connection, raw):
        if not raw:
            return False
        request = json.loads(raw.decode())
        self.requests.append(request)
        if not self._answers:
            self._beyond += 1
            return False
        answer = self._answers.pop(0)(request)
        for part in answer if isinstance(answer, list) else [answer]:
            if part is CLOSE:
                return False
            if isinstance(part, (int, float)):
                time.sleep(part)
            else:
                connection.sendall(part)
        return True

    def close(self):
        """End it, and say what the script did not foresee."""
        self._listener.close()
        for connection in self._open:
            connection.close()
        assert not self._beyond, "the client asked %d times more than the script foresees" % self._beyond
        assert not self._answers, "the client did not ask for %d answers of the script" % len(self._answers)
