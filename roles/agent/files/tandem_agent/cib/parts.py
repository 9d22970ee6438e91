# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements to parts and back. Writing edits the element that is there: what the change does not touch keeps its bytes."""

from __future__ import annotations

from typing import Dict, Iterable, List, Mapping, Optional, Tuple
from xml.etree.ElementTree import Element

from ..model.entries import shape_of
from ..model.grammar import SHAPES
from ..model.matching import Left
from ..model.objects import Map
from ..model.parts import PLAIN, REFERRING, Part
from ..model.values import role, score
from .ids import Ids
from .tree import elements

# Attributes that were renamed or replaced, by element: what we call them, and how old schemas do.
_RENAMED = {
    "podman": {"promoted-max": "masters"},
    "docker": {"promoted-max": "masters"},
    "rkt": {"promoted-max": "masters"},
}
ROLES = ("role", "rsc-role", "with-rsc-role")


def read_part(element: Element) -> Part:
    """The part an element is."""
    attributes = dict(element.attrib)
    identity = None if element.tag in REFERRING else attributes.pop("id", None)
    for new, old in _RENAMED.get(element.tag, {}).items():
        if old in attributes:
            attributes.setdefault(new, attributes.pop(old))
    if element.tag == "rsc_order" and score(attributes.get("score", "")) is not None:
        # Before there was `kind`, a score of 0 meant Optional and any other Mandatory (Pacemaker 1.0).
        attributes.setdefault("kind", "Optional" if score(attributes.pop("score")) == 0 else "Mandatory")
    for name in ROLES:
        if name in attributes and element.tag in SHAPES:
            attributes[name] = role(attributes[name])
    inner = tuple(read_part(child) for child in elements(element))
    return Part(element.tag, tuple(sorted(attributes.items())), inner, identity)


# -- writing -----------------------------------------------------------------------------------------------------------


class PartWriter:
    """Writes parts into elements, with the ids and words of one CIB."""

    def __init__(self, ids: Ids, modern_roles: bool, modern_bundles: bool) -> None:
        self.ids = ids
        self.modern_roles = modern_roles
        self.modern_bundles = modern_bundles

    def role(self, name: str) -> str:
        """A role as this CIB's schema calls it."""
        plain = role(name)
        return plain if self.modern_roles else {"Promoted": "Master", "Unpromoted": "Slave"}.get(plain, plain)

    def make(self, wanted: Part, owner: str) -> Element:
        """A new element. Ids that nobody chose are made of the owner's, as pcs makes them."""
        element = Element(wanted.tag)
        own = self._identity(wanted, owner)
        if own:
            element.set("id", own)
        for name, value in wanted.attributes:
            self._set(element, name, value)
        for inner in wanted.parts:
            element.append(self.make(inner, own or owner))
        return element

    def edit(self, element: Element, before: Part, after: Part, owner: str = "") -> None:
        """Make `element`, which reads as `before`, read as `after`."""
        old, new = dict(before.attributes), dict(after.attributes)
        for name in list(old) + [name for name in new if name not in old]:
            if old.get(name) != new.get(name):
                self._set(element, name, new.get(name))
        if before.parts != after.parts:
            self.edit_children(element, elements(element), after.parts, after.id or element.get("id") or owner)

    def edit_children(
        self, parent: Element, present: List[Element], wanted: Iterable[Part], owner: str, first: Optional[int] = None
    ) -> None:
        """Make the elements `present` below `parent` be the parts `wanted`, in that order; where there are none, at `first`."""
        found = [read_part(child) for child in present]
        left = Left((_handle(one),) for one in found)
        result: List[Element] = []
        for part in wanted:
            place = left.take(_handle(part))
            if place is None:
                result.append(self.make(part, owner))
            else:
                self.edit(present[place], found[place], part, owner)
                result.append(present[place])
        for place in left.places():
            parent.remove(present[place])
        taken = set(result)
        kept = [child for child in present if child in taken]
        index = len(parent) if first is None else first
        if kept:
            index = list(parent).index(kept[0])
            if all(left is right for left, right in zip(kept, result)):  # what is there stays where it is
                index, result = list(parent).index(kept[-1]) + 1, result[len(kept) :]
        moving = set(kept).intersection(result)
        for child in result:
            if child in moving:
                parent.remove(child)
        for offset, child in enumerate(result):
            parent.insert(index + offset, child)

    def _identity(self, wanted: Part, owner: str) -> Optional[str]:
        if wanted.tag in REFERRING or wanted.get("id-ref") is not None or not _has_id(wanted.tag):
            return None
        if wanted.id is not None and self.ids.claim(wanted.id):
            return wanted.id
        suffix = wanted.tag
        if wanted.tag in ("nvpair", "attribute"):
            suffix = wanted.get("name") or wanted.tag
        elif wanted.tag in SHAPES:
            suffix = shape_of(wanted.tag).suffix or wanted.tag
        return self.ids.fresh(owner, suffix)

    def _set(self, element: Element, name: str, value: Optional[str]) -> None:
        old_name = _RENAMED.get(element.tag, {}).get(name)
        if old_name and (old_name in element.attrib or not self.modern_bundles):
            name = old_name
        if element.tag == "rsc_order" and name == "kind":
            element.attrib.pop("score", None)  # the old word for it; both together are not allowed
        if value is None:
            element.attrib.pop(name, None)
        else:
            element.set(name, self.role(value) if name in ROLES else value)


