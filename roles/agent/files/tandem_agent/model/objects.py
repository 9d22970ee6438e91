# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a cluster's configuration, each with the key it is known by.

Two forms share the classes. Read from a CIB, every field says what is there. Declared in a document, a field that is
None was not said: it stays as it is. Inside a declared map a value of None says "not set".
Names and meanings: Pacemaker Explained, chapters "Resources", "Resource Constraints", "Fencing".
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Dict, FrozenSet, Mapping, NamedTuple, Optional, Tuple, Union

from .parts import Part, meaning, part
from .values import canonical, duration_ms, role, setting_name

Map = Dict[str, Optional[str]]
Sets = Mapping[str, Tuple[Part, ...]]  # by element: the sets of options beside the plain one, in their order


class Key(NamedTuple):
    """Where an object lives: `family` is a name space of ids, `id` is unique in it."""

    family: str
    id: str


@dataclass(frozen=True)
class Setting:
    """One cluster property, resource default or operation default; `kind` says which."""

    kind: str  # property | resource_default | operation_default
    name: str
    value: str
    ids: Map = field(default_factory=dict, compare=False)  # of its option, and of the set that is in: `option`, `set`

    @property
    def id(self) -> str:
        return self.name

    @property
    def key(self) -> Key:
        return Key(self.kind, setting_name(self.name) if self.kind == "property" else self.name)


@dataclass(frozen=True)
class Node:
    """A cluster node's permanent attributes; standby and maintenance are two of them."""

    id: str
    attributes: Map = field(default_factory=dict)
    utilization: Optional[Map] = None
    sets: Sets = field(default_factory=dict)
    description: Optional[str] = None
    type: Optional[str] = None  # remote, ping; a member where it is not said
    score: Optional[str] = None
    number: Optional[str] = field(default=None, compare=False)  # its id in the CIB, which Corosync gives
    ids: Map = field(default_factory=dict, compare=False)  # of its sets and options, as for a primitive
    kind: str = "node"

    @property
    def key(self) -> Key:
        return Key("node", self.id)


@dataclass(frozen=True)
class Operation:
    """An operation of a resource: what identifies it, and its other options as they are written."""

    name: str
    interval: str = "0s"
    role: str = ""
    options: Map = field(default_factory=dict)
    params: Map = field(default_factory=dict)
    meta: Map = field(default_factory=dict)
    sets: Sets = field(default_factory=dict)
    id: Optional[str] = field(default=None, compare=False)
    ids: Map = field(default_factory=dict, compare=False)  # of its sets and options, as for a primitive

    @cached_property
    def key(self) -> Tuple[str, object, str]:
        """Pacemaker tells operations apart by name, interval and role."""
        every = duration_ms(self.interval)
        return self.name, self.interval if every is None else every, role(self.role) if self.role else ""

    def means(self, other: Operation) -> bool:
        """Whether both say the same, however it is spelt."""
        return (
            self.key == other.key
            and same_map(self.options, other.options)
            and same_map(self.params, other.params)
            and same_map(self.meta, other.meta)
            and {tag: sets for tag, sets in self.sets.items() if sets}
            == {tag: sets for tag, sets in other.sets.items() if sets}
        )


@dataclass(frozen=True)
class Primitive:
    """A single resource run by an agent, or the template of some. A fence device is one of class `stonith`."""

    id: str
    agent: str  # class:provider:type, class:type; empty when a template gives it
    params: Optional[Map] = None
    meta: Optional[Map] = None
    ops: Optional[Tuple[Operation, ...]] = None
    template: Optional[str] = None
    description: Optional[str] = None
    utilization: Optional[Map] = None
    sets: Sets = field(default_factory=dict)
    ops_same_as: Optional[str] = None  # the `operations` of another resource are its own too
    is_template: bool = False
    group: Optional[str] = None  # only declared: "member of that group"
    also: Map = field(default_factory=dict)  # only declared: params to set even where `params` was not said
    secrets: Optional[Map] = None  # only declared: params whose values Pacemaker keeps outside of the CIB
    switches: Map = field(default_factory=dict)  # only declared: meta to set even where `meta` was not said
    ids: Map = field(
        default_factory=dict, compare=False
    )  # of its sets and options, by where they are: `params`, `params.ip`

    @property
    def kind(self) -> str:
        if self.is_template:
            return "template"
        return "stonith" if self.agent.startswith("stonith:") else "primitive"

    @property
    def key(self) -> Key:
        return Key("resource", self.id)


