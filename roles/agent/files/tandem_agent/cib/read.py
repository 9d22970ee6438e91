# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a CIB's tree to the model. What a reader here does not know is not read, and so never touched.

One reader per element; a reader answers None for a form it does not understand in full (a rule with dates, a resource
set): editing such an object would lose meaning.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterator, List, Optional, Tuple
from xml.etree.ElementTree import Element

from ..model.objects import (
    Clone,
    Colocation,
    Expression,
    Group,
    Key,
    Level,
    Location,
    Map,
    Node,
    Object,
    Operation,
    Order,
    Primitive,
    Rule,
    Setting,
    State,
    Tag,
)  # fmt: skip
from ..model.values import boolean, role, score, score_text
from .tree import elements, section

SETTING_SECTIONS = {
    "property": ("crm_config", "cluster_property_set"),
    "resource_default": ("rsc_defaults", "meta_attributes"),
    "operation_default": ("op_defaults", "meta_attributes"),
}


def read(root: Element) -> State:
    """Everything in the configuration that this version knows."""
    objects: Dict[Key, Object] = {}
    for found in _all(root):
        objects.setdefault(found.key, found)
    taken = frozenset(element.attrib["id"] for element in root.iter() if "id" in element.attrib)
    return State(objects, taken, modern_roles(root))


def modern_roles(root: Element) -> bool:
    """Whether the schema knows Promoted and Unpromoted: pacemaker-3.7 (Pacemaker 2.1.0) and later."""
    name = root.get("validate-with", "")
    major, _dot, minor = name.replace("pacemaker-", "").partition(".")
    return major.isdigit() and minor.isdigit() and (int(major), int(minor)) >= (3, 7)


def _all(root: Element) -> Iterator[Object]:
    for kind, (where, tag) in SETTING_SECTIONS.items():
        yield from (Setting(kind, name, value or "") for name, value in first_set(section(root, where), tag).items())
    for node in elements(section(root, "nodes")):
        if node.tag == "node" and node.get("uname"):
            yield Node(node.attrib["uname"], first_set(node, "instance_attributes"))
    for element in elements(section(root, "resources")):
        yield from _resource(element)
    for element in elements(section(root, "fencing-topology")):
        level = _level(element)
        if level is not None:
            yield level
    for element in elements(section(root, "constraints")):
        reader = _CONSTRAINTS.get(element.tag)
        constraint = reader(element) if reader and "id" in element.attrib else None
        if constraint is not None:
            yield constraint
    for element in elements(section(root, "tags")):
        if element.tag == "tag" and "id" in element.attrib:
            yield Tag(element.attrib["id"], tuple(child.get("id", "") for child in elements(element)))


def set_element(parent: Optional[Element], tag: str) -> Optional[Element]:
    """The nvset that plain options live in: the first without a rule of its own. References are another's."""
    for child in elements(parent):
        if child.tag == tag and "id" in child.attrib and child.find("rule") is None:
            return child
    return None


def first_set(parent: Optional[Element], tag: str) -> Map:
    """The options of that nvset. A pair that only refers to another (`id-ref`) is not ours to show."""
    found = set_element(parent, tag)
    return {pair.attrib["name"]: pair.get("value", "") for pair in pairs(found)}


def pairs(nvset: Optional[Element]) -> List[Element]:
    """The name-value pairs of a set; where a name stands twice Pacemaker takes the first."""
    found: Dict[str, Element] = {}
    for child in elements(nvset):
        if child.tag == "nvpair" and "name" in child.attrib and "id" in child.attrib:
            found.setdefault(child.attrib["name"], child)
    return list(found.values())


def _resource(element: Element) -> Iterator[Object]:
    """A resource and what is inside it."""
    if "id" not in element.attrib:
        return
    name = element.attrib["id"]
    meta, about = first_set(element, "meta_attributes"), element.get("description")
    if element.tag == "primitive":
        yield Primitive(
            name, agent_of(element), first_set(element, "instance_attributes"), meta, _operations(element),
            element.get("template"), about,
        )  # fmt: skip
    elif element.tag == "group":
        members = [child for child in elements(element) if child.tag == "primitive" and "id" in child.attrib]
        yield Group(name, tuple(child.attrib["id"] for child in members), meta, about)
        for child in members:
            yield from _resource(child)
    elif element.tag in ("clone", "master"):
        if element.tag == "master":  # what a promotable clone was called before Pacemaker 2.0
            meta = dict({"promotable": "true"}, **meta)
        inner = [child for child in elements(element) if child.tag in ("primitive", "group") and "id" in child.attrib]
        yield Clone(name, inner[0].attrib["id"] if inner else None, meta, about)
        for child in inner:
            yield from _resource(child)


