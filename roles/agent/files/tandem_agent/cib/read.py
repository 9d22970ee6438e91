# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a CIB's tree to the model. What a reader here does not know is not read, and so never touched.

Objects with a behaviour of their own have a reader each; all others are read as the parts they are.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Dict, FrozenSet, Iterator, Optional, Tuple
from xml.etree.ElementTree import Element

from ..model.grammar import CONTAINERS
from ..model.objects import (
    ACLS,
    CONSTRAINTS,
    Bundle,
    Clone,
    Group,
    Key,
    Level,
    Map,
    Node,
    Object,
    Operation,
    Primitive,
    Record,
    Setting,
    State,
    Tag,
)  # fmt: skip
from ..model.parts import REFERRING, Part
from ..model.values import role, setting_name, whole
from .ids import Ids
from .parts import first_set, ids_of, is_hollow, pairs, read_part, read_sets, set_element
from .tree import elements, section

SETTING_SECTIONS = {
    "property": ("crm_config", "cluster_property_set"),
    "resource_default": ("rsc_defaults", "meta_attributes"),
    "operation_default": ("op_defaults", "meta_attributes"),
}
FIRST_SET = "cib-bootstrap-options"  # Pacemaker gives this set precedence over all others, whatever their scores
_CONSTRAINT_KINDS = {tag: kind for kind, tag in CONSTRAINTS.items()}
_ACL_KINDS = {tag: kind for kind, tag in ACLS.items()}
NVSETS = ("instance_attributes", "meta_attributes", "utilization")


def read(root: Element) -> State:
    """Everything in the configuration that this version knows."""
    referred = _referred(root.find("configuration"))
    objects: Dict[Key, Object] = {}
    for found in _all(root, referred):
        objects.setdefault(found.key, found)
    return State(objects, Ids.taken(root), referred, modern_roles(root), modern_names(root))


_ID_IN_PATH = re.compile(r"@id\s*=\s*['\"]([^'\"]+)")  # what a permission's XPath asks for


def _referred(configuration: Optional[Element]) -> FrozenSet[str]:
    """The ids that something refers to which may be those of sets, options, rules and operations."""
    found = set()
    for element in () if configuration is None else configuration.iter():
        if "id-ref" in element.attrib:
            found.add(element.attrib["id-ref"])
        for name in ("reference", "ref"):
            if name in element.attrib:
                found.add(element.attrib[name])
        if "xpath" in element.attrib:
            found.update(_ID_IN_PATH.findall(element.attrib["xpath"]))
        if element.tag in REFERRING and "id" in element.attrib:
            found.add(element.attrib["id"])
    return frozenset(found)


def modern_roles(root: Element) -> bool:
    """Whether the schema knows Promoted and Unpromoted: pacemaker-3.7 (Pacemaker 2.1.0) and later."""
    return schema_at_least(root, (3, 7))


def schema_at_least(root: Element, wanted: Tuple[int, int]) -> bool:
    """Whether the CIB's schema is this version of Pacemaker's or a later one."""
    major, _dot, minor = root.get("validate-with", "").replace("pacemaker-", "").partition(".")
    return (whole(major) or 0, whole(minor) or 0) >= wanted


def modern_names(root: Element) -> bool:
    """Whether the cluster knows fencing-enabled and its kin: feature set 3.20.5 (Pacemaker 3.0.2) and later."""
    return [whole(number) or 0 for number in root.get("crm_feature_set", "").split(".")] >= [3, 20, 5]


def settings_set(root: Element, kind: str) -> Optional[Element]:
    """The set that a section's plain settings live in."""
    where, tag = SETTING_SECTIONS[kind]
    found = section(root, where)
    if kind == "property":
        for child in elements(found):
            if child.tag == tag and child.get("id") == FIRST_SET and child.find("rule") is None:
                return child
    return set_element(found, tag)


def _all(root: Element, referred: FrozenSet[str]) -> Iterator[Object]:
    for kind in SETTING_SECTIONS:
        yield from _settings(root, kind, referred)
    for node in elements(section(root, "nodes")):
        if node.tag == "node" and node.get("uname"):
            yield _node(node, referred)
    for element in elements(section(root, "resources")):
        yield from _resource(element, referred)
    for element in elements(section(root, "fencing-topology")):
        level = _level(element)
        if level is not None:
            yield level
    for where, kinds in (("constraints", _CONSTRAINT_KINDS), ("alerts", {"alert": "alert"}), ("acls", _ACL_KINDS)):
        for element in elements(section(root, where)):
            if element.tag in kinds and element.get("id"):
                yield Record(kinds[element.tag], read_part(element))
    for element in elements(section(root, "tags")):
        if element.tag == "tag" and element.get("id"):
            yield Tag(element.attrib["id"], tuple(child.get("id", "") for child in elements(element)))


