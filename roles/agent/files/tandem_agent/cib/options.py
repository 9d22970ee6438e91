# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edit sets of options: the plain one of each kind, and those beside it."""

from __future__ import annotations

from typing import List, Mapping, Optional, Sequence
from xml.etree.ElementTree import Element, SubElement

from ..model.entries import is_plain as stands_for_plain
from ..model.objects import Map
from ..model.parts import PLAIN, Part
from .editor import Editor
from .parts import other_elements, pairs, set_element
from .read import NVSETS
from .tree import elements


def edit_set(
    editor: Editor, parent: Element, tag: str, set_id: str, before: Mapping[str, Optional[str]], after: Map,
    ids: Optional[Map] = None, place: str = "", found_set: Optional[Element] = None,
) -> None:  # fmt: skip
    """Turn the plain options `before` into `after` in the set that holds them; made when missing, gone when emptied.

    `ids` may say what a new set and its options are to be called, under the name `place`.
    """
    chosen = ids or {}
    nvset = set_element(parent, tag) if found_set is None else found_set
    missed = nvset is None and place in chosen  # by what refers to it
    if dict(before) == dict(after) and not missed:
        return
    if nvset is None:
        nvset = _new_set(editor, parent, tag, chosen.get(place), set_id)
    found = {pair.attrib["name"]: pair for pair in pairs(nvset)}
    if after and not elements(nvset) and parent[_position(parent, tag)] is not nvset:
        parent.remove(nvset)  # an empty set may have stood anywhere, and not where its options come
        parent.insert(_position(parent, tag), nvset)
    gone = {name for name in found if name in before and name not in after}
    if gone:  # with all of their name
        nvset[:] = [child for child in nvset if child.get("name") not in gone]
    for name, pair in found.items():
        if name in after and after[name] != before.get(name):
            pair.set("value", after[name] or "")
    for name, value in after.items():
        if name not in found and value != before.get(name):  # a <master> says promotable without an option
            identity = chosen_id(editor, chosen.get(f"{place}.{name}"), nvset.get("id") or set_id, name)
            SubElement(nvset, "nvpair", {"id": identity, "name": name, "value": value or ""})
    if not elements(nvset) and nvset.get("id") != chosen.get(place):
        editor.emptied[nvset] = parent


def _new_set(editor: Editor, parent: Element, tag: str, wanted: Optional[str], set_id: str) -> Element:
    made = Element(tag, {"id": chosen_id(editor, wanted, set_id)})
    parent.insert(_position(parent, tag), made)
    return made


def chosen_id(editor: Editor, wanted: Optional[str], *parts: str) -> str:
    """The id that somebody chose, where it is free, or a new one."""
    return wanted if wanted and editor.ids.claim(wanted) else editor.ids.fresh(*parts)


# Children of a resource in the order in which pcs writes them.
_ORDER = ("instance_attributes", "meta_attributes", "utilization", "operations")


def _position(parent: Element, tag: str) -> int:
    """Where a new plain set goes: before the other sets of its kind, or else before what usually follows."""
    for index, child in enumerate(parent):
        if child.tag == tag:
            return index
    if tag not in _ORDER or parent.tag in ("group", "clone", "master", "bundle"):
        return len(parent)
    for index, child in enumerate(parent):
        if child.tag in _ORDER and _ORDER.index(child.tag) > _ORDER.index(tag):
            return index
    return len(parent)


def edit_sets(editor: Editor, parent: Element, before: Optional[object], after: object, owner: str) -> None:
    """The sets of options beside the plain one, and where that one stands among them."""
    for tag in NVSETS:
        old = getattr(before, "sets", {}).get(tag, ()) if before else ()
        new = getattr(after, "sets", {}).get(tag, ())
        if old == new:
            continue
        present = other_elements(parent, tag)
        plain = set_element(parent, tag)
        if plain is None and any(map(stands_for_plain, new)):
            plain = _new_set(editor, parent, tag, None, f"{owner}-{tag}")
        place = _position(parent, tag) + (plain is not None)
        editor.parts.edit_children(parent, present, [one for one in new if one != PLAIN], owner, place)
        if plain is not None and (pairs(plain) or any(map(stands_for_plain, new))):
            _put_plain(parent, plain, other_elements(parent, tag), new)


def _put_plain(parent: Element, plain: Element, others: List[Element], wanted: Sequence[Part]) -> None:
    """Put the plain set where it is wanted among the others; one that is there already stays."""
    behind = wanted.index(PLAIN) if PLAIN in wanted else 0
    places = list(parent)
    if sum(places.index(child) < places.index(plain) for child in others) == behind:
        return
    parent.remove(plain)
    places = list(parent)
    parent.insert(places.index(others[behind]) if behind < len(others) else places.index(others[-1]) + 1, plain)


def options(found: Optional[object], name: str) -> Map:
    return dict(getattr(found, name, None) or {})


def set_attribute(element: Element, name: str, before: Optional[str], after: Optional[str]) -> None:
    """Set, change or drop one attribute; one that stays the same is not touched."""
    if before == after:
        return
    if after is None:
        element.attrib.pop(name, None)
    else:
        element.set(name, after)
