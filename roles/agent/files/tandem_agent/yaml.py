# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON values as YAML that people like to read. Writes only; whatever another reader might take for something else than
a text (numbers, dates, `yes`, `null`, `~`, anything with punctuation) is quoted.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterator, List

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_/. :@+-]*\Z|[0-9]+(ms|s|min|m|h)\Z")
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
    if isinstance(value, str):
        return value if _is_plain(value) else f'"{"".join(map(_character, value))}"'
    text = json.dumps(value)
    # Readers of YAML 1.1 take 1e-07 for a text, 1.0e-07 for a number.
    return text.replace("e", ".0e", 1) if isinstance(value, float) and "." not in text else text


def _character(character: str) -> str:
    """One character inside double quotes. Beyond ASCII everything is escaped: no reader can stumble over it."""
    if character in '"\\':
        return "\\" + character
    if " " <= character <= "~":
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _is_plain(text: str) -> bool:
    """Whether every YAML reader takes the bare word for a text. A colon may only stand inside a word."""
    if not _PLAIN.match(text) or text.lower() in _WORDS or text != text.strip():
        return False
    return ": " not in text and " :" not in text and not text.endswith(":") and " #" not in text