@dataclass(frozen=True)
class Group:
    """Resources that start in order on one node."""

    id: str
    members: Optional[Tuple[str, ...]] = None
    meta: Optional[Map] = None
    description: Optional[str] = None
    params: Optional[Map] = None  # handed down to all members
    sets: Sets = field(default_factory=dict)
    switches: Map = field(default_factory=dict)  # as for a primitive
    ids: Map = field(default_factory=dict, compare=False)  # as for a primitive
    kind: str = "group"

    @property
    def key(self) -> Key:
        return Key("resource", self.id)


@dataclass(frozen=True)
class Clone:
    """A primitive or group that runs on several nodes; promotable by its meta attribute of that name."""

    id: str
    resource: Optional[str] = None
    meta: Optional[Map] = None
    description: Optional[str] = None
    params: Optional[Map] = None  # handed down to what it clones
    sets: Sets = field(default_factory=dict)
    switches: Map = field(default_factory=dict)  # as for a primitive
    ids: Map = field(default_factory=dict, compare=False)  # as for a primitive
    kind: str = "clone"

    @property
    def key(self) -> Key:
        return Key("resource", self.id)


@dataclass(frozen=True)
class Bundle:
    """Containers that the cluster starts, each with one replica of a resource inside, or with none."""

    id: str
    container: Optional[Part] = None  # podman, docker or rkt
    network: Optional[Part] = None
    storage: Optional[Tuple[Part, ...]] = None
    resource: Optional[str] = None
    meta: Optional[Map] = None
    description: Optional[str] = None
    params: Optional[Map] = None
    sets: Sets = field(default_factory=dict)
    switches: Map = field(default_factory=dict)  # as for a primitive
    ids: Map = field(default_factory=dict, compare=False)  # as for a primitive
    kind: str = "bundle"

    @property
    def key(self) -> Key:
        return Key("resource", self.id)


@dataclass(frozen=True)
class Level:
    """A step of the fencing topology: devices tried together for a target."""

    id: str
    by: str  # node | pattern | attribute
    target: str
    value: str  # of the attribute; else empty
    level: str
    devices: Tuple[str, ...] = ()
    kind: str = "level"

    @property
    def key(self) -> Key:
        return Key("level", self.id)

    @property
    def meaning(self) -> Tuple[object, ...]:
        return self.by, self.target, self.value, self.level


# The kinds of records, and the element each is.
CONSTRAINTS = {
    "location": "rsc_location",
    "colocation": "rsc_colocation",
    "order": "rsc_order",
    "ticket": "rsc_ticket",
}
OPTION_SETS = {
    "property_set": "cluster_property_set",
    "resource_default_set": "meta_attributes",
    "operation_default_set": "meta_attributes",
}
ACLS = {"acl_role": "acl_role", "acl_user": "acl_target", "acl_group": "acl_group", "acl_old_user": "acl_user"}
RECORDS = {**CONSTRAINTS, **OPTION_SETS, **ACLS, "alert": "alert"}

# Name spaces of ids that are not one: users and groups are named as the system names them.
_FAMILIES = {**dict.fromkeys(CONSTRAINTS, "constraint"), **dict.fromkeys(OPTION_SETS, "option_set"), "acl_role": "acl"}