def _settings(root: Element, kind: str, referred: FrozenSet[str]) -> Iterator[Object]:
    where, tag = SETTING_SECTIONS[kind]
    plain = settings_set(root, kind)
    # Properties anywhere else than in the set of that id do not take precedence: then its id is part of what is said.
    own = () if plain is None or kind != "property" or plain.get("id") == FIRST_SET else (plain.get("id"),)
    made = []
    for pair in pairs(plain):
        ids = {"option": pair.get("id"), "set": None if plain is None else plain.get("id")}
        ids = {place: name for place, name in ids.items() if name in referred or name in own}
        made.append(Setting(kind, pair.attrib["name"], pair.get("value", ""), ids))
    # Where a property stands under its old and its new name, the one counts that this Pacemaker calls it.
    modern = modern_names(root)
    yield from sorted(made, key=lambda setting: setting.name != setting_name(setting.name, modern))
    ahead = bool(made)
    for child in elements(section(root, where)):
        if child is plain:
            ahead = False
        elif child.tag == tag and ("id" in child.attrib or "id-ref" in child.attrib) and not is_hollow(child):
            part = read_part(child)
            # A set that is another's has no id of its own: it is known by what it refers to.
            yield Record(f"{kind}_set", part if part.id else _named(part), ahead)


def _named(part: Part) -> Part:
    return replace(part, id=f"same_as:{part.get('id-ref')}")


def _node(element: Element, referred: FrozenSet[str]) -> Node:
    known = ("member", "normal")
    kind = element.get("type")
    return Node(
        element.attrib["uname"],
        first_set(element, "instance_attributes"),
        first_set(element, "utilization"),
        read_sets(element, "instance_attributes", "utilization"),
        element.get("description"),
        None if kind in known else kind,
        element.get("score"),
        element.get("id"),
        ids_of(element, referred, attributes="instance_attributes", utilization="utilization"),
    )


def _resource(element: Element, referred: FrozenSet[str]) -> Iterator[Object]:
    """A resource and what is inside it."""
    if not element.get("id") or element.tag not in _RESOURCES:
        return
    name, about = element.attrib["id"], element.get("description")
    params, meta = first_set(element, "instance_attributes"), first_set(element, "meta_attributes")
    sets = read_sets(element, *NVSETS)
    places = {"params": "instance_attributes", "meta": "meta_attributes", "utilization": "utilization"}
    ids = ids_of(element, referred, **places)
    if element.tag in ("primitive", "template"):
        operations = element.find("operations")
        if operations is not None and operations.get("id") in referred:
            ids["operations"] = operations.get("id")
        yield Primitive(
            name, agent_of(element), params, meta, _operations(element, referred), element.get("template"), about,
            first_set(element, "utilization"), sets, None if operations is None else operations.get("id-ref"),
            element.tag == "template", ids=ids,
        )  # fmt: skip
        return
    inner = [child for child in elements(element) if child.tag in ("primitive", "group") and child.get("id")]
    first = inner[0].attrib["id"] if inner else None
    if element.tag == "group":
        yield Group(name, tuple(child.attrib["id"] for child in inner), meta, about, params, sets, ids=ids)
    elif element.tag == "bundle":
        parts = {child.tag: read_part(child) for child in reversed(elements(element)) if child.tag in _BUNDLE_PARTS}
        container = next((part for tag, part in parts.items() if tag in CONTAINERS), None)
        storage, network = parts.get("storage"), parts.get("network")
        yield Bundle(
            name, container, network if network and (network.attributes or network.parts) else None,
            storage.all("storage-mapping") if storage else (), first, meta, about, params, sets, ids=ids,
        )  # fmt: skip
    else:
        if element.tag == "master":  # what a promotable clone was called before Pacemaker 2.0
            meta = dict({"promotable": "true"}, **meta)
        yield Clone(name, first, meta, about, params, sets, ids=ids)
    for child in inner:
        yield from _resource(child, referred)


_RESOURCES = frozenset(("primitive", "template", "group", "clone", "master", "bundle"))
_BUNDLE_PARTS = (*CONTAINERS, "network", "storage")


def agent_of(element: Element) -> str:
    """`class:provider:type` of a primitive; empty when its template says it."""
    parts = [element.get(part) for part in ("class", "provider", "type")]
    return ":".join(part for part in parts if part)


def _operations(primitive: Element, referred: FrozenSet[str]) -> Tuple[Operation, ...]:
    found = []
    for element in elements(primitive.find("operations")):
        if element.tag == "op" and "id" in element.attrib:
            found.append(operation_of(element, referred))
    return tuple(found)


_OPERATION = ("id", "name", "interval", "role")


def operation_of(element: Element, referred: FrozenSet[str] = frozenset()) -> Operation:
    """An `op` element with its own options."""
    options: Map = {name: value for name, value in element.attrib.items() if name not in _OPERATION}
    wanted = element.get("role", "")
    name, interval, spelt = element.get("name", ""), element.get("interval", "0s"), role(wanted) if wanted else ""
    if not len(element):  # nearly always
        return Operation(name, interval, spelt, options, id=element.get("id"))
    return Operation(
        name,
        interval,
        spelt,
        options,
        first_set(element, "instance_attributes"),
        first_set(element, "meta_attributes"),
        read_sets(element, "instance_attributes", "meta_attributes"),
        element.get("id"),
        ids_of(element, referred, params="instance_attributes", meta="meta_attributes"),
    )


def _level(element: Element) -> Optional[Level]:
    if element.tag != "fencing-level" or not element.get("id"):
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
