# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lay a document over what is: the whole configuration that is wanted, and the reason for what goes unasked.

Values that mean the same keep the spelling they have, so that what is equal stays identical and a plan is a plain
comparison. Faults are collected.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Callable, Dict, List, Mapping, Optional, Set, Tuple, Type, TypeVar

from ..cib.ids import Ids
from ..errors import Fault
from ..model.declaration import Declaration, Document
from ..model.document import TAG_PREFIX
from ..model.objects import (
    Bundle,
    Clone,
    Group,
    Key,
    Level,
    Node,
    Object,
    Operation,
    Primitive,
    Record,
    Setting,
    State,
    Tag,
    contents,
)  # fmt: skip
from ..model.parts import Part, is_hollow, part
from ..model.secrets import ELSEWHERE, MASK
from ..model.values import boolean, same, setting_name
from .overlay import (
    exact,
    meta_over,
    operations_over,
    params_over,
    part_over,
    parts_over,
    placed,
    record_over,
    sets_over,
)  # fmt: skip
from .references import mentions, without

DefaultOperations = Mapping[str, Tuple[Operation, ...]]

# An operator's decisions at run time; they stay unless the document speaks of them.
RUN_TIME_CONSTRAINTS = ("cli-ban-", "cli-prefer-", "cli-standby-")

# What Pacemaker writes itself (Pacemaker Explained, "Cluster Options").
FOREIGN_SETTINGS = frozenset(
    ("dc-version", "have-watchdog", "cluster-infrastructure", "cluster-name", "last-lrm-refresh")
)
# What the watchdog daemon of a host writes, or an administrator: it can be declared, but no purge removes it.
NEVER_PURGED = FOREIGN_SETTINGS | {"stonith-watchdog-timeout"}


@dataclass
class Wanted:
    """The configuration a document asks for."""

    state: State
    faults: List[Fault] = field(default_factory=list)
    because: Dict[Key, str] = field(default_factory=dict)  # why something goes that nobody named
    named: Set[Key] = field(default_factory=set)  # what the document speaks of


def declare(
    current: State, document: Document, purge: str = "none", default_operations: Optional[DefaultOperations] = None
) -> Wanted:
    """`current` with `document` laid over it. `purge`: none, owned or all."""
    return _Overlay(current, document, default_operations or {}).run(purge)


