# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a rule holds for a node, as far as its attributes tell: true, false, or None when that is not known here. Pure.

Pacemaker Explained, "Rules". What depends on the time is not known here.
"""

from __future__ import annotations

from typing import Callable, Dict, Mapping, Optional
from xml.etree.ElementTree import Element

Attributes = Mapping[str, str]

_COMPARE: Dict[str, Callable[[float, float], bool]] = {
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
}


def attributes_of(root: Element) -> Dict[str, Dict[str, str]]:
    """Node → its attributes: the permanent ones, those of the status, and those that rules know by `#`."""
    found: Dict[str, Dict[str, str]] = {}
    names: Dict[Optional[str], str] = {}
    for node in root.iterfind("configuration/nodes/node"):
        name = names[node.get("id")] = node.get("uname", "")
        found[name] = _pairs(node)
    for state in root.iterfind("status/node_state"):
        name = state.get("uname") or names.get(state.get("id"), "")
        transient = state.find("transient_attributes")
        found.setdefault(name, {}).update({} if transient is None else _pairs(transient))
    for name, own in found.items():
        own["#uname"] = name
    return found


def _pairs(holder: Element) -> Dict[str, str]:
    pairs = holder.iterfind("instance_attributes/nvpair")
    return {pair.get("name", ""): pair.get("value", "") for pair in pairs}


def holds(rule: Element, node: Attributes) -> Optional[bool]:
    """Whether the rule's condition is met on a node with these attributes."""
    results = [_one(child, node) for child in rule if isinstance(child.tag, str)]
    if rule.get("boolean-op", "and").lower() == "or":
        return True if True in results else None if None in results else False
    return False if False in results else None if None in results else True


def needs(rule: Element) -> Optional[str]:
    """The node attribute that a resource or a person sets, on which the rule depends; None when there is no such."""
    names = (test.get("attribute", "") for test in rule.iter("expression"))
    return next((name for name in names if name and not name.startswith("#")), None)


def _one(test: Element, node: Attributes) -> Optional[bool]:
    if test.tag == "rule":
        return holds(test, node)
    if test.tag != "expression":
        return None
    name, operation = test.get("attribute", ""), test.get("operation", "")
    if (name.startswith("#") and name not in node) or test.get("value-source", "literal") != "literal":
        return None
    has = name in node
    if operation in ("defined", "not_defined"):
        return has == (operation == "defined")
    if not has:
        return operation == "ne"  # nothing equals an attribute that is not there
    return _compared(operation, node[name], test.get("value", ""), test.get("type", ""))


def _compared(operation: str, left: str, right: str, kind: str) -> Optional[bool]:
    if operation in ("eq", "ne") and kind in ("", "string"):
        return (left.lower() == right.lower()) == (operation == "eq")
    if kind in ("version", "string"):
        return None  # their orders are not worth knowing here
    try:
        return _COMPARE[operation](float(left), float(right))
    except (KeyError, ValueError):
        return None
