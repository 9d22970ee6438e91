# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same protocol on standard input and output, for a caller that reached the host by its own means (ssh)."""

from __future__ import annotations

import os
import sys
import threading
from typing import BinaryIO

from ..errors import AgentError
from . import frames
from .dispatch import Caller, Dispatcher


def run(dispatcher: Dispatcher) -> None:
    """Answer line after line until standard input ends. The caller's rights are those of its own uid."""
    # Whatever prints by accident must not get between the frames.
    stdout = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    uid = os.geteuid()
    serve(dispatcher, sys.stdin.buffer, stdout, Caller(uid, True, True))


def serve(dispatcher: Dispatcher, source: BinaryIO, target: BinaryIO, caller: Caller) -> None:
    """The loop over two streams. A reader that goes away ends it, but never in the middle of a change."""
    sending = threading.Lock()
    gone = threading.Event()

    def send(line: bytes) -> None:
        with sending:
            try:
                target.write(line)
                target.flush()
            except (OSError, ValueError):
                gone.set()

    while not gone.is_set():
        line = source.readline(frames.LINE_LIMIT + 1)
        if not line:
            return
        if not line.endswith(b"\n") and len(line) > frames.LINE_LIMIT:
            # Where the next line begins is not known any more.
            send(frames.error("", AgentError("protocol.frame", f"a line has at most {frames.LINE_LIMIT} bytes")))
            return
        if line.strip():
            dispatcher.answer(line.rstrip(b"\n"), caller, send)
