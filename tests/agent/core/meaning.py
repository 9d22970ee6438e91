# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CIB's <configuration> means, and where two of them differ. Knows nothing of the agent.

A configuration becomes a tree of facts in a canonical form: equal trees mean the same to Pacemaker, whatever their
order, ids and spellings. What Pacemaker is sensitive to is kept: the order of group members, of the sets of a
constraint, of mounts, of nvsets with equal scores (of which the last listed wins), and of resources (of equals, the
first listed is placed first).
"""

from __future__ import annotations

import copy
import re
from collections import Counter, defaultdict
from typing import AbstractSet, Callable, Dict, FrozenSet, Iterator, List, NamedTuple, Tuple
from xml.etree.ElementTree import Element

# What survives every edit, but is no part of the meaning that an export carries to an empty cluster.
#
# Written by the cluster itself and its tools; a rebuilt cluster writes its own.
CLUSTERS_OWN = {"dc-version", "cluster-infrastructure", "have-watchdog", "last-lrm-refresh", "cluster-name"}
# An operator's decisions of the moment (crm_resource --ban, --move), undone by --clear; and what a document created.
PASSING = {"rsc_location": ("cli-ban-", "cli-prefer-", "cli-standby-"), "tag": ("tandem.",)}

NVSETS = ("cluster_property_set", "instance_attributes", "meta_attributes", "utilization")
RESOURCES = ("primitive", "group", "clone", "bundle")
# Known by their id, to people and to Pacemaker. Other ids say nothing, unless something refers to them.
NAMED = frozenset((
    *RESOURCES, "template", "tag", "alert", "acl_role", "acl_target", "acl_group", "acl_user", "node", "obj_ref", "resource_ref",
    "role", "role_ref",
))  # fmt: skip
# The other attributes that tell an element from its siblings, for the words of a difference.
TELLING = {
    "nvpair": ("name", "id-ref"),
    "op": ("name", "interval", "role"),
    "rsc_location": ("rsc", "rsc-pattern", "node"),
    "rsc_colocation": ("rsc", "with-rsc"),
    "rsc_order": ("first", "then"),
    "rsc_ticket": ("ticket", "rsc"),
    "fencing-level": ("target", "target-pattern", "target-attribute", "target-value", "index"),
    "expression": ("attribute", "operation"),
    "attribute": ("name",),
    "recipient": ("value",),
}
# Parents and children whose order Pacemaker sees; that of nvsets and of resources is seen everywhere.
ORDERED = {
    ("resource_set", "resource_ref"), ("network", "port-mapping"), ("storage", "storage-mapping"),
    ("rsc_location", "resource_set"), ("rsc_colocation", "resource_set"), ("rsc_order", "resource_set"),
    ("rsc_ticket", "resource_set"),
}  # fmt: skip
# What says nothing when nothing is in it and nothing refers to it.
HOLLOW = frozenset((
    *NVSETS, "operations", "lifetime", "storage", "crm_config", "rsc_defaults", "op_defaults", "nodes", "resources",
    "constraints", "fencing-topology", "tags", "tag", "acls", "alerts",
))  # fmt: skip


class Fact(NamedTuple):
    """An element in canonical form."""

    what: str  # its tag, and what tells it from its siblings
    says: Tuple[Tuple[str, str], ...]
    holds: Tuple[Fact, ...]

    def text(self) -> str:
        said = "".join(f" {name}={value}" for name, value in self.says)
        return self.what + said + "".join(f" [{fact.text()}]" for fact in self.holds)


def meaning(root: Element, known: AbstractSet[str]) -> Fact:
    """What the <configuration> under `root` means. `known`: the schemas' words; all else is foreign, and left out."""
    configuration = copy.deepcopy(root.find("configuration"))
    assert configuration is not None
    _prune(configuration, known)
    for element in list(configuration.iter()):
        for tidy in _TIDY.get(element.tag, ()):
            tidy(element)
    return _fact(configuration, _referred(configuration))


def _prune(parent: Element, known: AbstractSet[str]) -> None:
    """Take out what is foreign, what only survives, and what Pacemaker does not look at."""
    for child in list(parent):
        passing = child.get("id", "").startswith(PASSING.get(child.tag, ("\n",)))
        if passing or f"{parent.tag}/{child.tag}" not in known:
            parent.remove(child)
            continue
        for name in [name for name in child.attrib if f"{child.tag}/@{name}" not in known]:
            del child.attrib[name]
        _prune(child, known)


