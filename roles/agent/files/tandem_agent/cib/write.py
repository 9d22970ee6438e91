# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write changes into a CIB's tree. We edit, never regenerate: what a change does not name keeps every byte.

One writer per kind of object. Ids follow pcs's conventions, so that `pcs config` reads naturally afterwards.
"""

from __future__ import annotations

from itertools import groupby
from typing import Callable, Container, Dict, List, Mapping, Optional, Sequence, Set, Tuple
from xml.etree.ElementTree import Element, SubElement

from ..model.entries import is_plain as stands_for_plain
from ..model.grammar import CONTAINERS
from ..model.objects import (
    ACLS,
    CONSTRAINTS,
    OPTION_SETS,
    RECORDS,
    Bundle,
    Clone,
    Group,
    Level,
    Map,
    Node,
    Object,
    Operation,
    Primitive,
    Record,
    Setting,
    Tag,
)  # fmt: skip
from ..model.parts import PLAIN, Part, part
from ..model.values import boolean
from ..plan.diff import Change
from ..plan.references import ids_in
from .ids import Ids
from .parts import PartWriter, is_plain, other_elements, pairs, read_part, set_element
from .read import NVSETS, SETTING_SECTIONS, modern_roles, operation_of, settings_set
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


class Editor:
    """A tree being edited, with what an edit has to know: ids, parents and resources by id."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self.ids = Ids.of(root)
        self.parts = PartWriter(
            self.ids, modern_roles(root), not root.get("validate-with", "").startswith("pacemaker-2.")
        )
        self.by_id: Dict[str, Element] = {}
        self.parents: Dict[str, Element] = {}
        self._index(section(root, "resources"))
        self._known: Dict[Tuple[str, str], Dict[str, Element]] = {}
        self._new: List[Element] = []
        self._dropped: Dict[Element, Set[Element]] = {}
        self.emptied: Dict[Element, Element] = {}  # sets of plain options that have none left, and their parents

    @property
    def resources(self) -> Element:
        """Where resources of the top level are; made with the first of them."""
        return ensure(self.root, "resources")

    def _index(self, parent: Optional[Element]) -> None:
        if parent is None:
            return
        for child in elements(parent):
            if child.tag in ("primitive", "template", "group", "clone", "master", "bundle") and child.get("id"):
                self.by_id[child.attrib["id"]] = child
                self.parents[child.attrib["id"]] = parent
                self._index(child)

    def add_resource(self, tag: str, name: str) -> Element:
        self.ids.claim(name)
        made = SubElement(self.resources, tag, {"id": name})
        self.by_id[name], self.parents[name] = made, self.resources
        self._new.append(made)
        return made

    def order_new(self, places: Mapping[str, int]) -> None:
        """Put the new resources of the top level into the order they were declared in: the cluster places them in it."""
        if not self._new:
            return
        new = [element for element in self._new if self.parents.get(element.attrib["id"]) is self.resources]
        if new:
            moving = set(new)
            rest = [element for element in self.resources if element not in moving]
            self.resources[:] = rest + sorted(new, key=lambda element: places[element.attrib["id"]])

    def move_resource(self, name: str, parent: Element) -> None:
        """Put a resource, with all that is in it, somewhere else."""
        element = self.by_id[name]
        self.parents[name].remove(element)
        parent.append(element)
        self.parents[name] = parent

    def gather(self, names: Sequence[str], parent: Element, position: int) -> None:
        """Put resources into `parent`, in this order, before what is its child number `position`."""
        moving = {self.by_id[name]: None for name in names}
        for other in {self.parents[name] for name in names} - {parent}:
            _take_out(other, moving)
        self.parents.update(dict.fromkeys(names, parent))
        children = list(parent)
        front, back = children[:position], children[position:]
        parent[:] = [
            *(child for child in front if child not in moving), *moving, *(child for child in back if child not in moving)
        ]  # fmt: skip

    def remove_resource(self, name: str) -> None:
        """Remove a resource; what is inside moves up, to be removed or kept by changes of its own."""
        element, parent = self.by_id.pop(name), self.parents.pop(name)
        for child in elements(element):
            if child.get("id") in self.by_id:
                self.move_resource(child.attrib["id"], self.resources)
        self.drop(parent, element)

    def drop(self, parent: Element, element: Element) -> None:
        """Remove an element, at the end: to look for each among thousands takes time."""
        self._dropped.setdefault(parent, set()).add(element)

    def finish(self) -> None:
        for parent, gone in self._dropped.items():
            _take_out(parent, gone)
        for nvset, parent in self.emptied.items():
            if nvset in parent and not elements(nvset) and not _before_another(nvset, parent):
                parent.remove(nvset)

    def known(self, where: str, tag: str, name: Callable[[Element], Optional[str]]) -> Dict[str, Element]:
        """The elements of a section by their names. The index is kept: there may be thousands."""
        if (where, tag) not in self._known:
            found: Dict[str, Element] = {}
            for child in ensure(self.root, where).iterfind(tag):
                found.setdefault(name(child) or "", child)
            self._known[where, tag] = found
        return self._known[where, tag]

    def records(self, kind: str) -> Dict[str, Element]:
        """The elements of one kind of record; what is another's is known by what it refers to."""
        return self.known(_SECTIONS[kind], RECORDS[kind], lambda one: one.get("id") or f"same_as:{one.get('id-ref')}")

    def section_of(self, kind: str) -> Element:
        return ensure(self.root, _SECTIONS[kind])


