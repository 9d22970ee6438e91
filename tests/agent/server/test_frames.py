# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever comes in, a request or a refusal comes out."""

from __future__ import annotations

import json
import time
from typing import Any, Dict

import pytest
from hypothesis import given, settings, strategies as st

from tandem_agent.errors import AgentError
from tandem_agent.server import frames

GOOD: Dict[str, Any] = {"v": 1, "id": "a", "op": "hello", "params": {"x": [1, 2.5, None, "é"]}, "deadline": 5}


def line(**changes: Any) -> bytes:
    frame = {**GOOD, **changes}
    return json.dumps({name: value for name, value in frame.items() if value is not ...}).encode()


def refused(data: bytes) -> frames.BadRequest:
    with pytest.raises(frames.BadRequest) as caught:
        frames.decode(data)
    return caught.value


def test_a_good_frame() -> None:
    assert frames.decode(line()) == frames.Request("a", "hello", {"x": [1, 2.5, None, "é"]}, 5.0)


def test_what_may_be_left_out() -> None:
    assert frames.decode(line(params=..., deadline=...)) == frames.Request("a", "hello", {}, 120.0)
    assert frames.decode(line(params=None, new_field=[1])).params == {}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "protocol.frame"),
        (b"null", "protocol.frame"),
        (b"[1]", "protocol.frame"),
        (b"{", "protocol.frame"),
        (b"\xff\xfe", "protocol.frame"),
        (b'{"v":1,"id":"\xff"}', "protocol.frame"),
        (b'{"v":1,"v":1}', "protocol.frame"),
        (b'{"v":1,"params":{"a":1,"b":2,"a":3}}', "protocol.frame"),
        (b'{"v":NaN}', "protocol.frame"),
        (b'{"v":1,"deadline":Infinity}', "protocol.frame"),
        (b'{"v":1,"deadline":1e999}', "protocol.frame"),
        (b'{"v":' + b"9" * 100_000 + b"}", "protocol.frame"),
        (b"[" * 100_000, "protocol.frame"),
        (b'{"a":' * 100_000, "protocol.frame"),
        (b"[" * 100_000 + b"]" * 100_000, "protocol.frame"),
        (b"\x00" * 100, "protocol.frame"),
        (line(v=2), "protocol.version"),
        (line(v=0, id=...), "protocol.version"),
        (line(v="1"), "protocol.frame"),
        (line(v=True), "protocol.frame"),
        (line(v=1.0), "protocol.frame"),
        (line(v=...), "protocol.frame"),
        (line(id=7), "protocol.frame"),
        (line(id="x" * 129), "protocol.frame"),
        (line(id=...), "protocol.frame"),
        (line(op=["hello"]), "protocol.frame"),
        (line(op=...), "protocol.frame"),
        (line(params=[1]), "params.invalid"),
        (line(params="x"), "params.invalid"),
        (line(deadline=0), "params.invalid"),
        (line(deadline=3601), "params.invalid"),
        (line(deadline="5"), "params.invalid"),
        (line(deadline=True), "params.invalid"),
    ],
    ids=range(33),
)
def test_refused_quickly_and_with_a_code(data: bytes, code: str) -> None:
    started = time.monotonic()
    problem = refused(data)
    assert problem.code == code
    assert time.monotonic() - started < 1
    assert json.loads(frames.error(problem.id, problem))["error"]["code"] == code


def test_the_id_comes_back_where_it_could_be_read() -> None:
    assert refused(line(v=9)).id == "a"
    assert refused(line(params=3)).id == "a"
    assert refused(line(id=5)).id == ""


def test_another_version_is_told_what_is_spoken() -> None:
    problem = refused(line(v=2))
    assert problem.details == {"protocol": [1]}
    assert "only 1" in problem.message


def test_the_limit_of_depth() -> None:
    inside = frames.DEPTH_LIMIT - 2  # the frame and its params are two
    assert frames.decode(line(params={"x": json.loads("[" * inside + "]" * inside)}))
    deeper = inside + 1
    assert refused(line(params={"x": json.loads("[" * deeper + "]" * deeper)})).code == "protocol.frame"


def test_brackets_in_texts_do_not_count() -> None:
    text = '[{"\\' * 500
    assert frames.decode(line(params={"x": text, "y": [text]})).params["x"] == text


def test_a_line_of_sixteen_megabytes_is_read_and_more_is_not() -> None:
    fill = frames.LINE_LIMIT - len(line(params={"x": ""}))
    assert len(frames.decode(line(params={"x": "a" * fill})).params["x"]) == fill
    assert refused(line(params={"x": "a" * (fill + 1)})).code == "protocol.frame"


def test_many_brackets_cost_little() -> None:
    started = time.monotonic()
    refused(b"[" * frames.LINE_LIMIT)
    refused(b"[]{}" * (frames.LINE_LIMIT // 4))
    assert time.monotonic() - started < 5


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    try:
        frames.decode(data)
    except frames.BadRequest as problem:
        json.loads(frames.error(problem.id, problem))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["v", "id", "op", "params", "deadline", "x"]), JSON | st.just(1)))
def test_any_object(frame: Dict[str, Any]) -> None:
    try:
        found = frames.decode(json.dumps(frame).encode())
    except frames.BadRequest:
        return
    assert found.id == frame["id"]
    assert found.op == frame["op"]


@settings(max_examples=200, deadline=None)
@given(
    st.text(),
    st.dictionaries(st.text(), JSON.filter(lambda value: "nan" not in repr(value) and "inf" not in repr(value))),
)
def test_answers_are_one_ascii_line(id: str, value: Dict[str, Any]) -> None:
    for answer in (
        frames.result(id, value),
        frames.event(id, "e", value),
        frames.error(id, AgentError("c", id, value)),
    ):
        assert answer.count(b"\n") == 1
        assert answer.endswith(b"\n")
        assert json.loads(answer.decode("ascii"))["id"] == id


def test_an_answer_that_is_too_long_becomes_an_error() -> None:
    answer = frames.result("a", {"x": "y" * frames.LINE_LIMIT})
    assert len(answer) < 1000
    assert json.loads(answer)["error"]["code"] == "internal"