class _Overlay:
    """One laying-over; the objects are a copy that the steps below edit."""

    def __init__(self, current: State, document: Document, default_operations: DefaultOperations) -> None:
        self.current = current
        self.document = document
        self.default_operations = default_operations
        self.objects: Dict[Key, Object] = dict(current.objects)
        self.ids = Ids(current.ids)
        self.wanted = Wanted(current)
        self.created: List[str] = []
        self.nodes = [key.id for key in self.objects if key.family == "node"]
        self.declared = frozenset(entry.object.key for entry in document.entries if not entry.absent)
        claimed = {entry.object.key for entry in document.entries if entry.explicit_id}
        self.by_meaning = {
            found.meaning: found
            for found in reversed(list(current.objects.values()))  # the first of equal ones stays in the index
            if isinstance(found, (Record, Level)) and found.meaning is not None
            and found.key not in claimed and not found.id.startswith(RUN_TIME_CONSTRAINTS)
        }  # fmt: skip

    def run(self, purge: str) -> Wanted:
        for entry in self.document.entries:
            self._entry(entry)
        for kind, name in self.document.unset:
            key = Setting(kind, name, "").key
            self.wanted.named.add(key)
            if name in FOREIGN_SETTINGS:
                self._fault(f"document.{kind}.{name}", "is written by the cluster itself and cannot be removed")
            else:
                self.objects.pop(key, None)
        self._join_groups()
        owned = self._owned()
        if purge == "owned":
            self._purge(owned)
        elif purge == "all":
            self._purge_all()
        self._cascade()
        self._untag()
        self._own(owned)
        self._place_sets()
        self._order_new()
        self.wanted.state = self.current.having(self.objects)
        return self.wanted

    # -- entries ---------------------------------------------------------------------------------------------------

    def _entry(self, entry: Declaration) -> None:
        kind = type(entry.object)
        if kind is Record:
            self._record(entry)
        elif kind is Level:
            self._level(entry)
        elif kind is Tag:
            self._tag(entry)
        else:
            key = entry.object.key
            self.wanted.named.add(key)
            if entry.absent:
                self._remove_resource(key, entry)
            else:
                self._place(entry, _OVERLAYS[kind](self, entry))

    def _place(self, entry: Declaration, made: Optional[Object]) -> None:
        if made is None:
            return
        if made.key not in self.objects and made.key.family == "resource":
            if made.key.id in self.current.ids:
                self._fault(entry.path, f"the id {made.key.id} is taken by something else in the cluster")
                return
            self.created.append(made.key.id)
        self.objects[made.key] = made

    def lay_setting(self, entry: Declaration) -> Optional[Object]:
        declared = _as(Setting, entry.object)
        if declared.name in FOREIGN_SETTINGS:
            self._fault(entry.path, "is written by the cluster itself and cannot be declared")
            return None
        found = self.objects.get(declared.key)
        if isinstance(found, Setting):
            unchanged = declared.value == MASK or same(found.name, found.value, declared.value)
            return found if unchanged else replace(found, value=declared.value)
        if declared.kind == "property" and declared.name not in self.document.verbatim:
            return replace(declared, name=setting_name(declared.name, self.current.modern_names))
        return declared

    def lay_node(self, entry: Declaration) -> Optional[Object]:
        declared = _as(Node, entry.object)
        found = self.objects.get(declared.key)
        if not isinstance(found, Node):
            return self._new_node(entry, declared)
        attributes = dict(found.attributes)
        for name, value in declared.attributes.items():
            have = attributes.get(name)
            if value is None:
                # A switch that is off and one that was never set mean the same.
                if name not in ("standby", "maintenance") or boolean(have or "off") is not False:
                    attributes.pop(name, None)
            elif not same(name, have, value) and not (value == MASK and name in attributes):
                attributes[name] = value
        return replace(
            found,
            attributes=attributes,
            utilization=exact(found.utilization or {}, declared.utilization),
            sets=sets_over(found.sets, declared.sets),
            description=found.description if declared.description is None else declared.description,
            score=found.score if declared.score is None else declared.score,
            ids={**declared.ids, **found.ids},
        )

    def _new_node(self, entry: Declaration, declared: Node) -> Optional[Object]:
        """Corosync makes the members; remote nodes get an entry with their first attribute, by whoever sets it."""
        if declared.type is None and self.nodes:
            nodes = ", ".join(sorted(self.nodes))
            self._fault(entry.path, f"{declared.id} is no node of this cluster; its nodes are {nodes}")
            return None
        self.nodes.append(declared.id)
        attributes = exact({}, declared.attributes)
        number = declared.number or (None if declared.type else str(len(self.nodes)))
        return replace(declared, attributes=attributes, utilization=exact({}, declared.utilization), number=number)

    def lay_primitive(self, entry: Declaration) -> Optional[Object]:
        declared = _as(Primitive, entry.object)
        found = self._found(entry, Primitive)
        if found is _WRONG:
            return None
        self._unmask(entry, declared, found)
        if found is None:
            if declared.agent in ("", "stonith:") and not declared.template:
                self._fault(f"{entry.path}.agent", f"is required: {declared.id} does not exist yet")
                return None
            return replace(
                declared,
                params=params_over({}, declared),
                meta=meta_over({}, declared.meta or {}, declared.switches),
                ops=self._new_operations(declared),
                utilization=exact({}, declared.utilization),
                sets=sets_over({}, declared.sets),
                also={},
                secrets=None,
                switches={},
            )
        have = _as(Primitive, found)
        agent = have.agent if declared.agent in ("", "stonith:") else declared.agent
        return Primitive(
            id=have.id,
            agent=agent,
            params=params_over(have.params or {}, declared),
            meta=meta_over(have.meta or {}, declared.meta, declared.switches),
            ops=operations_over(have.ops or (), declared.ops),
            template=declared.template if declared.template is not None else have.template,
            description=have.description if declared.description is None else declared.description,
            utilization=exact(have.utilization or {}, declared.utilization),
            sets=sets_over(have.sets, declared.sets),
            ops_same_as=have.ops_same_as if declared.ops_same_as is None else declared.ops_same_as or None,
            is_template=have.is_template,
            group=declared.group,
            ids={**declared.ids, **have.ids},
        )

    def _unmask(self, entry: Declaration, declared: Primitive, found: Optional[Object]) -> None:
        """A secret as an export shows it stays what it is, where there is one."""
        have = (found.params or {}) if isinstance(found, Primitive) else {}
        for name, value in (declared.secrets or {}).items():
            if value == MASK and have.get(name) != ELSEWHERE:
                self._fault(f"{entry.path}.secrets.{name}", f"{MASK} is no secret but a mask; write the secret itself")

    def _new_operations(self, declared: Primitive) -> Tuple[Operation, ...]:
        given = declared.ops
        if given == ():
            return ()
        names = {operation.name for operation in given or ()}
        usual = self.default_operations.get(declared.agent, ())
        return (given or ()) + tuple(operation for operation in usual if operation.name not in names)

    def lay_group(self, entry: Declaration) -> Optional[Object]:
        declared = _as(Group, entry.object)
        found = self._found(entry, Group)
        if found is _WRONG:
            return None
        if found is None:
            meta = meta_over({}, declared.meta or {}, declared.switches)
            return replace(
                declared, members=declared.members or (), meta=meta, params=exact({}, declared.params),
                sets=sets_over({}, declared.sets), switches={},
            )  # fmt: skip
        have = _as(Group, found)
        return Group(
            id=have.id,
            members=have.members if declared.members is None else declared.members,
            meta=meta_over(have.meta or {}, declared.meta, declared.switches),
            description=have.description if declared.description is None else declared.description,
            params=exact(have.params or {}, declared.params),
            sets=sets_over(have.sets, declared.sets),
            ids={**declared.ids, **have.ids},
        )

    def lay_clone(self, entry: Declaration) -> Optional[Object]:
        declared = _as(Clone, entry.object)
        found = self._found(entry, Clone)
        if found is _WRONG:
            return None
        if found is None:
            if not declared.resource:
                self._fault(f"{entry.path}.resource", f"is required: {declared.id} does not exist yet")
                return None
            return replace(
                declared, meta=meta_over({}, declared.meta or {}, declared.switches), params=exact({}, declared.params),
                sets=sets_over({}, declared.sets), switches={},
            )  # fmt: skip
        have = _as(Clone, found)
        return Clone(
            id=have.id,
            resource=declared.resource or have.resource,
            meta=meta_over(have.meta or {}, declared.meta, declared.switches),
            description=have.description if declared.description is None else declared.description,
            params=exact(have.params or {}, declared.params),
            sets=sets_over(have.sets, declared.sets),
            ids={**declared.ids, **have.ids},
        )

    def lay_bundle(self, entry: Declaration) -> Optional[Object]:
        declared = _as(Bundle, entry.object)
        found = self._found(entry, Bundle)
        if found is _WRONG:
            return None
        have = Bundle(declared.id, None, None, (), None, {}, ids=declared.ids) if found is None else _as(Bundle, found)
        if found is None and declared.container is None:
            self._fault(f"{entry.path}.container", f"is required: {declared.id} does not exist yet")
            return None
        network = _over(have.network, declared.network)
        return Bundle(
            id=have.id,
            container=_over(have.container, declared.container),
            network=network if network and (network.attributes or network.parts) else None,
            storage=have.storage if declared.storage is None
            else parts_over(have.storage or (), declared.storage, ("storage-mapping",)),
            resource=have.resource if declared.resource is None else declared.resource or None,
            meta=meta_over(have.meta or {}, declared.meta, declared.switches),
            description=have.description if declared.description is None else declared.description,
            params=exact(have.params or {}, declared.params),
            sets=sets_over(have.sets, declared.sets),
            ids={**declared.ids, **have.ids},
        )  # fmt: skip

    def _found(self, entry: Declaration, kind: Type[Object]) -> Optional[Object]:
        found = self.objects.get(entry.object.key)
        if found is not None and not isinstance(found, kind):
            self._fault(entry.path, f"{found.key.id} is a {found.kind} in the cluster, not a {entry.object.kind}")
            return _WRONG
        return found

    # -- records, levels, tags -------------------------------------------------------------------------------------

    def _record(self, entry: Declaration) -> None:
        declared = _as(Record, entry.object)
        found = self._counterpart(entry, declared)
        if entry.absent:
            if found is not None:
                self.wanted.named.add(found.key)
                self.objects.pop(found.key)
        elif found is None:
            self._new_record(entry, declared)
        elif found.kind != declared.kind:
            self._fault(entry.path, f"{found.id} is a {found.kind} in the cluster, not a {declared.kind}")
        else:
            self.wanted.named.add(found.key)
            self._keep(record_over(found, declared))

    def _keep(self, made: Record) -> None:
        """A set of options that says nothing is none."""
        if is_hollow(made.part):
            self.objects.pop(made.key, None)
        else:
            self.objects[made.key] = made

    def _counterpart(self, entry: Declaration, declared: Record) -> Optional[Record]:
        """The record that is meant: by its id where one has it, else by what it says."""
        found = self.objects.get(declared.key) if entry.explicit_id or declared.meaning is None else None
        if found is None and declared.meaning is not None:
            found = self.by_meaning.get(declared.meaning)
        return found if isinstance(found, Record) else None

    def _new_record(self, entry: Declaration, made: Record) -> None:
        if is_hollow(made.part):
            return
        scored = "score" in made.said or any(
            name.startswith("score-attribute") for name, _value in made.part.attributes
        )
        if made.kind == "location" and not scored and not made.part.all("rule"):
            self._fault(f"{entry.path}.score", "is required for a new location constraint")
            return
        if made.kind == "colocation" and not scored and not made.part.all("resource_set"):
            attributes = {**dict(made.part.attributes), "score": "INFINITY"}
            name = made.id if entry.explicit_id else made.id + "-INFINITY"
            made = replace(made, part=part(made.part.tag, attributes, made.part.parts, name))
        if made.kind == "alert" and not made.part.get("path"):
            self._fault(f"{entry.path}.path", f"is required: {made.id} does not exist yet")
            return
        self._keep_new(entry, made)

    def _tag(self, entry: Declaration) -> None:
        declared = _as(Tag, entry.object)
        self.wanted.named.add(declared.key)
        if entry.absent:
            self.objects.pop(declared.key, None)
            return
        found = self.objects.get(declared.key)
        if isinstance(found, Tag):  # neither the order of what a tag lists has a meaning, nor how often
            kept = tuple(name for name in found.references if name in declared.references)
            added = tuple(name for name in declared.references if name not in kept)
            self.objects[declared.key] = replace(found, references=kept + added)
        else:
            self._keep_new(entry, declared)

    def _level(self, entry: Declaration) -> None:
        declared = _as(Level, entry.object)
        found = self.objects.get(declared.key) if entry.explicit_id else None
        found = found or self.by_meaning.get(declared.meaning)
        if entry.absent:
            if found is not None:
                self.wanted.named.add(found.key)
                self.objects.pop(found.key)
        elif isinstance(found, Level):
            self.wanted.named.add(found.key)
            self.objects[found.key] = replace(declared, id=found.id)
        else:
            self._keep_new(entry, declared)

    def _keep_new(self, entry: Declaration, made: Object) -> None:
        """A new object whose id may be made up: never one that is taken."""
        borrowed = isinstance(made, Record) and (made.kind in ("acl_user", "acl_group") or made.part.get("id-ref"))
        if entry.explicit_id and made.key.id in self.current.ids and not borrowed:
            self._fault(entry.path, f"the id {made.key.id} is taken by something else in the cluster")
            return
        if not entry.explicit_id and not borrowed:
            name = self.ids.fresh(made.key.id)
            if isinstance(made, Record):
                made = replace(made, part=replace(made.part, id=name))
            elif isinstance(made, Level):
                made = replace(made, id=name)
        self.wanted.named.add(made.key)
        self.objects[made.key] = made
        if made.key.family in _OWNED:
            self.created.append(made.key.id)

    # -- removal ---------------------------------------------------------------------------------------------------

    def _remove_resource(self, key: Key, entry: Declaration) -> None:
        found = self.objects.get(key)
        if found is None:
            return
        if entry.kind_said and found.kind != entry.object.kind and "stonith" not in (found.kind, entry.object.kind):
            self._fault(entry.path, f"{key.id} is a {found.kind} in the cluster, not a {entry.object.kind}")
            return
        self._drop(found, None)

    def _drop(self, found: Object, why: Optional[str]) -> None:
        """Remove a resource and what is in it, save what the document declares."""
        self.objects.pop(found.key, None)
        if why:
            self.wanted.because.setdefault(found.key, why)
        for inner in contents(found):
            child = self.objects.get(Key("resource", inner))
            if child is not None and child.key not in self.declared:
                self._drop(child, f"its {found.kind} {found.key.id} is removed")

    def _join_groups(self) -> None:
        """`group: NAME` on a primitive: a member of it, appended when it is not one yet, and of no other."""
        joining = [found for found in self.objects.values() if isinstance(found, Primitive) and found.group is not None]
        inside: Dict[str, Set[str]] = {}
        for group in [found for found in self.objects.values() if isinstance(found, Group)] if joining else []:
            for member in group.members or ():
                inside.setdefault(member, set()).add(group.id)
        left: Dict[str, Set[str]] = {}
        joined: Dict[str, List[str]] = {}
        for resource in joining:
            wanted, have = resource.group or "", inside.get(resource.id, set())
            self.objects[resource.key] = replace(resource, group=None)
            for other in have - {wanted}:
                left.setdefault(other, set()).add(resource.id)
            if wanted not in have:
                joined.setdefault(wanted, []).append(resource.id)
            if Key("resource", wanted) not in self.objects:
                self._place(Declaration(resource, ""), Group(wanted, (), {}, params={}))
        for name in left.keys() | joined.keys():
            found = self.objects.get(Key("resource", name))
            if isinstance(found, Group):
                stay = tuple(member for member in found.members or () if member not in left.get(name, ()))
                self.objects[found.key] = replace(found, members=stay + tuple(joined.get(name, ())))

    def _cascade(self) -> None:
        """What cannot stand without a removed resource goes with it."""
        gone = {key.id for key in self.current.objects if key.family == "resource" and key not in self.objects}
        again = True
        while again:
            again = False
            for found in list(self.objects.values()):
                left = without(found, gone)
                untouched = found == self.current.objects.get(found.key) and not gone.intersection(mentions(found))
                if left is found or (untouched and not isinstance(found, Record)):
                    continue  # an empty group that was there before is the cluster's own affair
                again = True
                missing = ", ".join(sorted(gone.intersection(mentions(found))))
                if left is None:
                    self.objects.pop(found.key)
                    self.wanted.because.setdefault(
                        found.key, f"it needs {missing}, which is removed" if missing else "nothing is left in it"
                    )
                    gone.add(found.key.id)
                else:
                    self.objects[found.key] = left
                    self.wanted.because.setdefault(found.key, f"{missing} is removed")

    def _untag(self) -> None:
        """A tag cannot list what is gone, and cannot be empty."""
        gone = {key.id for key in self.current.objects if key not in self.objects}
        for found in list(self.objects.values()):
            if isinstance(found, Tag) and gone.intersection(found.references):
                left = tuple(name for name in found.references if name not in gone)
                self.wanted.because.setdefault(found.key, "what it lists is removed")
                if left:
                    self.objects[found.key] = replace(found, references=left)
                else:
                    self.objects.pop(found.key)

    # -- ownership -------------------------------------------------------------------------------------------------

    def _owned(self) -> Tuple[str, ...]:
        tag = self.current.get("tag", TAG_PREFIX + self.document.name) if self.document.name else None
        return tag.references if isinstance(tag, Tag) else ()

    def _purge(self, owned: Tuple[str, ...]) -> None:
        for name in owned:
            for family in _OWNED:
                found = self.objects.get(Key(family, name))
                if found is not None and found.key not in self.wanted.named:
                    self._drop(found, f"the document {self.document.name} no longer declares it")

    def _purge_all(self) -> None:
        kept = set(self.wanted.named)
        for key in list(kept):  # a group's or clone's contents are part of its declaration
            kept.update(Key("resource", name) for name in self._within(key))
        for key, found in list(self.objects.items()):
            if key.family in ("node", "tag", "option_set") or key in kept or key.id in NEVER_PURGED:
                continue
            if key.family == "constraint" and key.id.startswith(RUN_TIME_CONSTRAINTS):
                continue
            if found.key in self.objects:
                self.objects.pop(found.key)
                self.wanted.because.setdefault(found.key, "the document does not declare it")

    def _within(self, key: Key) -> Set[str]:
        """All that is in it, at any depth. Whether it may be there is judged later: a thing can be inside of itself."""
        names: Set[str] = set()
        todo = [key]
        while todo:
            found = self.objects.get(todo.pop())
            fresh = set(contents(found)) - names if found is not None else set()
            names |= fresh
            todo += [Key("resource", name) for name in fresh]
        return names

    def _own(self, owned: Tuple[str, ...]) -> None:
        """Keep the document's tag: what it created and what still exists."""
        if not self.document.name:
            return
        tag = Tag(TAG_PREFIX + self.document.name)
        present = {key.id for key in self.objects if key.family in _OWNED}
        references = tuple(name for name in owned if name in present)
        listed = set(references)
        references += tuple(name for name in self.created if name in present and name not in listed)
        if references:
            self.objects[tag.key] = replace(tag, references=references)
        else:
            self.objects.pop(tag.key, None)

    def _order_new(self) -> None:
        """New resources stand in the order the document gives them."""
        place = {name: index for index, name in enumerate(self.document.order)}
        new = [key for key in self.objects if key.family == "resource" and key not in self.current.objects]
        if place:
            for key in sorted(new, key=lambda key: place.get(key.id, len(place))):
                self.objects[key] = self.objects.pop(key)

    def _place_sets(self) -> None:
        """What stands ahead of plain options, or among them, does so only where there are some."""
        settings = {found.kind for found in self.objects.values() if isinstance(found, Setting)}
        for key, found in self.objects.items():
            if isinstance(found, Record) and found.ahead and found.kind[: -len("_set")] not in settings:
                self.objects[key] = replace(found, ahead=False)
            elif isinstance(found, (Primitive, Group, Clone, Bundle, Node)) and found.sets:
                plain = {
                    "instance_attributes": found.attributes if isinstance(found, Node) else found.params,
                    "meta_attributes": None if isinstance(found, Node) else found.meta,
                    "utilization": getattr(found, "utilization", None),
                }
                sets = placed(found.sets, plain)
                if sets != found.sets:
                    self.objects[key] = replace(found, sets=sets)

    def _fault(self, path: str, message: str) -> None:
        self.wanted.faults.append(Fault(path, message))


# The families of what a document can own: an obj_ref may name any id.
_OWNED = ("resource", "level", "constraint", "alert", "acl", "option_set", "acl_group")


def _over(have: Optional[Part], declared: Optional[Part]) -> Optional[Part]:
    """One part in place of another of the same kind, or of a different one."""
    if have is None or declared is None or have.tag != declared.tag:
        return have if declared is None else declared
    return part_over(have, declared)


_WRONG: Object = Setting("", "", "")  # "found, but of another kind": already a fault

_OVERLAYS: Dict[Type[Object], Callable[[_Overlay, Declaration], Optional[Object]]] = {
    Setting: _Overlay.lay_setting,
    Node: _Overlay.lay_node,
    Primitive: _Overlay.lay_primitive,
    Group: _Overlay.lay_group,
    Clone: _Overlay.lay_clone,
    Bundle: _Overlay.lay_bundle,
}


_T = TypeVar("_T")


def _as(kind: Type[_T], value: object) -> _T:
    """`value`, which the table it came through says is a `kind`."""
    assert isinstance(value, kind)
    return value
