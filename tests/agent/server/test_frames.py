# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever comes in, a request or a refusal comes out."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any, Dict, List, Tuple

import pytest
from fuzzing import fuzz
from hypothesis import given, strategies as st

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
        (line() + b"\x00", "protocol.frame"),
        (b"\xef\xbb\xbf" + line(), "protocol.frame"),
        (line().decode().encode("utf-16"), "protocol.frame"),
        (line() + line(), "protocol.frame"),
        (line()[:-1], "protocol.frame"),
        (b'{"v":1,"deadline":1' + b"0" * 400 + b"}", "protocol.frame"),
        (b'{"v":1,"deadline":1e400}', "protocol.frame"),
        (b'{"v":1,"deadline":-Infinity}', "protocol.frame"),
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
    ids=itertools.count(),
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


def test_line_ends_of_another_system_are_white_space() -> None:
    assert frames.decode(line().replace(b",", b",\r\n\t") + b"\r").id == "a"


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


@pytest.mark.parametrize(
    "data",
    [b"[", b"[]{}", b"[" * 100 + b'"', b"[" * 100 + b'"\\', b"[" * 100 + b'\\"', b'[{"a":"]}\\"', b'[{},"\\'],
)
def test_sixteen_megabytes_of_anything_cost_little(data: bytes) -> None:
    started = time.monotonic()
    refused((data + data[-2:] * (frames.LINE_LIMIT // 2))[: frames.LINE_LIMIT])
    assert time.monotonic() - started < 10  # at most 2 s on an idle machine; what is quadratic takes days


def nesting(text: str) -> int:
    """How deep the brackets outside of strings nest: one character after another."""
    depth = deepest = 0
    inside = escaped = False
    for char in text:
        if inside:
            inside, escaped = escaped or char != '"', char == "\\" and not escaped
        elif char == '"':
            inside = True
        else:
            depth += (char in "[{") - (char in "]}")
            deepest = max(deepest, depth)
    return deepest


@fuzz(500)
@given(st.text(st.sampled_from('[]{}"\\a,:1 ')))
def test_the_parser_never_sees_more_depth_than_allowed(text: str) -> None:
    """The count agrees with the parser's own view of a line, up to where the parser gives up."""
    text = "[" * (frames.DEPTH_LIMIT - 4) + text
    try:
        json.loads(text)
    except ValueError as error:
        seen = text[: error.pos]  # type: ignore[attr-defined]
    else:
        seen = text
    with pytest.raises(AgentError) as caught:
        frames.read_object(text.encode())
    assert caught.value.code == "protocol.frame"
    if nesting(seen) > frames.DEPTH_LIMIT:
        assert "nested" in caught.value.message


@fuzz(200)
@given(st.recursive(st.text(st.sampled_from('[{"\\')), lambda inner: st.lists(inner, max_size=3), max_leaves=30))
def test_texts_of_brackets_and_quotes_are_no_depth(value: Any) -> None:
    deeper: Any = {"x": value}
    for _level in range(frames.DEPTH_LIMIT - nesting(json.dumps(deeper))):
        deeper = {"x": deeper}
    assert frames.read_object(json.dumps(deeper).encode()) == deeper
    with pytest.raises(AgentError, match="nested"):
        frames.read_object(json.dumps({"x": deeper, "y": [[]] * frames.DEPTH_LIMIT}).encode())


@fuzz(200)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    try:
        frames.decode(data)
    except frames.BadRequest as problem:
        json.loads(frames.error(problem.id, problem))


PIECES = st.sampled_from(
    [b'"', b"\\", b"{", b"[", b"]", b"}", b",", b":", b"\xff", b"\x00", b"\\ud800", b"1e999", b"-", b"null", b"NaN"]
)
EDITS = st.lists(
    st.tuples(st.integers(0, 120), st.integers(0, 12), PIECES | st.binary(max_size=3)), min_size=1, max_size=4
)


@fuzz(500)
@given(EDITS)
def test_a_good_frame_that_was_damaged(edits: List[Tuple[int, int, bytes]]) -> None:
    """Bytes overwritten, left out or put in: what still counts as a request has what a request has."""
    data = line()
    for start, length, piece in edits:
        data = data[:start] + piece + data[start + length :]
    try:
        found = frames.decode(data)
    except frames.BadRequest as problem:
        json.loads(frames.error(problem.id, problem))
        return
    assert len(found.id) <= frames.ID_LIMIT and isinstance(found.op, str) and isinstance(found.params, dict)
    assert 1 <= found.deadline <= frames.LONGEST_DEADLINE


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@fuzz(200)
@given(st.dictionaries(st.sampled_from(["v", "id", "op", "params", "deadline", "x"]), JSON | st.just(1)))
def test_any_object(frame: Dict[str, Any]) -> None:
    try:
        found = frames.decode(json.dumps(frame).encode())
    except frames.BadRequest:
        return
    assert found.id == frame["id"]
    assert found.op == frame["op"]


@fuzz(200)
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
    answer = frames.result("a", {"changed": True, "transaction": "t", "x": "y" * frames.LINE_LIMIT})
    error = json.loads(answer)["error"]
    assert error["code"] == "protocol.answer"
    assert error["details"] == {"changed": True, "transaction": "t"}  # it was done; only the telling failed
