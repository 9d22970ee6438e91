# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write changes into a CIB's tree. We edit, never regenerate: what a change does not name keeps every byte.

One writer per kind of object. Ids follow pcs's conventions, so that `pcs config` reads naturally afterwards.
"""

from __future__ import annotations

from typing import Callable, Dict, Mapping, Optional, Sequence, Tuple
from xml.etree.ElementTree import Element, SubElement

from ..model.objects import (
    Clone,
    Colocation,
    Expression,
    Group,
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
    Tag,
)  # fmt: skip
from ..model.values import role
from ..plan.diff import Change
from .ids import Ids
from .read import SETTING_SECTIONS, modern_roles, operation_of, pairs, set_element
from .tree import elements, ensure, section

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
        _WRITERS[type(change.object)](editor, change)


class Editor:
    """A tree being edited, with what an edit has to know: ids, parents and resources by id."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self.ids = Ids.of(root)
        self.modern_roles = modern_roles(root)
        self.resources = ensure(root, "resources")
        self.by_id: Dict[str, Element] = {}
        self.parents: Dict[str, Element] = {}
        self._index(self.resources)
        self._constraints: Optional[Dict[str, Element]] = None

    def _index(self, parent: Element) -> None:
        for child in elements(parent):
            if child.tag in ("primitive", "group", "clone", "master", "bundle") and "id" in child.attrib:
                self.by_id[child.attrib["id"]] = child
                self.parents[child.attrib["id"]] = parent
                self._index(child)

    def role(self, name: str) -> str:
        """A role as this CIB's schema calls it."""
        plain = role(name)
        return plain if self.modern_roles else {"Promoted": "Master", "Unpromoted": "Slave"}.get(plain, plain)

    def add_resource(self, tag: str, name: str) -> Element:
        self.ids.fresh(name)
        made = SubElement(self.resources, tag, {"id": name})
        self.by_id[name], self.parents[name] = made, self.resources
        return made

    def move_resource(self, name: str, parent: Element, position: Optional[int] = None) -> None:
        """Put a resource, with all that is in it, somewhere else."""
        element = self.by_id[name]
        self.parents[name].remove(element)
        if position is None:
            parent.append(element)
        else:
            parent.insert(position, element)
        self.parents[name] = parent

    def remove_resource(self, name: str) -> None:
        """Remove a resource; what is inside moves up, to be removed or kept by changes of its own."""
        element, parent = self.by_id.pop(name), self.parents.pop(name)
        for child in elements(element):
            if child.get("id") in self.by_id:
                self.move_resource(child.attrib["id"], self.resources)
        parent.remove(element)

    def constraint(self, name: str) -> Element:
        if self._constraints is None:
            self._constraints = {child.get("id", ""): child for child in elements(ensure(self.root, "constraints"))}
        return self._constraints[name]

    def add_constraint(self, tag: str, name: str) -> Element:
        self.ids.fresh(name)
        made = SubElement(ensure(self.root, "constraints"), tag, {"id": name})
        if self._constraints is not None:
            self._constraints[name] = made
        return made


# -- sets of options ---------------------------------------------------------------------------------------------------


def edit_set(
    editor: Editor, parent: Element, tag: str, set_id: str, before: Mapping[str, Optional[str]], after: Map
) -> None:
    """Turn the options `before` into `after` in the nvset that holds them; made when missing, gone when emptied."""
    if dict(before) == dict(after):
        return
    nvset = set_element(parent, tag)
    if nvset is None:
        nvset = Element(tag, {"id": editor.ids.fresh(set_id)})
        parent.insert(_position(parent, tag), nvset)
    found = {pair.attrib["name"]: pair for pair in pairs(nvset)}
    for name, pair in found.items():
        if name in before and name not in after:
            for twin in [child for child in elements(nvset) if child.get("name") == name]:
                nvset.remove(twin)
        elif name in after and after[name] != before.get(name):
            pair.set("value", after[name] or "")
    for name, value in after.items():
        if name not in found:
            SubElement(
                nvset, "nvpair", {"id": editor.ids.fresh(nvset.attrib["id"], name), "name": name, "value": value or ""}
            )
    if not elements(nvset):
        parent.remove(nvset)


