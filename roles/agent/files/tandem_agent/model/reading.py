# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the readers of several kinds of objects share."""

from __future__ import annotations

import re
from typing import Dict, Tuple

from .entries import read_sets
from .fields import Fields
from .grammar import sets_key
from .parts import Part
from .values import id_fault


def identifier(item: Fields, key: str, required: bool = True) -> str:
    text = item.text(key, required=required)
    wrong = id_fault(text) if text else None
    if wrong:
        item.doubt(key, wrong)
    return text


def node_name(item: Fields, key: str) -> str:
    """A node's name: a host name, which unlike an id may start with a digit."""
    text = item.text(key, required=True)
    if text and id_fault("n" + text):
        item.doubt(key, f"{text!r} is no node name: use letters, digits, _ . and -")
    elif text.startswith("-"):
        item.doubt(key, f"{text!r} is no node name: it must not start with -")
    return text


def is_absent(item: Fields) -> bool:
    return item.choice("state", ("present", "absent"), "present") == "absent"


def sets_beside(item: Fields, *keys: str) -> Dict[str, Tuple[Part, ...]]:
    """The sets of options beside the plain ones, of those kinds that are given."""
    return {
        _SET_TAGS[key]: tuple(read_sets(item, sets_key(key), _SET_TAGS[key]))
        for key in keys
        if item.raw(sets_key(key)) is not None
    }


_SET_TAGS = {
    "params": "instance_attributes",
    "attributes": "instance_attributes",
    "meta": "meta_attributes",
    "utilization": "utilization",
}


def fit(text: str) -> str:
    """An id made of other ids and names, within what an id may be."""
    return _NOT_IN_IDS.sub("_", text[:200])


_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_.-]")
