# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements that are values: rules, resource sets, sets of options with a rule, a bundle's network.

A part holds every attribute and element it was read with, known or not, so that what is copied loses nothing. Its id
is a handle and no meaning: two parts that differ in nothing else are equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Dict, FrozenSet, Iterable, Iterator, Mapping, Optional, Tuple

from .grammar import SHAPES
from .values import canonical

# Sets of options, by their elements.
NVSETS = ("instance_attributes", "meta_attributes", "utilization", "cluster_property_set")

# Elements whose `id` is not their own but names another.
REFERRING = frozenset(("resource_ref", "obj_ref", "role", "role_ref"))


@dataclass(frozen=True)
class Part:
    """One element below an object; attributes are in the order of their names."""

    tag: str
    attributes: Tuple[Tuple[str, str], ...] = ()
    parts: Tuple[Part, ...] = ()
    id: Optional[str] = field(default=None, compare=False)

    def get(self, name: str) -> Optional[str]:
        """One attribute; None when it is not there."""
        for known, value in self.attributes:
            if known == name:
                return value
        return None

    def all(self, *tags: str) -> Tuple[Part, ...]:
        """The parts inside with one of these names."""
        return tuple(part for part in self.parts if part.tag in tags)

    def having(self, parts: Iterable[Part]) -> Part:
        return replace(self, parts=tuple(parts))


def part(
    tag: str, attributes: Mapping[str, Optional[str]], parts: Iterable[Part] = (), id: Optional[str] = None
) -> Part:
    """A part of attributes in any order; those that are None are not there."""
    given = tuple(sorted((name, value) for name, value in attributes.items() if value is not None))
    return Part(tag, given, tuple(parts), id)


# In a list of sets of options: the place of the plain ones, where that is not the first.
PLAIN = Part("plain")

# What leaving an attribute out means (Pacemaker Explained), by element and attribute.
DEFAULTS: Dict[Tuple[str, str], str] = {
    ("rule", "boolean-op"): "and",
    ("resource_set", "sequential"): "true",
    ("resource_set", "require-all"): "true",
    ("resource_set", "role"): "Started",
    ("rsc_order", "kind"): "Mandatory",
    ("rsc_order", "symmetrical"): "true",
    ("rsc_order", "require-all"): "true",
    ("rsc_colocation", "influence"): "true",
    ("rsc_location", "resource-discovery"): "always",
}

# Elements in which the order of what is inside has a meaning.
_ORDERED = frozenset(("rsc_location", "rsc_colocation", "rsc_order", "rsc_ticket", "resource_set", "rule"))

Meaning = Tuple[object, ...]


def _known(tag: str) -> FrozenSet[str]:
    """The attributes of an element that have a meaning to us; those of somebody else's have none."""
    if tag in SHAPES:
        return frozenset(attribute.name for attribute in SHAPES[tag].attributes) | _MORE.get(tag, frozenset())
    return _MORE.get(tag, frozenset(("id",)) if tag in REFERRING else frozenset())


_MORE = {
    **dict.fromkeys(NVSETS, frozenset(("score", "id-ref"))),
    "nvpair": frozenset(("value",)),
    "attribute": frozenset(("name",)),
}
_ELEMENTS = frozenset((
    *SHAPES, *NVSETS, *REFERRING, "attribute", "lifetime", "storage", "select_attributes", "select_nodes", "select_fencing",
    "select_resources",
))  # fmt: skip
_KNOWN: Dict[str, FrozenSet[str]] = {}


def meaning(found: Part, aside: Tuple[str, ...] = ()) -> Meaning:
    """What a part says, whatever its spelling and its ids; attributes `aside` do not count, here and below."""
    known = _KNOWN.get(found.tag)
    if known is None:
        known = _KNOWN[found.tag] = _known(found.tag)
    said = []
    for name, text in found.attributes:
        if name not in known:
            continue
        value = canonical(name, text)
        default = DEFAULTS.get((found.tag, name))
        if name not in aside and (default is None or value != canonical(name, default)):
            said.append((name, value))
    parts = _options(found.parts) if found.tag in NVSETS else found.parts
    inner = tuple(meaning(child, aside) for child in parts if child.tag in _ELEMENTS and not is_hollow(child))
    if found.tag not in _ORDERED:
        inner = tuple(sorted(inner, key=repr))
    return (found.tag, tuple(said), inner)


def is_hollow(found: Part) -> bool:
    """Whether it says nothing: an option without name or value, or a set that has none, no score, no rule, and is not another's."""
    if found.tag == "nvpair":
        return found.get("id-ref") is None and (found.get("name") is None or found.get("value") is None)
    if found.tag not in NVSETS or found.get("score") is not None or found.get("id-ref") is not None:
        return False
    return not any(one.tag in ("nvpair", "rule") for one in _options(found.parts))


def _options(parts: Iterable[Part]) -> Iterator[Part]:
    """Options as Pacemaker reads them: of two with one name the first counts, and one without name or value never."""
    seen = set()
    for one in parts:
        name = one.get("name")
        if one.tag != "nvpair" or one.get("id-ref") is not None:
            yield one
        elif name is not None and one.get("value") is not None and name not in seen:
            seen.add(name)
            yield one


def means(left: Part, right: Part) -> bool:
    """Whether two parts say the same."""
    return left == right or meaning(left) == meaning(right)
