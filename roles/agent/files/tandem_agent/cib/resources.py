# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write resources of all kinds into a CIB's tree."""

from __future__ import annotations

from typing import Callable, Dict, List, Optional, Tuple
from xml.etree.ElementTree import Element, SubElement

from ..model.grammar import CONTAINERS
from ..model.objects import Bundle, Clone, Group, Map, Object, Operation, Primitive
from ..model.parts import Part, part
from ..model.values import boolean
from ..plan.diff import Change
from .editor import Editor
from .options import chosen_id, edit_set, edit_sets, options, set_attribute
from .parts import read_part
from .read import operation_of
from .tree import elements

_PLACES = (("params", "instance_attributes"), ("meta", "meta_attributes"), ("utilization", "utilization"))


def _option_sets(editor: Editor, element: Element, before: Optional[Object], after: Object) -> None:
    """All options of a resource, plain or not."""
    name, ids = after.key.id, getattr(after, "ids", {})
    for place, tag in _PLACES:
        edit_set(
            editor, element, tag, f"{name}-{tag}", options(before, place),
            options(after, place), ids, place,
        )  # fmt: skip
    edit_sets(editor, element, before, after, name)


def _primitive(editor: Editor, change: Change) -> None:
    name = change.object.key.id
    if change.after is None:
        editor.remove_resource(name)
        return
    after, before = change.after, change.before
    assert isinstance(after, Primitive) and (before is None or isinstance(before, Primitive))
    element = (
        editor.by_id[name] if before else editor.add_resource("template" if after.is_template else "primitive", name)
    )
    _agent(element, before.agent if before else "", after.agent)
    set_attribute(element, "template", before.template if before else None, after.template)
    set_attribute(element, "description", before.description if before else None, after.description)
    _option_sets(editor, element, before, after)
    _operations(editor, element, before, after)


def _agent(element: Element, before: str, after: str) -> None:
    if before == after:
        return
    parts = after.split(":", 2)
    provider = parts[1] if len(parts) == 3 else None
    for name, value in (("class", parts[0]), ("provider", provider), ("type", parts[-1])):
        set_attribute(element, name, element.get(name), value)


def _operations(editor: Editor, primitive: Element, before: Optional[Primitive], after: Primitive) -> None:
    old, new = (before.ops or () if before else ()), after.ops or ()
    shared = before.ops_same_as if before else None
    if old == new and shared == after.ops_same_as:
        return
    parent = primitive.find("operations")
    if parent is None:
        parent = Element("operations")
        primitive.append(parent)  # last, as pcs writes it
        if after.ids.get("operations") and editor.ids.claim(after.ids["operations"] or ""):
            parent.set("id", after.ids["operations"] or "")
    set_attribute(parent, "id-ref", shared, after.ops_same_as)
    left = [(child, operation_of(child)) for child in elements(parent) if child.tag == "op"]
    for operation in new:
        found = next((pair for pair in left if pair[1].key == operation.key), None)
        if found is None:
            _operation(editor, _add_operation(editor, parent, primitive.attrib["id"], operation), None, operation)
        else:
            left.remove(found)
            if found[1] != operation:
                _operation(editor, found[0], found[1], operation)
    for element, operation in left:
        if operation in old:
            parent.remove(element)
    if not elements(parent) and not parent.attrib:
        primitive.remove(parent)


def _add_operation(editor: Editor, parent: Element, resource: str, operation: Operation) -> Element:
    attributes = {
        "id": chosen_id(editor, operation.id, resource, operation.name, "interval", operation.interval),
        "name": operation.name,
        "interval": operation.interval,
    }
    if operation.role:
        attributes["role"] = editor.parts.role(operation.role)
    return SubElement(parent, "op", attributes)


def _operation(editor: Editor, element: Element, before: Optional[Operation], after: Operation) -> None:
    old: Map = before.options if before else {}
    for name in list(old) + [name for name in after.options if name not in old]:
        set_attribute(element, name, old.get(name), after.options.get(name))
    identity = element.attrib["id"]
    for place, tag in _PLACES[:2]:
        edit_set(
            editor, element, tag, f"{identity}-{tag}", options(before, place), options(after, place), after.ids, place
        )
    edit_sets(editor, element, before, after, identity)