# Children of a resource in the order in which pcs writes them.
_ORDER = ("instance_attributes", "meta_attributes", "utilization", "operations")


def _position(parent: Element, tag: str) -> int:
    """Where a new set goes: after its equals and before what usually follows."""
    if tag not in _ORDER:
        return len(parent)
    if parent.tag in ("group", "clone", "master"):
        return len(parent)
    for index, child in enumerate(parent):
        if child.tag in _ORDER and _ORDER.index(child.tag) > _ORDER.index(tag):
            return index
    return len(parent)


def _options(found: Optional[Object], name: str) -> Map:
    return dict(getattr(found, name) or {}) if found is not None else {}


def _attribute(element: Element, name: str, before: Optional[str], after: Optional[str]) -> None:
    """Set, change or drop one attribute; one that stays the same is not touched."""
    if before == after:
        return
    if after is None or after == "":
        element.attrib.pop(name, None)
    else:
        element.set(name, after)


# -- settings and nodes ------------------------------------------------------------------------------------------------


def _setting(editor: Editor, change: Change) -> None:
    kind = change.object.kind
    where, tag = SETTING_SECTIONS[kind]
    before, after = change.before, change.after
    edit_set(
        editor, ensure(editor.root, where), tag, _SET_IDS[kind],
        {before.name: before.value} if isinstance(before, Setting) else {},
        {after.name: after.value} if isinstance(after, Setting) else {},
    )  # fmt: skip


def _node(editor: Editor, change: Change) -> None:
    for element in elements(section(editor.root, "nodes")):
        if element.get("uname") == change.object.key.id:
            edit_set(
                editor, element, "instance_attributes", f"nodes-{element.get('id')}",
                _options(change.before, "attributes"), _options(change.after, "attributes"),
            )  # fmt: skip


# -- resources ---------------------------------------------------------------------------------------------------------


def _primitive(editor: Editor, change: Change) -> None:
    name = change.object.key.id
    if change.after is None:
        editor.remove_resource(name)
        return
    after, before = change.after, change.before
    assert isinstance(after, Primitive) and (before is None or isinstance(before, Primitive))
    element = editor.by_id[name] if before else editor.add_resource("primitive", name)
    _agent(element, before.agent if before else "", after.agent)
    _attribute(element, "template", before.template if before else None, after.template)
    _attribute(element, "description", before.description if before else None, after.description)
    edit_set(
        editor,
        element,
        "instance_attributes",
        f"{name}-instance_attributes",
        _options(before, "params"),
        _options(after, "params"),
    )
    edit_set(
        editor, element, "meta_attributes", f"{name}-meta_attributes", _options(before, "meta"), _options(after, "meta")
    )
    _operations(editor, element, before.ops or () if before else (), after.ops or ())


def _agent(element: Element, before: str, after: str) -> None:
    if before == after:
        return
    parts = after.split(":", 2)
    provider = parts[1] if len(parts) == 3 else None
    for name, value in (("class", parts[0]), ("provider", provider), ("type", parts[-1])):
        _attribute(element, name, element.get(name), value)


def _operations(
    editor: Editor, primitive: Element, before: Tuple[Operation, ...], after: Tuple[Operation, ...]
) -> None:
    if before == after:
        return
    parent = primitive.find("operations")
    if parent is None:
        parent = Element("operations")
        primitive.insert(_position(primitive, "operations"), parent)
    wanted = {operation.key: operation for operation in after}
    present = {}
    for element in elements(parent):
        if element.tag != "op":
            continue
        found = operation_of(element)
        if found.key in wanted and found.key not in present:
            present[found.key] = element
            options = wanted[found.key].options
            for name in set(found.options) | set(options):
                _attribute(element, name, found.options.get(name), options.get(name))
        elif found in before:
            parent.remove(element)
    for operation in after:
        if operation.key not in present:
            _add_operation(editor, parent, primitive.attrib["id"], operation)
    if not elements(parent) and not parent.attrib:
        primitive.remove(parent)