def _referred(configuration: Element) -> FrozenSet[str]:
    """The ids that something refers to: those must stay what they are."""
    found = set()
    if len(configuration.findall("crm_config/cluster_property_set")) > 1:
        found.add("cib-bootstrap-options")  # goes before all other sets of properties, whatever their score
    for element in configuration.iter():
        found.update(element.get(name, "") for name in ("id-ref", "reference", "ref"))
        found.update(re.findall(r"""@id\s*=\s*['"]([^'"]+)""", element.get("xpath", "")))
        if element.tag == "obj_ref":
            found.add(element.get("id", ""))
    return frozenset(found)


# -- one form of many --------------------------------------------------------------------------------------------------


def _nvset(nvset: Element) -> None:
    """The first of a name counts; a pair without name or value does not."""
    seen = set()
    for pair in nvset.findall("nvpair"):
        name = pair.get("name", pair.get("id-ref", ""))
        counts = "id-ref" in pair.attrib or {"name", "value"} <= set(pair.attrib)
        own = nvset.tag == "cluster_property_set" and name in CLUSTERS_OWN
        if own or name in seen or not counts:
            nvset.remove(pair)
        else:
            seen.add(name)


def _by_precedence(parent: Element) -> None:
    """Sets by their score; Pacemaker takes those with a higher one first."""
    for child in parent:
        if child.get("id") == "cib-bootstrap-options":
            child.attrib.pop("score", None)  # it goes before all others of its kind, whatever its score
    parent[:] = sorted(parent, key=lambda child: -int(_score(child.get("score", "0"))) if child.tag in NVSETS else 0)


def _master(master: Element) -> None:
    """What a promotable clone was called until pacemaker-3.10."""
    master.tag = "clone"
    master.set("promotable", "true")


def _clone(clone: Element) -> None:
    """`promotable` as an attribute, wherever it is said without a condition; old names of its numbers."""
    old = {"master-max": "promoted-max", "master-node-max": "promoted-node-max"}
    for nvset in clone.findall("meta_attributes"):
        for pair in nvset.findall("nvpair"):
            name = pair.get("name", "")
            pair.attrib.update({"name": old[name]} if name in old else {})
            if name == "promotable" and nvset.find("rule") is None:
                clone.attrib.setdefault("promotable", _boolean(pair.get("value", "")))
                nvset.remove(pair)


def _container(container: Element) -> None:
    if "masters" in container.attrib:
        container.attrib.setdefault("promoted-max", container.attrib.pop("masters"))


def _order(order: Element) -> None:
    """`score` is what `kind` was called before Pacemaker 1.0.7: zero was Optional."""
    old = order.attrib.pop("score", None)
    if old is not None:
        order.attrib.setdefault("kind", "Optional" if _score(old) == "0" else "Mandatory")
    if "then" in order.attrib:
        order.attrib.setdefault("then-action", order.get("first-action", "start"))
        order.attrib.setdefault("first-action", "start")


def _switches(node: Element) -> None:
    """Booleans among a node's attributes."""
    for pair in node.iterfind("instance_attributes/nvpair"):
        if pair.get("name") in ("standby", "maintenance"):
            pair.set("value", _boolean(pair.get("value", "")))


def _role_pairs(nvset: Element) -> None:
    for pair in nvset.findall("nvpair"):
        if pair.get("name") == "target-role":
            pair.set("value", _role(pair.get("value", "")))


_TIDY: Dict[str, Tuple[Callable[[Element], None], ...]] = {
    **dict.fromkeys(NVSETS, (_nvset,)),
    "meta_attributes": (_nvset, _role_pairs),
    **dict.fromkeys(("primitive", "template", "group", "bundle", "op", "alert", "recipient"), (_by_precedence,)),
    **dict.fromkeys(("crm_config", "rsc_defaults", "op_defaults"), (_by_precedence,)),
    "node": (_by_precedence, _switches),
    "clone": (_by_precedence, _clone),
    "master": (_by_precedence, _master, _clone),
    **dict.fromkeys(("docker", "podman", "rkt"), (_container,)),
    "rsc_order": (_order,),
}

# Attributes that say what is so anyway.
_USUAL = {
    "op": {"interval": "0"},
    "rule": {"boolean-op": "and"},
    "rsc_order": {"kind": "Mandatory", "first-action": "start", "then-action": "start"},
    "rsc_colocation": {"rsc-role": "Started", "with-rsc-role": "Started"},
    **{tag: {"score": "0"} for tag in NVSETS},
}


# -- spellings ---------------------------------------------------------------------------------------------------------


def _boolean(text: str) -> str:
    word = text.lower()
    return (
        "true"
        if word in ("true", "yes", "on", "y", "1")
        else "false"
        if word in ("false", "no", "off", "n", "0")
        else text
    )