def _group(editor: Editor, change: Change) -> None:
    name = change.object.key.id
    if change.after is None:
        editor.remove_resource(name)
        return
    after, before = change.after, change.before
    assert isinstance(after, Group) and (before is None or isinstance(before, Group))
    element = editor.by_id[name] if before else editor.add_resource("group", name)
    set_attribute(element, "description", before.description if before else None, after.description)
    _members(editor, element, before.members or () if before else (), after.members or ())
    _option_sets(editor, element, before, after)


def _members(editor: Editor, group: Element, before: Tuple[str, ...], after: Tuple[str, ...]) -> None:
    """Move members in and out, and into their order. A member that is being removed has moved out by its own change."""
    if before == after:
        return
    wanted = set(after)
    inside = [child.get("id") or "" for child in elements(group) if child.tag == "primitive"]
    leaving = [name for name in inside if name and name not in wanted]
    editor.gather(leaving, editor.resources, len(editor.resources))
    # Behind what was the last member: nvsets may stand on either side.
    first = editor.by_id[after[0]] if after else None
    places = [index + 1 for index, child in enumerate(group) if child.tag == "primitive" and child is not first]
    editor.gather(after, group, places[-1] if places else 0)


def _clone(editor: Editor, change: Change) -> None:
    name = change.object.key.id
    if change.after is None:
        editor.remove_resource(name)
        return
    after, before = change.after, change.before
    assert isinstance(after, Clone) and (before is None or isinstance(before, Clone))
    element = editor.by_id[name] if before else editor.add_resource("clone", name)
    if element.tag == "master" and boolean((after.meta or {}).get("promotable") or "") is not True:
        element.tag = "clone"  # that element of old is promotable whatever it says
    set_attribute(element, "description", before.description if before else None, after.description)
    _inner(editor, element, before.resource if before else None, after.resource)
    _option_sets(editor, element, before, after)


def _inner(editor: Editor, element: Element, before: Optional[str], after: Optional[str]) -> None:
    """Put another resource into a clone or bundle; what was in it goes to the top."""
    if before == after:
        return
    if before in editor.by_id and editor.parents[before] is element:
        editor.move_resource(before, editor.resources)
    if after:
        editor.move_resource(after, element)


def _bundle(editor: Editor, change: Change) -> None:
    name = change.object.key.id
    if change.after is None:
        editor.remove_resource(name)
        return
    after, before = change.after, change.before
    assert isinstance(after, Bundle) and (before is None or isinstance(before, Bundle))
    element = editor.by_id[name] if before else editor.add_resource("bundle", name)
    set_attribute(element, "description", before.description if before else None, after.description)
    parts = _bundle_parts(before)
    wanted = _bundle_parts(after)
    if parts != wanted:
        present = [child for child in elements(element) if child.tag in (*CONTAINERS, "network", "storage")]
        for child in [one for one in present if one.tag not in {one.tag for one in wanted}]:
            element.remove(child)
            present.remove(child)
        for made in wanted:
            found = next((child for child in present if child.tag == made.tag), None)
            if found is None:
                place = sum(child.tag in (*CONTAINERS, "network", "storage") for child in elements(element))
                element.insert(place, editor.parts.make(made, name))
            else:
                have = read_part(found)
                # The attributes of <storage> are nobody's: what is there stays.
                editor.parts.edit(found, have, have.having(made.parts) if made.tag == "storage" else made, owner=name)
    _inner(editor, element, before.resource if before else None, after.resource)
    _option_sets(editor, element, before, after)


def _bundle_parts(found: Optional[Bundle]) -> List[Part]:
    if found is None:
        return []
    storage = [part("storage", {}, found.storage)] if found.storage else []
    return [one for one in (found.container, found.network) if one is not None] + storage


RESOURCE_WRITERS: Dict[type, Callable[[Editor, Change], None]] = {
    Primitive: _primitive,
    Group: _group,
    Clone: _clone,
    Bundle: _bundle,
}