def _add_operation(editor: Editor, parent: Element, resource: str, operation: Operation) -> None:
    attributes = {
        "id": editor.ids.fresh(resource, operation.name, "interval", operation.interval),
        "name": operation.name,
        "interval": operation.interval,
    }
    if operation.role:
        attributes["role"] = editor.role(operation.role)
    attributes.update({name: value or "" for name, value in operation.options.items()})
    SubElement(parent, "op", attributes)


def _group(editor: Editor, change: Change) -> None:
    name = change.object.key.id
    if change.after is None:
        editor.remove_resource(name)
        return
    after, before = change.after, change.before
    assert isinstance(after, Group) and (before is None or isinstance(before, Group))
    element = editor.by_id[name] if before else editor.add_resource("group", name)
    _attribute(element, "description", before.description if before else None, after.description)
    _members(editor, element, before.members or () if before else (), after.members or ())
    edit_set(
        editor, element, "meta_attributes", f"{name}-meta_attributes", _options(before, "meta"), _options(after, "meta")
    )


def _members(editor: Editor, group: Element, before: Tuple[str, ...], after: Tuple[str, ...]) -> None:
    """Move members in and out, and into their order. A member that is being removed has moved out by its own change."""
    if before == after:
        return
    inside = [child.attrib["id"] for child in elements(group) if child.tag == "primitive" and "id" in child.attrib]
    for name in inside:
        if name not in after:
            editor.move_resource(name, editor.resources)
    for name in after:
        editor.move_resource(name, group, _after_last_primitive(group, editor.by_id[name]))


def _after_last_primitive(group: Element, moving: Element) -> int:
    """The place behind the last member: nvsets may stand on either side."""
    position, skipped = 0, 0
    for index, child in enumerate(group):
        if child is moving:
            skipped = 1  # it leaves its old place first
        elif child.tag == "primitive":
            position = index + 1 - skipped
    return position


def _clone(editor: Editor, change: Change) -> None:
    name = change.object.key.id
    if change.after is None:
        editor.remove_resource(name)
        return
    after, before = change.after, change.before
    assert isinstance(after, Clone) and (before is None or isinstance(before, Clone))
    element = editor.by_id[name] if before else editor.add_resource("clone", name)
    _attribute(element, "description", before.description if before else None, after.description)
    old = before.resource if before else None
    if after.resource != old:
        if old in editor.by_id and editor.parents[old] is element:
            editor.move_resource(old, editor.resources)
        editor.move_resource(after.resource or "", element)
    edit_set(
        editor, element, "meta_attributes", f"{name}-meta_attributes", _options(before, "meta"), _options(after, "meta")
    )


# -- constraints, levels, tags -----------------------------------------------------------------------------------------


def _removed(editor: Editor, change: Change) -> bool:
    if change.after is not None:
        return False
    element = editor.constraint(change.object.key.id)
    ensure(editor.root, "constraints").remove(element)
    return True


def _location(editor: Editor, change: Change) -> None:
    if _removed(editor, change):
        return
    after, before = change.after, change.before
    assert isinstance(after, Location) and (before is None or isinstance(before, Location))
    element = editor.constraint(after.id) if before else editor.add_constraint("rsc_location", after.id)
    _attribute(element, "rsc", before.resource if before else None, after.resource)
    _role_attribute(editor, element, "role", before.role if before else "", after.role)
    _attribute(element, "node", before.node if before else None, after.node)
    _attribute(element, "score", before.score if before else None, after.score)
    if after.rule is not None:
        _rule(editor, element, before.rule if before else None, after.rule)
    elif before is not None and before.rule is not None:
        for rule in element.findall("rule"):
            element.remove(rule)


def _rule(editor: Editor, parent: Element, before: Optional[Rule], after: Rule) -> None:
    if before == after:
        return
    element = parent.find("rule")
    if element is None:
        element = SubElement(parent, "rule", {"id": editor.ids.fresh(parent.attrib["id"], "rule")})
    _attribute(element, "score", before.score if before else None, after.score)
    _attribute(element, "score-attribute", before.score_attribute if before else None, after.score_attribute)
    _attribute(element, "boolean-op", before.operator if before else None, after.operator)
    _role_attribute(editor, element, "role", before.role if before else "", after.role)
    if before is not None and before.expressions == after.expressions:
        return
    for child in element.findall("expression"):
        element.remove(child)
    for expression in after.expressions:
        _expression(editor, element, expression)


