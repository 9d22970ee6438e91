# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a cluster's configuration, each with the key it is known by.

Two forms share the classes. Read from a CIB, every field says what is there. Declared in a document, a field that is
None was not said: it stays as it is. Inside a declared map a value of None says "not set".
Names and meanings: Pacemaker Explained, chapters "Resources", "Resource Constraints", "Fencing".
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Dict, FrozenSet, Mapping, NamedTuple, Optional, Tuple, Union

from .values import canonical, duration_ms, role

Map = Dict[str, Optional[str]]


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

    @property
    def id(self) -> str:
        return self.name

    @property
    def key(self) -> Key:
        return Key(self.kind, self.name)


@dataclass(frozen=True)
class Node:
    """A cluster node's permanent attributes; standby and maintenance are two of them."""

    id: str
    attributes: Map = field(default_factory=dict)
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

    @property
    def key(self) -> Tuple[str, object, str]:
        """Pacemaker tells operations apart by name, interval and role."""
        every = duration_ms(self.interval)
        return self.name, self.interval if every is None else every, role(self.role) if self.role else ""

    def means(self, other: Operation) -> bool:
        """Whether both say the same, however it is spelt."""
        return self.key == other.key and same_map(self.options, other.options)


@dataclass(frozen=True)
class Primitive:
    """A single resource run by an agent. A fence device is one of class `stonith`."""

    id: str
    agent: str  # class:provider:type, class:type; empty when a template gives it
    params: Optional[Map] = None
    meta: Optional[Map] = None
    ops: Optional[Tuple[Operation, ...]] = None
    template: Optional[str] = None
    description: Optional[str] = None
    group: Optional[str] = None  # only declared: "member of that group"
    also: Map = field(default_factory=dict)  # only declared: params to set even where `params` was not said
    switches: Map = field(default_factory=dict)  # only declared: meta to set even where `meta` was not said

    @property
    def kind(self) -> str:
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
    switches: Map = field(default_factory=dict)  # as for a primitive
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
    switches: Map = field(default_factory=dict)  # as for a primitive
    kind: str = "clone"

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


@dataclass(frozen=True)
class Expression:
    """A rule's test of a node attribute."""

    attribute: str
    operation: str
    value: Optional[str] = None
    type: Optional[str] = None


@dataclass(frozen=True)
class Rule:
    """When a location constraint holds, and with which score."""

    operator: str
    expressions: Tuple[Expression, ...]
    score: Optional[str] = None
    score_attribute: Optional[str] = None
    role: str = ""

    @property
    def meaning(self) -> Tuple[object, ...]:
        """The condition alone; the score is a value that may change."""
        return self.operator, self.expressions, role(self.role) if self.role else ""


@dataclass(frozen=True)
class Location:
    """Where a resource may or should run."""

    id: str
    resource: str
    node: Optional[str] = None
    score: Optional[str] = None
    role: str = ""
    rule: Optional[Rule] = None
    kind: str = "location"

    @property
    def key(self) -> Key:
        return Key("constraint", self.id)

    @property
    def meaning(self) -> Tuple[object, ...]:
        condition = self.rule.meaning if self.rule else (self.node,)
        return self.kind, self.resource, _plain(self.role), condition

    @property
    def resources(self) -> Tuple[str, ...]:
        return (self.resource,)


@dataclass(frozen=True)
class Colocation:
    """A resource that must or should run where another does."""

    id: str
    resource: str
    with_resource: str
    resource_role: str = ""
    with_role: str = ""
    score: Optional[str] = None
    kind: str = "colocation"

    @property
    def key(self) -> Key:
        return Key("constraint", self.id)

    @property
    def meaning(self) -> Tuple[object, ...]:
        return self.kind, self.resource, self.with_resource, _plain(self.resource_role), _plain(self.with_role)

    @property
    def resources(self) -> Tuple[str, ...]:
        return self.resource, self.with_resource


@dataclass(frozen=True)
class Order:
    """An action that waits for another."""

    id: str
    first: str
    then: str
    first_action: str = "start"
    then_action: str = "start"
    mode: Optional[str] = None
    symmetrical: Optional[str] = None
    kind: str = "order"

    @property
    def key(self) -> Key:
        return Key("constraint", self.id)

    @property
    def meaning(self) -> Tuple[object, ...]:
        return self.kind, self.first, self.first_action, self.then, self.then_action

    @property
    def resources(self) -> Tuple[str, ...]:
        return self.first, self.then


@dataclass(frozen=True)
class Tag:
    """A named list of ids. `tandem.NAME` lists what the document NAME created."""

    id: str
    references: Tuple[str, ...] = ()
    kind: str = "tag"

    @property
    def key(self) -> Key:
        return Key("tag", self.id)


Resource = Union[Primitive, Group, Clone]
Constraint = Union[Location, Colocation, Order]
Object = Union[Setting, Node, Primitive, Group, Clone, Level, Location, Colocation, Order, Tag]


@dataclass(frozen=True)
class State:
    """A whole configuration: the objects this version knows, and every id that is taken, known or not."""

    objects: Mapping[Key, Object]
    ids: FrozenSet[str] = frozenset()
    modern_roles: bool = True  # the schema knows Promoted and Unpromoted

    def get(self, family: str, id: str) -> Optional[Object]:
        return self.objects.get(Key(family, id))

    def resource(self, id: str) -> Optional[Resource]:
        found = self.objects.get(Key("resource", id))
        return found if isinstance(found, (Primitive, Group, Clone)) else None

    def having(self, objects: Mapping[Key, Object]) -> State:
        """The same surroundings with other objects."""
        return replace(self, objects=objects)


def contents(container: Object) -> Tuple[str, ...]:
    """The ids directly inside a group or clone."""
    if isinstance(container, Group):
        return container.members or ()
    if isinstance(container, Clone):
        return (container.resource,) if container.resource else ()
    return ()


def same_map(left: Mapping[str, Optional[str]], right: Mapping[str, Optional[str]]) -> bool:
    """Whether two maps hold the same options with values that mean the same."""
    return left.keys() == right.keys() and all(
        left[name] == right[name] or canonical(name, left[name] or "") == canonical(name, right[name] or "")
        for name in left
    )


def _plain(name: str) -> str:
    """A role as an identity: `Started` is what no role means."""
    plain = role(name) if name else ""
    return "" if plain == "Started" else plain
