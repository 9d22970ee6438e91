# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line, one JSON object: strict on the way in, plain ASCII on the way out. Pure."""

from __future__ import annotations

import json
import math
import re
from array import array
from itertools import accumulate
from typing import Any, Dict, List, Mapping, NamedTuple, Set, Tuple

from ..errors import AgentError

VERSIONS = (1,)
LINE_LIMIT = 16 * 1024 * 1024  # bytes, the newline included
DEPTH_LIMIT = 64  # nested objects and lists
ID_LIMIT = 128  # characters
DEADLINE = 120.0  # seconds, when a request names none
LONGEST_DEADLINE = 3600.0
_LONGEST_NUMBER = 64  # characters; Python's own conversion of long digit strings is quadratic

_STRING = re.compile(rb'"[^"]*"')
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # as signed bytes: one deeper, one less deep
_OTHERS = bytes(byte for byte in range(256) if byte not in b"[]{}")


class Request(NamedTuple):
    """A request whose frame is in order; `params` are still to be read."""

    id: str
    op: str
    params: Dict[str, Any]
    deadline: float


class BadRequest(AgentError):
    """A refused frame, with the id to answer to ("" when it could not be read)."""

    def __init__(self, id: str, error: AgentError) -> None:
        super().__init__(error.code, error.message, error.details, error.retryable)
        self.id = id


def decode(line: bytes) -> Request:
    """Read one request. Raises BadRequest; never anything else, whatever the bytes."""
    try:
        frame = read_object(line)
    except AgentError as error:
        raise BadRequest("", error) from error
    name = frame.get("id")
    id = name if isinstance(name, str) and len(name) <= ID_LIMIT else ""
    try:
        return _request(frame)
    except AgentError as error:
        raise BadRequest(id, error) from error


def _request(frame: Mapping[str, Any]) -> Request:
    _check_version(frame.get("v"))
    id, op, params, deadline = frame.get("id"), frame.get("op"), frame.get("params"), frame.get("deadline")
    if not isinstance(id, str) or len(id) > ID_LIMIT:
        raise _bad(f"id must be a text of at most {ID_LIMIT} characters")
    if not isinstance(op, str):
        raise _bad("op must be a text that names the operation")
    if params is None:
        params = {}
    if not isinstance(params, dict):
        raise AgentError("params.invalid", "params must be an object")
    if deadline is None:
        deadline = DEADLINE
    if isinstance(deadline, bool) or not isinstance(deadline, (int, float)) or not 1 <= deadline <= LONGEST_DEADLINE:
        raise AgentError("params.invalid", f"deadline must be a number of seconds, 1 to {LONGEST_DEADLINE:g}")
    return Request(id, op, params, float(deadline))


def _check_version(version: Any) -> None:
    if isinstance(version, bool) or not isinstance(version, int):
        raise _bad("v must be a whole number, the version of the protocol")
    if version not in VERSIONS:
        spoken = ", ".join(map(str, VERSIONS))
        raise AgentError(
            "protocol.version",
            f"this agent does not speak version {version} of the protocol, only {spoken}; use the agent and the collection"
            " of one release (the role `agent` installs it)",
            {"protocol": list(VERSIONS)},
        )


def read_object(line: bytes) -> Dict[str, Any]:
    """One JSON object, strictly: UTF-8, no name twice, no NaN, no endless numbers, not too deep. `protocol.frame` if not."""
    if len(line) > LINE_LIMIT:
        raise _bad(f"a line has at most {LINE_LIMIT} bytes")
    if _depth_exceeded(line):
        raise _bad(f"objects and lists may be nested {DEPTH_LIMIT} deep at most")
    try:
        value = json.loads(
            line.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_float=_float,
            parse_int=_int,
        )
    except AgentError:
        raise
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise _bad(f"the line is no JSON in UTF-8: {error}") from error
    if not isinstance(value, dict):
        raise _bad("an object is expected, in braces")
    return value


def _depth_exceeded(line: bytes) -> bool:
    """Whether brackets nest deeper than allowed, in one pass and without recursion: the parser must not see such a line.

    What is counted need only be right up to the first fault; the parser stops there.
    """
    if line.count(b"[") + line.count(b"{") <= DEPTH_LIMIT:
        return False
    unescaped = line.replace(b"\\\\", b"").replace(b'\\"', b"")  # each quote that is left begins or ends a string
    steps = array("b", _STRING.sub(b"", unescaped).translate(_STEPS, _OTHERS))
    return max(accumulate(steps), default=0) > DEPTH_LIMIT


def _object(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: Set[str] = set()
        twice = next(name for name, _value in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise _bad(f"the name {twice[:80]!r} stands twice in one object")
    return found


def _no_constant(word: str) -> Any:
    raise _bad(f"{word} is no JSON")


def _float(text: str) -> float:
    value = float(text) if len(text) <= _LONGEST_NUMBER else math.inf
    if not math.isfinite(value):
        raise _bad(f"the number {text[:20]} is out of range")
    return value


def _int(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise _bad(f"the number {text[:20]}... is out of range")
    return int(text)


def _bad(message: str) -> AgentError:
    return AgentError("protocol.frame", message)


# -- answers


def event(id: str, name: str, data: Mapping[str, Any]) -> bytes:
    """A line that tells progress."""
    return _line({"v": 1, "id": id, "event": name, "data": dict(data)})


def result(id: str, value: Mapping[str, Any]) -> bytes:
    """The line that ends a request well. One that is too long becomes an error which says what was done all the same."""
    line = _line({"v": 1, "id": id, "result": dict(value)})
    if len(line) <= LINE_LIMIT:
        return line
    said = (
        f"what was asked is done, but the answer has {len(line)} bytes, more than a line may have; ask for less at once"
    )
    done = {name: value[name] for name in ("changed", "transaction") if name in value}
    return error(id, AgentError("protocol.answer", said, done))


def error(id: str, problem: AgentError) -> bytes:
    """The line that ends a request badly."""
    body = {
        "code": problem.code,
        "message": problem.message,
        "details": problem.details,
        "retryable": problem.retryable,
    }
    return _line({"v": 1, "id": id, "error": body})


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"