def _score(text: str) -> str:
    words = {"infinity": "1000000", "+infinity": "1000000", "-infinity": "-1000000"}
    number = words.get(text.lower(), text)
    return str(max(-1000000, min(1000000, int(number)))) if re.match(r"[+-]?\d+\Z", number) else number


def _role(text: str) -> str:
    return {"master": "Promoted", "slave": "Unpromoted"}.get(text.lower(), text.capitalize())


_UNITS = {
    **dict.fromkeys(("ms", "msec"), 1), **dict.fromkeys(("", "s", "sec"), 1000), **dict.fromkeys(("m", "min"), 60000),
    **dict.fromkeys(("h", "hr"), 3600000),
}  # fmt: skip


def _interval(text: str) -> str:
    """In milliseconds."""
    plain = re.match(r"\s*(\d+)\s*([a-z]*)\s*\Z", text.lower())
    if plain and plain.group(2) in _UNITS:
        return str(int(plain.group(1)) * _UNITS[plain.group(2)])
    iso = re.match(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?\Z", text)
    if iso and any(iso.groups()):
        return str(sum(int(part or 0) * unit for part, unit in zip(iso.groups(), (86400000, 3600000, 60000, 1000))))
    return text


def _devices(text: str) -> str:
    return ",".join(name.strip() for name in text.split(",") if name.strip())


_SPELLINGS: Dict[str, Callable[[str], str]] = {
    **dict.fromkeys(("symmetrical", "require-all", "sequential", "enabled", "record-pending", "add-host", "influence"), _boolean),
    **dict.fromkeys(("role", "rsc-role", "with-rsc-role"), _role),
    **dict.fromkeys(("interval", "timeout", "start-delay"), _interval),
    "score": _score,
    "devices": _devices,
}  # fmt: skip


# -- facts -------------------------------------------------------------------------------------------------------------


def _fact(element: Element, referred: FrozenSet[str]) -> Fact:
    tag = str(element.tag)
    said = {name: _SPELLINGS.get(name, str)(value) for name, value in element.attrib.items()}
    if tag not in NAMED and said.get("id") not in referred:
        said.pop("id", None)
    for name, value in {"description": "", **_USUAL.get(tag, {})}.items():
        if said.get(name) == value:
            del said[name]
    telling = ("id",) if tag in NAMED else TELLING.get(tag, ())
    what = " ".join([tag] + [said[name] for name in telling if name in said])
    return Fact(what, tuple(sorted(said.items())), tuple(_held(element, referred)))


def _held(element: Element, referred: FrozenSet[str]) -> Iterator[Fact]:
    """The children that say something: lane by lane, sorted in those whose order says nothing."""
    lanes: Dict[str, List[Fact]] = defaultdict(list)
    unordered = set()
    for child in element:
        fact = _fact(child, referred)
        if _hollow(child, fact, referred):
            continue
        lane = "resource" if child.tag in RESOURCES else str(child.tag)
        if lane != "resource" and lane not in NVSETS and (element.tag, lane) not in ORDERED:
            unordered.add(lane)
        lanes[lane].append(fact)
    for lane in sorted(lanes):
        yield from sorted(lanes[lane]) if lane in unordered else lanes[lane]


def _hollow(element: Element, fact: Fact, referred: FrozenSet[str]) -> bool:
    """Whether it is there for nothing: empty, and nobody's reference. A set's rule alone sets nothing."""
    if element.tag not in HOLLOW or "id-ref" in element.attrib or element.get("id") in referred:
        return False
    return all(element.tag in NVSETS and inner.what.startswith("rule") for inner in fact.holds)


# -- differences -------------------------------------------------------------------------------------------------------


def differences(before: Fact, after: Fact, path: str = "") -> List[str]:
    """What `after` lost and gained, each with the way to it."""
    here = f"{path}/{after.what}" if path else "configuration"
    old, new = dict(before.says), dict(after.says)
    found = [
        f"{here}: {name} was {old.get(name, '(not set)')}, is {new.get(name, '(not set)')}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
    left, right = _without(before.holds, after.holds), _without(after.holds, before.holds)
    if not left and not right and before.holds != after.holds:
        found.append(f"{here}: the order was {_names(before)}, is {_names(after)}")
    for fact in list(left):
        twin = next((other for other in right if other.what == fact.what), None)
        if twin is not None:
            left.remove(fact)
            right.remove(twin)
            found += differences(fact, twin, here)
    found += [f"{here}: lost {fact.text()}" for fact in left]
    return found + [f"{here}: gained {fact.text()}" for fact in right]


def _without(facts: Tuple[Fact, ...], others: Tuple[Fact, ...]) -> List[Fact]:
    return list((Counter(facts) - Counter(others)).elements())


def _names(fact: Fact) -> str:
    return ", ".join(inner.what for inner in fact.holds)
