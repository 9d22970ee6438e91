# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol on streams."""

from __future__ import annotations

import io
import json
from typing import Any, Dict, List

import pytest

from tandem_agent.server import frames, stdio
from tandem_agent.server.dispatch import ROOT, Dispatcher


def talk(dispatcher: Dispatcher, data: bytes) -> List[Dict[str, Any]]:
    target = io.BytesIO()
    stdio.serve(dispatcher, io.BytesIO(data), target, ROOT)
    return [json.loads(line) for line in target.getvalue().splitlines()]


def test_lines_in_lines_out(dispatcher: Dispatcher) -> None:
    data = b'{"v":1,"id":"a","op":"echo"}\nrubbish\n\n{"v":1,"id":"b","op":"echo"}'
    assert [(one["id"], "result" in one) for one in talk(dispatcher, data)] == [("a", True), ("", False), ("b", True)]


def test_a_line_without_end(dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "LINE_LIMIT", 1000)
    answers = talk(dispatcher, b"x" * 2000 + b'\n{"v":1,"id":"b","op":"echo"}\n')
    assert [one["error"]["code"] for one in answers] == ["protocol.frame"]


def test_a_reader_that_is_gone_ends_it(dispatcher: Dispatcher) -> None:
    class Broken(io.BytesIO):
        def write(self, _data: Any) -> int:
            raise BrokenPipeError

    source = io.BytesIO(b'{"v":1,"id":"a","op":"echo"}\n' * 3)
    stdio.serve(dispatcher, source, Broken(), ROOT)
    assert source.tell() < 60