def _expression(editor: Editor, rule: Element, expression: Expression) -> None:
    attributes = {
        "id": editor.ids.fresh(rule.attrib["id"], "expr"),
        "attribute": expression.attribute,
        "operation": expression.operation,
    }
    if expression.value is not None:
        attributes["value"] = expression.value
    if expression.type is not None:
        attributes["type"] = expression.type
    SubElement(rule, "expression", attributes)


def _colocation(editor: Editor, change: Change) -> None:
    if _removed(editor, change):
        return
    after, before = change.after, change.before
    assert isinstance(after, Colocation) and (before is None or isinstance(before, Colocation))
    element = editor.constraint(after.id) if before else editor.add_constraint("rsc_colocation", after.id)
    _attribute(element, "rsc", before.resource if before else None, after.resource)
    _attribute(element, "with-rsc", before.with_resource if before else None, after.with_resource)
    _role_attribute(editor, element, "rsc-role", before.resource_role if before else "", after.resource_role)
    _role_attribute(editor, element, "with-rsc-role", before.with_role if before else "", after.with_role)
    _attribute(element, "score", before.score if before else None, after.score)


def _order(editor: Editor, change: Change) -> None:
    if _removed(editor, change):
        return
    after, before = change.after, change.before
    assert isinstance(after, Order) and (before is None or isinstance(before, Order))
    element = editor.constraint(after.id) if before else editor.add_constraint("rsc_order", after.id)
    usual = Order("", "", "")
    known = before or usual
    _attribute(element, "first", known.first, after.first)
    _attribute(element, "first-action", known.first_action, after.first_action)
    _attribute(element, "then", known.then, after.then)
    _attribute(element, "then-action", _then_action(known), _then_action(after))
    _attribute(element, "kind", known.mode, after.mode)
    if known.mode != after.mode:
        element.attrib.pop("score", None)  # the old word for kind; both together are not allowed
    _attribute(element, "symmetrical", known.symmetrical, after.symmetrical)


def _then_action(order: Order) -> Optional[str]:
    """`then-action` defaults to `first-action`, so it is written only where it differs from both defaults."""
    return None if order.then_action == order.first_action else order.then_action


def _role_attribute(editor: Editor, element: Element, name: str, before: str, after: str) -> None:
    if before != after:
        _attribute(element, name, before, editor.role(after) if after else None)


def _level(editor: Editor, change: Change) -> None:
    topology = ensure(editor.root, "fencing-topology")
    present = {child.get("id"): child for child in elements(topology)}
    name = change.object.key.id
    if change.after is None:
        topology.remove(present[name])
        return
    after = change.after
    assert isinstance(after, Level)
    element = present.get(name)
    if element is None:
        editor.ids.fresh(name)
        element = SubElement(topology, "fencing-level", {"id": name})
    target = {"node": "target", "pattern": "target-pattern", "attribute": "target-attribute"}[after.by]
    wanted = {target: after.target, "index": after.level, "devices": ",".join(after.devices)}
    if after.by == "attribute":
        wanted["target-value"] = after.value
    for attribute, value in wanted.items():
        _attribute(element, attribute, element.get(attribute), value)


def _tag(editor: Editor, change: Change) -> None:
    tags = ensure(editor.root, "tags")
    present = {child.get("id"): child for child in elements(tags)}
    name = change.object.key.id
    if change.after is None:
        tags.remove(present[name])
        return
    after = change.after
    assert isinstance(after, Tag)
    element = present.get(name)
    if element is None:
        editor.ids.fresh(name)
        element = SubElement(tags, "tag", {"id": name})
    for child in elements(element):
        if child.get("id") not in after.references:
            element.remove(child)
    listed = {child.get("id") for child in elements(element)}
    for reference in after.references:
        if reference not in listed:
            SubElement(element, "obj_ref", {"id": reference})


_WRITERS: Dict[type, Callable[[Editor, Change], None]] = {
    Setting: _setting,
    Node: _node,
    Primitive: _primitive,
    Group: _group,
    Clone: _clone,
    Location: _location,
    Colocation: _colocation,
    Order: _order,
    Level: _level,
    Tag: _tag,
}