_SECTIONS = {
    **dict.fromkeys(CONSTRAINTS, "constraints"),
    **dict.fromkeys(ACLS, "acls"),
    **{f"{kind}_set": where for kind, (where, _tag) in SETTING_SECTIONS.items()},
    "alert": "alerts",
}


def _before_another(plain: Element, parent: Element) -> bool:
    """Whether another set would be taken for the plain one, were it not there."""
    others = (child for child in elements(parent) if child.tag == plain.tag and child is not plain)
    return any(is_plain(child) and pairs(child) for child in others)


def _take_out(parent: Element, gone: Container[Element]) -> None:
    parent[:] = [child for child in parent if child not in gone]


# -- sets of options ---------------------------------------------------------------------------------------------------


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
            identity = _chosen(editor, chosen.get(f"{place}.{name}"), nvset.get("id") or set_id, name)
            SubElement(nvset, "nvpair", {"id": identity, "name": name, "value": value or ""})
    if not elements(nvset) and nvset.get("id") != chosen.get(place):
        editor.emptied[nvset] = parent


def _new_set(editor: Editor, parent: Element, tag: str, wanted: Optional[str], set_id: str) -> Element:
    made = Element(tag, {"id": _chosen(editor, wanted, set_id)})
    parent.insert(_position(parent, tag), made)
    return made


def _chosen(editor: Editor, wanted: Optional[str], *parts: str) -> str:
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


def _id(element: Element) -> Optional[str]:
    return element.get("id")


def _options(found: Optional[object], name: str) -> Map:
    return dict(getattr(found, name, None) or {})


def _attribute(element: Element, name: str, before: Optional[str], after: Optional[str]) -> None:
    """Set, change or drop one attribute; one that stays the same is not touched."""
    if before == after:
        return
    if after is None:
        element.attrib.pop(name, None)
    else:
        element.set(name, after)


# -- settings and nodes ------------------------------------------------------------------------------------------------


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
    _attribute(element, "description", before.description if before else None, after.description)
    _attribute(element, "score", before.score if before else None, after.score)
    owner = f"nodes-{element.get('id')}"
    for place, tag, name in (
        ("attributes", "instance_attributes", owner),
        ("utilization", "utilization", f"{owner}-utilization"),
    ):
        edit_set(editor, element, tag, name, _options(before, place), _options(after, place), after.ids, place)
    edit_sets(editor, element, before, after, owner)


# -- resources ---------------------------------------------------------------------------------------------------------


_PLACES = (("params", "instance_attributes"), ("meta", "meta_attributes"), ("utilization", "utilization"))


def _option_sets(editor: Editor, element: Element, before: Optional[Object], after: Object) -> None:
    """All options of a resource, plain or not."""
    name, ids = after.key.id, getattr(after, "ids", {})
    for place, tag in _PLACES:
        edit_set(
            editor, element, tag, f"{name}-{tag}", _options(before, place),
            _options(after, place), ids, place,
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
    _attribute(element, "template", before.template if before else None, after.template)
    _attribute(element, "description", before.description if before else None, after.description)
    _option_sets(editor, element, before, after)
    _operations(editor, element, before, after)


def _agent(element: Element, before: str, after: str) -> None:
    if before == after:
        return
    parts = after.split(":", 2)
    provider = parts[1] if len(parts) == 3 else None
    for name, value in (("class", parts[0]), ("provider", provider), ("type", parts[-1])):
        _attribute(element, name, element.get(name), value)


def _operations(editor: Editor, primitive: Element, before: Optional[Primitive], after: Primitive) -> None:
    old, new = (before.ops or () if before else ()), after.ops or ()
    shared = before.ops_same_as if before else None
    if old == new and shared == after.ops_same_as:
        return
    parent = primitive.find("operations")
    if parent is None:
        parent = Element("operations")
        primitive.insert(_end_of(primitive, "operations"), parent)
        if after.ids.get("operations") and editor.ids.claim(after.ids["operations"] or ""):
            parent.set("id", after.ids["operations"] or "")
    _attribute(parent, "id-ref", shared, after.ops_same_as)
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


def _end_of(primitive: Element, tag: str) -> int:
    """Where the operations go: before what usually follows them."""
    return next(
        (i for i, child in enumerate(primitive) if child.tag in _ORDER and _ORDER.index(child.tag) > _ORDER.index(tag)),
        len(primitive),
    )


def _add_operation(editor: Editor, parent: Element, resource: str, operation: Operation) -> Element:
    attributes = {
        "id": _chosen(editor, operation.id, resource, operation.name, "interval", operation.interval),
        "name": operation.name,
        "interval": operation.interval,
    }
    if operation.role:
        attributes["role"] = editor.parts.role(operation.role)
    return SubElement(parent, "op", attributes)


def _operation(editor: Editor, element: Element, before: Optional[Operation], after: Operation) -> None:
    old: Map = before.options if before else {}
    for name in list(old) + [name for name in after.options if name not in old]:
        _attribute(element, name, old.get(name), after.options.get(name))
    identity = element.attrib["id"]
    for place, tag in _PLACES[:2]:
        edit_set(
            editor, element, tag, f"{identity}-{tag}", _options(before, place), _options(after, place), after.ids, place
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
    _attribute(element, "description", before.description if before else None, after.description)
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
    _attribute(element, "description", before.description if before else None, after.description)
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
    _attribute(element, "description", before.description if before else None, after.description)
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


# -- records, levels, tags ---------------------------------------------------------------------------------------------


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
        _attribute(element, attribute, element.get(attribute), value)


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
    Node: _node,
    Primitive: _primitive,
    Group: _group,
    Clone: _clone,
    Bundle: _bundle,
    Level: _level,
    Record: _record,
    Tag: _tag,
}