def agent_of(element: Element) -> str:
    """`class:provider:type` of a primitive; empty when its template says it."""
    parts = [element.get(part) for part in ("class", "provider", "type")]
    return ":".join(part for part in parts if part)


def _operations(primitive: Element) -> Tuple[Operation, ...]:
    found = []
    for element in elements(primitive.find("operations")):
        if element.tag == "op" and "id" in element.attrib:
            found.append(operation_of(element))
    return tuple(found)


def operation_of(element: Element) -> Operation:
    """An `op` element; its own nvsets stay with the element."""
    known = ("id", "name", "interval", "role")
    options: Map = {name: value for name, value in element.attrib.items() if name not in known}
    wanted = element.get("role", "")
    return Operation(element.get("name", ""), element.get("interval", "0s"), role(wanted) if wanted else "", options)


def _level(element: Element) -> Optional[Level]:
    if element.tag != "fencing-level" or "id" not in element.attrib:
        return None
    by, target, value = "node", element.get("target"), ""
    if target is None and "target-pattern" in element.attrib:
        by, target = "pattern", element.get("target-pattern")
    elif target is None and "target-attribute" in element.attrib:
        by, target, value = "attribute", element.get("target-attribute"), element.get("target-value", "")
    if target is None:
        return None
    devices = tuple(name for name in element.get("devices", "").split(",") if name)
    return Level(element.attrib["id"], by, target, value, element.get("index", ""), devices)


def _location(element: Element) -> Optional[Location]:
    resource, inner = element.get("rsc"), elements(element)
    if resource is None:
        return None
    name, place = element.attrib["id"], _role(element, "role")
    if not inner and "node" in element.attrib:
        return Location(name, resource, element.attrib["node"], _score(element), place)
    if len(inner) == 1 and inner[0].tag == "rule" and "node" not in element.attrib:
        rule = _rule(inner[0])
        return None if rule is None else Location(name, resource, None, None, place, rule)
    return None


def _rule(element: Element) -> Optional[Rule]:
    tests = []
    for child in elements(element):
        if child.tag != "expression" or "value-source" in child.attrib or "id" not in child.attrib:
            return None
        tests.append(
            Expression(child.get("attribute", ""), child.get("operation", ""), child.get("value"), child.get("type"))
        )
    if "id" not in element.attrib or not tests:
        return None
    return Rule(
        element.get("boolean-op", "and").lower(),
        tuple(tests),
        _score(element),
        element.get("score-attribute"),
        _role(element, "role"),
    )


def _colocation(element: Element) -> Optional[Colocation]:
    resource, other = element.get("rsc"), element.get("with-rsc")
    if resource is None or other is None or elements(element):
        return None
    return Colocation(
        element.attrib["id"],
        resource,
        other,
        _role(element, "rsc-role"),
        _role(element, "with-rsc-role"),
        _score(element),
    )


def _order(element: Element) -> Optional[Order]:
    first, then = element.get("first"), element.get("then")
    if first is None or then is None or elements(element):
        return None
    before = element.get("first-action", "start")
    both = boolean(element.get("symmetrical", ""))
    return Order(
        element.attrib["id"], first, then, before, element.get("then-action", before), _mode(element),
        None if both is None else ("true" if both else "false"),
    )  # fmt: skip


def _mode(element: Element) -> Optional[str]:
    """`kind`, or what the old `score` meant: 0 was Optional, anything else Mandatory (Pacemaker 1.0)."""
    kind = element.get("kind")
    if kind is not None:
        return kind.capitalize()
    old = score(element.get("score", ""))
    return None if old is None else ("Mandatory" if old > 0 else "Optional")


def _role(element: Element, name: str) -> str:
    text = element.get(name, "")
    return role(text) if text else ""


def _score(element: Element) -> Optional[str]:
    text = element.get("score")
    return None if text is None else score_text(text)


_CONSTRAINTS: Dict[str, Callable[[Element], Optional[Object]]] = {
    "rsc_location": _location,
    "rsc_colocation": _colocation,
    "rsc_order": _order,
}
