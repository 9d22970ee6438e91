# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lay one entry of a document over what is: settings, nodes and resources."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Dict, Optional, Tuple, Type, TypeVar

from ..model.declaration import Declaration
from ..model.objects import Bundle, Clone, Group, Key, Node, Object, Operation, Primitive, Setting
from ..model.parts import Part
from ..model.secrets import ELSEWHERE, MASK
from ..model.values import boolean, same, setting_name
from .draft import WRONG, Draft
from .overlay import exact, meta_over, operations_over, params_over, part_over, parts_over, sets_over

# What Pacemaker writes itself (Pacemaker Explained, "Cluster Options").
FOREIGN_SETTINGS = frozenset(
    ("dc-version", "have-watchdog", "cluster-infrastructure", "cluster-name", "last-lrm-refresh")
)


def lay(draft: Draft, entry: Declaration) -> None:
    """The entry's object as it shall be, or its removal."""
    key = entry.object.key
    draft.wanted.named.add(key)
    if entry.absent:
        _remove(draft, key, entry)
        return
    made = _LAYERS[type(entry.object)](draft, entry)
    if made is not None:
        draft.place(entry, made)


def _setting(draft: Draft, entry: Declaration) -> Optional[Object]:
    declared = as_kind(Setting, entry.object)
    if declared.name in FOREIGN_SETTINGS:
        draft.fault(entry.path, "is written by the cluster itself and cannot be declared")
        return None
    found = draft.objects.get(declared.key)
    if isinstance(found, Setting):
        unchanged = declared.value == MASK or same(found.name, found.value, declared.value)
        return found if unchanged else replace(found, value=declared.value)
    if declared.kind == "property" and declared.name not in draft.document.verbatim:
        return replace(declared, name=setting_name(declared.name, draft.current.modern_names))
    return declared


def _node(draft: Draft, entry: Declaration) -> Optional[Object]:
    declared = as_kind(Node, entry.object)
    found = draft.objects.get(declared.key)
    if not isinstance(found, Node):
        return _new_node(draft, entry, declared)
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


def _new_node(draft: Draft, entry: Declaration, declared: Node) -> Optional[Object]:
    """Corosync makes the members; remote nodes get an entry with their first attribute, by whoever sets it."""
    if declared.type is None and draft.nodes:
        nodes = ", ".join(sorted(draft.nodes))
        draft.fault(entry.path, f"{declared.id} is no node of this cluster; its nodes are {nodes}")
        return None
    draft.nodes.append(declared.id)
    attributes = exact({}, declared.attributes)
    number = declared.number or (None if declared.type else str(len(draft.nodes)))
    return replace(declared, attributes=attributes, utilization=exact({}, declared.utilization), number=number)


def _primitive(draft: Draft, entry: Declaration) -> Optional[Object]:
    declared = as_kind(Primitive, entry.object)
    found = draft.found(entry, Primitive)
    if found is WRONG:
        return None
    _unmask(draft, entry, declared, found)
    if found is None:
        if declared.agent in ("", "stonith:") and not declared.template:
            draft.fault(f"{entry.path}.agent", f"is required: {declared.id} does not exist yet")
            return None
        return replace(
            declared,
            params=params_over({}, declared),
            meta=meta_over({}, declared.meta or {}, declared.switches),
            ops=_new_operations(draft, declared),
            utilization=exact({}, declared.utilization),
            sets=sets_over({}, declared.sets),
            also={},
            secrets=None,
            switches={},
        )
    have = as_kind(Primitive, found)
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


def _unmask(draft: Draft, entry: Declaration, declared: Primitive, found: Optional[Object]) -> None:
    """A secret as an export shows it stays what it is, where there is one."""
    have = (found.params or {}) if isinstance(found, Primitive) else {}
    for name, value in (declared.secrets or {}).items():
        if value == MASK and have.get(name) != ELSEWHERE:
            draft.fault(f"{entry.path}.secrets.{name}", f"{MASK} is no secret but a mask; write the secret itself")


def _new_operations(draft: Draft, declared: Primitive) -> Tuple[Operation, ...]:
    given = declared.ops
    if given == ():
        return ()
    names = {operation.name for operation in given or ()}
    usual = draft.default_operations.get(declared.agent, ())
    return (given or ()) + tuple(operation for operation in usual if operation.name not in names)


def _group(draft: Draft, entry: Declaration) -> Optional[Object]:
    declared = as_kind(Group, entry.object)
    found = draft.found(entry, Group)
    if found is WRONG:
        return None
    if found is None:
        meta = meta_over({}, declared.meta or {}, declared.switches)
        return replace(
            declared, members=declared.members or (), meta=meta, params=exact({}, declared.params),
            sets=sets_over({}, declared.sets), switches={},
        )  # fmt: skip
    have = as_kind(Group, found)
    return Group(
        id=have.id,
        members=have.members if declared.members is None else declared.members,
        meta=meta_over(have.meta or {}, declared.meta, declared.switches),
        description=have.description if declared.description is None else declared.description,
        params=exact(have.params or {}, declared.params),
        sets=sets_over(have.sets, declared.sets),
        ids={**declared.ids, **have.ids},
    )


def _clone(draft: Draft, entry: Declaration) -> Optional[Object]:
    declared = as_kind(Clone, entry.object)
    found = draft.found(entry, Clone)
    if found is WRONG:
        return None
    if found is None:
        if not declared.resource:
            draft.fault(f"{entry.path}.resource", f"is required: {declared.id} does not exist yet")
            return None
        return replace(
            declared, meta=meta_over({}, declared.meta or {}, declared.switches), params=exact({}, declared.params),
            sets=sets_over({}, declared.sets), switches={},
        )  # fmt: skip
    have = as_kind(Clone, found)
    return Clone(
        id=have.id,
        resource=declared.resource or have.resource,
        meta=meta_over(have.meta or {}, declared.meta, declared.switches),
        description=have.description if declared.description is None else declared.description,
        params=exact(have.params or {}, declared.params),
        sets=sets_over(have.sets, declared.sets),
        ids={**declared.ids, **have.ids},
    )


def _bundle(draft: Draft, entry: Declaration) -> Optional[Object]:
    declared = as_kind(Bundle, entry.object)
    found = draft.found(entry, Bundle)
    if found is WRONG:
        return None
    have = Bundle(declared.id, None, None, (), None, {}, ids=declared.ids) if found is None else as_kind(Bundle, found)
    if found is None and declared.container is None:
        draft.fault(f"{entry.path}.container", f"is required: {declared.id} does not exist yet")
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


def _remove(draft: Draft, key: Key, entry: Declaration) -> None:
    found = draft.objects.get(key)
    if found is None:
        return
    if entry.kind_said and found.kind != entry.object.kind and "stonith" not in (found.kind, entry.object.kind):
        draft.fault(entry.path, f"{key.id} is a {found.kind} in the cluster, not a {entry.object.kind}")
        return
    draft.drop(found, None)


def _over(have: Optional[Part], declared: Optional[Part]) -> Optional[Part]:
    """One part in place of another of the same kind, or of a different one."""
    if have is None or declared is None or have.tag != declared.tag:
        return have if declared is None else declared
    return part_over(have, declared)


_T = TypeVar("_T")


def as_kind(kind: Type[_T], value: object) -> _T:
    """`value`, which the table it came through says is a `kind`."""
    assert isinstance(value, kind)
    return value


_LAYERS: Dict[Type[Object], Callable[[Draft, Declaration], Optional[Object]]] = {
    Setting: _setting,
    Node: _node,
    Primitive: _primitive,
    Group: _group,
    Clone: _clone,
    Bundle: _bundle,
}
