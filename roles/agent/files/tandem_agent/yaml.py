# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON values as YAML that people like to read. Writes only; whatever another reader might take for something else than
a text (numbers, dates, `yes`, `null`, `~`, anything with punctuation) is quoted as JSON, which YAML 1.2 contains.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterator, List

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_/. :@+-]*\Z|\d+(ms|s|min|m|h)\Z")
_WORDS = frozenset("true false yes no on off y n null none nan inf".split())


def dump(value: Any) -> str:
    """The whole value as YAML text that ends with a newline."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _entry(f"{_scalar(name)}:", item)
    elif isinstance(value, list) and value:
        for item in value:
            yield from _item(item)
    else:
        yield _scalar(value)


def _entry(start: str, value: Any) -> Iterator[str]:
    if isinstance(value, (dict, list)) and value:
        yield start
        yield from (f"  {line}" for line in _lines(value))
    else:
        yield f"{start} {_scalar(value)}"


def _item(value: Any) -> Iterator[str]:
    lines: List[str] = list(_lines(value))
    yield f"- {lines[0]}"
    yield from (f"  {line}" for line in lines[1:])


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _is_plain(value):
        return value
    return json.dumps(value)


def _is_plain(text: str) -> bool:
    """Whether every YAML reader takes the bare word for a text. A colon may only stand inside a word."""
    if not _PLAIN.match(text) or text.lower() in _WORDS or text != text.strip():
        return False
    return ": " not in text and " :" not in text and not text.endswith(":") and " #" not in text