_WITHOUT_ID = frozenset((
    "select", "select_attributes", "select_fencing", "select_nodes", "select_resources", "network", "storage", "lifetime",
    "podman", "docker", "rkt", "plain",
))  # fmt: skip


def _has_id(tag: str) -> bool:
    return tag not in _WITHOUT_ID


def _handle(found: Part) -> Tuple[object, ...]:
    """What an element and the wanted part that it was read from, or was matched with, have in common."""
    if found.id is not None:
        return (found.tag, found.id)
    return (found.tag, None, found if _has_id(found.tag) else None)


# -- sets of options ---------------------------------------------------------------------------------------------------


def set_element(parent: Optional[Element], tag: str) -> Optional[Element]:
    """The set that plain options live in: the first that could hold them, be it empty."""
    for child in elements(parent):
        if child.tag == tag and is_plain(child):
            return child
    return None


def is_plain(element: Element) -> bool:
    """Whether a set can hold plain options: it has neither a rule nor a score, and nothing of another's."""
    if "score" in element.attrib or "id-ref" in element.attrib:
        return False
    return all(child.tag != "rule" and not (child.tag == "nvpair" and "id-ref" in child.attrib) for child in element)


def is_hollow(element: Element) -> bool:
    """Whether a set says nothing, so that it is not read and left where it is: old tools left many behind."""
    return is_plain(element) and not pairs(element)


def pairs(nvset: Optional[Element]) -> List[Element]:
    """The name-value pairs of a set; where a name stands twice Pacemaker takes the first, and none without a value."""
    found: Dict[str, Element] = {}
    for child in elements(nvset):
        has = child.attrib
        if child.tag == "nvpair" and "name" in has and "value" in has:
            found.setdefault(has["name"], child)
    return list(found.values())


def first_set(parent: Optional[Element], tag: str) -> Map:
    """The plain options."""
    return {pair.attrib["name"]: pair.attrib["value"] for pair in pairs(set_element(parent, tag))}


def other_sets(parent: Element, tag: str) -> Tuple[Part, ...]:
    """All sets of one kind but the plain one, whose place is marked where it has options and is not the first."""
    plain = set_element(parent, tag)
    found: List[Part] = []
    for child in elements(parent):
        if child.tag != tag or is_hollow(child):
            continue
        if child is not plain:
            found.append(read_part(child))
        elif found:
            found.append(PLAIN)
    return tuple(found)


def other_elements(parent: Element, tag: str) -> List[Element]:
    """The elements of those sets."""
    plain = set_element(parent, tag)
    return [child for child in elements(parent) if child.tag == tag and child is not plain and not is_hollow(child)]


def read_sets(parent: Element, *tags: str) -> Mapping[str, Tuple[Part, ...]]:
    """The other sets by their kind; kinds that have none are left out."""
    present = [child for child in parent if child.tag in tags]
    if len({child.tag for child in present}) == len(present) and all(map(is_plain, present)):
        return {}  # nearly always
    found = {tag: other_sets(parent, tag) for tag in tags}
    return {tag: sets for tag, sets in found.items() if sets}


def ids_of(parent: Element, referred: Iterable[str], **places: str) -> Map:
    """The ids of plain sets and options that something refers to, by where they are."""
    known = frozenset(referred)
    found: Map = {}
    if not known:
        return found
    for place, tag in places.items():
        nvset = set_element(parent, tag)
        if nvset is not None and nvset.get("id") in known:
            found[place] = nvset.get("id")
        for pair in pairs(nvset):
            if pair.get("id") in known:
                found[f"{place}.{pair.attrib['name']}"] = pair.get("id")
    return found
