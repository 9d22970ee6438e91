# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write changes into a CIB's tree. We edit, never regenerate: what a change does not name keeps every byte.

One writer per kind of object. Ids follow pcs's conventions, so that `pcs config` reads naturally afterwards.
"""

from __future__ import annotations

from itertools import groupby
from typing import Callable, Dict, Optional, Sequence
from xml.etree.ElementTree import Element, SubElement

from ..model.entries import is_plain as stands_for_plain
from ..model.objects import OPTION_SETS, Level, Map, Node, Record, Setting, Tag
from ..plan.diff import Change
from ..plan.references import ids_in
from .editor import Editor
from .options import edit_set, edit_sets, options, set_attribute
from .parts import pairs
from .read import SETTING_SECTIONS, settings_set
from .resources import RESOURCE_WRITERS
from .tree import elements, ensure

# What the options' own set is called where it has to be made: as pcs does.
_SET_IDS = {
    "property": "cib-bootstrap-options",
    "resource_default": "rsc_defaults-meta_attributes",
    "operation_default": "op_defaults-meta_attributes",
}


def write(root: Element, changes: Sequence[Change]) -> None:
    """Make `changes`, in their order, in the tree under `root`."""
    editor = Editor(root)
    for change in changes:
        if change.after is not None:
            editor.ids.reserve(ids_in(change.after))
            editor.ids.reserve(() if isinstance(change.after, Setting) else (change.key.id,))
    for kind, several in groupby(changes, lambda change: type(change.object)):
        if kind is Setting:
            _settings(editor, list(several))
        else:
            for change in several:
                _WRITERS[kind](editor, change)
    editor.finish()
    editor.order_new({change.key.id: change.place for change in changes if change.key.family == "resource"})


def _id(element: Element) -> Optional[str]:
    return element.get("id")


def _settings(editor: Editor, changes: Sequence[Change]) -> None:
    """All settings of a kind at once: they live in one set."""
    for kind, (where, tag) in SETTING_SECTIONS.items():
        sides = [(change.before, change.after) for change in changes if change.object.kind == kind]
        before = {side.name: side.value for side, _after in sides if isinstance(side, Setting)}
        wanted = [side for _before, side in sides if isinstance(side, Setting)]
        after: Map = {side.name: side.value for side in wanted}
        if sides:
            parent, found = ensure(editor.root, where), settings_set(editor.root, kind)
            edit_set(editor, parent, tag, _SET_IDS[kind], before, after, _setting_ids(wanted), "set", found)


def _setting_ids(wanted: Sequence[Setting]) -> Map:
    ids: Map = {f"set.{found.name}": found.ids.get("option") for found in wanted}
    ids["set"] = next((found.ids["set"] for found in wanted if found.ids.get("set")), None)
    return ids


def _node(editor: Editor, change: Change) -> None:
    after, before = change.after, change.before
    if after is None:
        return  # nodes are Corosync's to remove
    assert isinstance(after, Node) and (before is None or isinstance(before, Node))
    present = editor.known("nodes", "node", lambda one: one.get("uname"))
    element = present.get(after.id)
    if element is None:
        attributes = {"id": after.number or after.id, "uname": after.id, "type": after.type}
        element = SubElement(ensure(editor.root, "nodes"), "node", {n: v for n, v in attributes.items() if v})
        present[after.id] = element
    set_attribute(element, "description", before.description if before else None, after.description)
    set_attribute(element, "score", before.score if before else None, after.score)
    owner = f"nodes-{element.get('id')}"
    for place, tag, name in (
        ("attributes", "instance_attributes", owner),
        ("utilization", "utilization", f"{owner}-utilization"),
    ):
        edit_set(editor, element, tag, name, options(before, place), options(after, place), after.ids, place)
    edit_sets(editor, element, before, after, owner)


def _record(editor: Editor, change: Change) -> None:
    after, before = change.after, change.before
    kind = change.object.kind
    if after is None:
        editor.drop(editor.section_of(kind), editor.records(kind).pop(change.object.key.id))
        return
    assert isinstance(after, Record) and (before is None or isinstance(before, Record))
    if kind in OPTION_SETS and stands_for_plain(after.part):
        _plain_settings(editor, kind[: -len("_set")])
    if before is None:
        made = editor.parts.make(after.part, after.id)
        position = _set_position(editor, after) if kind in OPTION_SETS else None
        parent = editor.section_of(kind)
        parent.insert(len(parent) if position is None else position, made)
        editor.records(kind)[after.id] = made
        return
    element = editor.records(kind)[after.id]
    editor.parts.edit(element, before.part, after.part, owner=after.id)
    if before.ahead != after.ahead and pairs(settings_set(editor.root, kind[: -len("_set")])):
        parent = editor.section_of(kind)
        parent.remove(element)
        place = _set_position(editor, after)
        parent.insert(len(parent) if place is None else place, element)


def _plain_settings(editor: Editor, kind: str) -> None:
    """See that the plain settings have a set, so that no other is taken for it."""
    where, tag = SETTING_SECTIONS[kind]
    if settings_set(editor.root, kind) is None:
        SubElement(ensure(editor.root, where), tag, {"id": editor.ids.fresh(_SET_IDS[kind])})


def _set_position(editor: Editor, after: Record) -> Optional[int]:
    """Before the plain settings, or last."""
    plain = settings_set(editor.root, after.kind[: -len("_set")])
    if not after.ahead or plain is None:
        return None
    return list(editor.section_of(after.kind)).index(plain)


def _level(editor: Editor, change: Change) -> None:
    topology, present = ensure(editor.root, "fencing-topology"), editor.known("fencing-topology", "fencing-level", _id)
    name = change.object.key.id
    if change.after is None:
        editor.drop(topology, present.pop(name))
        return
    after = change.after
    assert isinstance(after, Level)
    element = present.get(name)
    if element is None:
        editor.ids.claim(name)
        present[name] = element = SubElement(topology, "fencing-level", {"id": name})
    target = {"node": "target", "pattern": "target-pattern", "attribute": "target-attribute"}[after.by]
    wanted = {target: after.target, "index": after.level, "devices": ",".join(after.devices)}
    if after.by == "attribute":
        wanted["target-value"] = after.value
    for attribute, value in wanted.items():
        set_attribute(element, attribute, element.get(attribute), value)


def _tag(editor: Editor, change: Change) -> None:
    tags, present = ensure(editor.root, "tags"), editor.known("tags", "tag", _id)
    name = change.object.key.id
    if change.after is None:
        editor.drop(tags, present.pop(name))
        return
    after = change.after
    assert isinstance(after, Tag)
    element = present.get(name)
    if element is None:
        editor.ids.claim(name)
        present[name] = element = SubElement(tags, "tag", {"id": name})
    wanted = set(after.references)
    element[:] = [child for child in element if child.get("id") in wanted or not isinstance(child.tag, str)]
    listed = {child.get("id") for child in elements(element)}
    for reference in after.references:
        if reference not in listed:
            SubElement(element, "obj_ref", {"id": reference})


_WRITERS: Dict[type, Callable[[Editor, Change], None]] = {
    **RESOURCE_WRITERS,
    Node: _node,
    Level: _level,
    Record: _record,
    Tag: _tag,
}
