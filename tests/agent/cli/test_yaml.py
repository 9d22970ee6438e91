# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the emitter writes is what a YAML reader gets, whichever text it is."""

from __future__ import annotations

from typing import Any

import pytest
import yaml as reader  # PyYAML, of the tests only
from hypothesis import given, settings, strategies as st

from tandem_agent import yaml as emitter

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def same(left: Any, right: Any) -> bool:
    """Equal, and of one type: `1` is not `True` and not "1"."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_any_value_comes_back(value: Any) -> None:
    assert same(reader.safe_load(emitter.dump(value)), value)


WORDS = (
    "yes no on off true null ~ 10 1.5 0x1f 1e3 1_000 12:30:45 2026-11-21 .inf = << - ? : a: a:b 10s 5min 0o7 +1 # a#b"
)
TEXTS = [
    "",
    " a",
    "a ",
    "a: b",
    "a #b",
    "- a",
    "a\nb",
    "é",
    "\u2028",
    "@x",
    "`x",
    "%x",
    "&a",
    "*a",
    "!t",
    "|",
    ">",
    "{a",
    "[a",
]


@pytest.mark.parametrize("text", [*WORDS.split(), *TEXTS, "'", '"', "a b", "\\", "\U0001f600"])
def test_texts_stay_texts(text: str) -> None:
    assert reader.safe_load(emitter.dump({"x": text})) == {"x": text}
    assert reader.safe_load(emitter.dump({text: 1})) == {text: 1}
    assert reader.safe_load(emitter.dump([text])) == [text]


def test_it_reads_well() -> None:
    value = {"name": "web", "resources": [{"id": "vip", "params": {"ip": "10.0.0.1", "nic": "eth0"}, "ops": []}]}
    assert emitter.dump(value) == (
        'name: web\nresources:\n  - id: vip\n    params:\n      ip: "10.0.0.1"\n      nic: eth0\n    ops: []\n'
    )