# What may change about a constraint that stays itself; all else identifies it.
_CHANGING = {
    "location": ("score", "score-attribute", "resource-discovery"),
    "colocation": ("score", "score-attribute", "score-attribute-mangle", "influence", "node-attribute"),
    "order": ("kind", "symmetrical", "require-all"),
    "ticket": ("loss-policy",),
}


@dataclass(frozen=True)
class Record:
    """An object that is nothing but its element: constraints, sets of options with a rule, alerts, access control."""

    kind: str
    part: Part
    ahead: bool = False  # of a set of options: it stands before the plain ones; at equal score the last one wins
    said: FrozenSet[str] = field(default=frozenset(), compare=False)  # only declared: the keys that were given

    @property
    def id(self) -> str:
        return self.part.id or ""

    @cached_property
    def key(self) -> Key:
        return Key(_FAMILIES.get(self.kind, self.kind), self.id)

    @cached_property
    def meaning(self) -> Optional[Tuple[object, ...]]:
        """What identifies it besides its id; None where only the id does."""
        if self.kind in OPTION_SETS:
            rules = tuple(meaning(rule) for rule in self.part.all("rule"))
            return (self.kind, rules, self.part.get("id-ref")) if rules or self.part.get("id-ref") else None
        if self.kind not in CONSTRAINTS:
            return None
        attributes = dict(self.part.attributes)
        if self.kind == "order" and "first" in attributes:
            before = attributes.setdefault("first-action", "start")
            attributes.setdefault("then-action", before)
        inner = [one for one in self.part.parts if one.tag != "lifetime"]
        for name in ("role", "rsc-role", "with-rsc-role"):
            if role(attributes.get(name, "Started")) == "Started":
                attributes.pop(name, None)
        return self.kind, meaning(part(self.part.tag, attributes, inner), _CHANGING[self.kind])

    @property
    def resources(self) -> Tuple[str, ...]:
        """The resources (or templates, or tags) it names."""
        own = (self.part.get(name) for name in ("rsc", "with-rsc", "first", "then"))
        listed = (one.get("id") for group in self.part.all("resource_set") for one in group.parts)
        return tuple(name for name in (*own, *listed) if name)


@dataclass(frozen=True)
class Tag:
    """A named list of ids. `tandem.NAME` lists what the document NAME created."""

    id: str
    references: Tuple[str, ...] = ()
    kind: str = "tag"

    @property
    def key(self) -> Key:
        return Key("tag", self.id)


Resource = Union[Primitive, Group, Clone, Bundle]
Object = Union[Setting, Node, Primitive, Group, Clone, Bundle, Level, Record, Tag]


@dataclass(frozen=True)
class State:
    """A whole configuration: the objects this version knows, and every id that is taken, known or not."""

    objects: Mapping[Key, Object]
    ids: FrozenSet[str] = frozenset()
    referred: FrozenSet[str] = frozenset()  # ids that something refers to
    modern_roles: bool = True  # the schema knows Promoted and Unpromoted
    modern_names: bool = False  # Pacemaker calls its fencing properties fencing-*

    def get(self, family: str, id: str) -> Optional[Object]:
        return self.objects.get(Key(family, id))

    def resource(self, id: str) -> Optional[Resource]:
        found = self.objects.get(Key("resource", id))
        return found if isinstance(found, (Primitive, Group, Clone, Bundle)) else None

    def having(self, objects: Mapping[Key, Object]) -> State:
        """The same surroundings with other objects."""
        return replace(self, objects=objects)


def contents(container: Object) -> Tuple[str, ...]:
    """The ids directly inside a group, clone or bundle."""
    if isinstance(container, Group):
        return container.members or ()
    if isinstance(container, (Clone, Bundle)):
        return (container.resource,) if container.resource else ()
    return ()


def same_map(left: Mapping[str, Optional[str]], right: Mapping[str, Optional[str]]) -> bool:
    """Whether two maps hold the same options with values that mean the same."""
    return left.keys() == right.keys() and all(
        left[name] == right[name] or canonical(name, left[name] or "") == canonical(name, right[name] or "")
        for name in left
    )
