# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who mentions whom, and what is left of an object when what it mentions goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterable, List, Optional, Set, Tuple

from ..errors import Fault
from ..model.entries import references_in
from ..model.objects import Bundle, Clone, Group, Key, Level, Node, Object, Primitive, Record, State, Tag, contents
from ..model.parts import Part


def mentions(found: Object) -> Tuple[str, ...]:
    """The resources an object cannot do without."""
    if isinstance(found, Record):
        return found.resources
    if isinstance(found, Level):
        return found.devices
    if isinstance(found, Primitive):
        return (found.template,) if found.template else ()
    return contents(found)


def without(found: Object, gone: Set[str]) -> Optional[Object]:
    """The object after its removed resources went: itself, less of it, or None when it cannot stand."""
    if isinstance(found, Record):
        return _record_without(found, gone)
    if isinstance(found, Level) and gone.intersection(found.devices):
        devices = tuple(device for device in found.devices if device not in gone)
        return replace(found, devices=devices) if devices else None
    if isinstance(found, Clone) and found.resource in gone:
        return None
    if isinstance(found, Bundle) and found.resource in gone:
        return replace(found, resource=None)
    if isinstance(found, Group):
        members = tuple(member for member in found.members or () if member not in gone)
        if not members:
            return None
        return found if members == found.members else replace(found, members=members)
    return found


def _record_without(found: Record, gone: Set[str]) -> Optional[Record]:
    """A constraint loses what its sets list and goes with what it names; a role of the access control, a permission."""
    own = {found.part.get(name) for name in ("rsc", "with-rsc", "first", "then")}
    if gone & own:
        return None
    parts = []
    for one in found.part.parts:
        if one.tag == "acl_permission" and one.get("reference") in gone:
            continue
        if one.tag == "resource_set":
            left = [inner for inner in one.parts if inner.get("id") not in gone]
            if one.parts and not left:
                continue
            parts.append(one if len(left) == len(one.parts) else one.having(left))
        else:
            parts.append(one)
    if tuple(parts) == found.part.parts:
        return found
    if found.part.all("resource_set") and not any(one.tag == "resource_set" for one in parts):
        return None
    return replace(found, part=found.part.having(parts))


def ids_in(found: Object) -> Set[str]:
    """The ids of what is inside of an object, as far as they are known."""
    names = {name for name in getattr(found, "ids", {}).values() if name}
    for operation in getattr(found, "ops", None) or ():
        names |= {name for name in (operation.id, *operation.ids.values()) if name}
    left = parts_of(found)
    while left:
        one = left.pop()
        left += one.parts
        names |= {one.id} if one.id else set()
    return names


def parts_of(found: Object) -> List[Part]:
    """The elements of an object that are values: its sets of options, and what a record is."""
    parts = [one for sets in getattr(found, "sets", {}).values() for one in sets]
    for operation in getattr(found, "ops", None) or ():
        parts += [one for sets in operation.sets.values() for one in sets]
    return parts + ([found.part] if isinstance(found, Record) else [])


def _named(found: Object) -> Set[str]:
    """All that an object refers to."""
    names = {name for one in parts_of(found) for name in references_in(one)} | set(mentions(found))
    if isinstance(found, Primitive) and found.ops_same_as:
        names.add(found.ops_same_as)
    return names | (set(found.references) if isinstance(found, Tag) else set())


def stranded(current: State, wanted: State) -> List[Fault]:
    """What would refer to something that goes: Pacemaker's schema allows no such thing, and who asked should hear why."""
    changed = [key for key, found in current.objects.items() if wanted.objects.get(key) != found]
    if not changed:
        return []
    there: Set[str] = {key.id for key in wanted.objects}
    for found in wanted.objects.values():
        there |= ids_in(found)
    gone = {key.id: key.id for key in changed if key not in wanted.objects}
    gone.update({name: key.id for key in changed for name in ids_in(current.objects[key])})
    gone = {name: owner for name, owner in gone.items() if name not in there}
    return [
        Fault(f"{found.kind} {key.id}", f"refers to {name}, which goes with {gone[name]}; change or remove it too")
        for key, found in wanted.objects.items()
        for name in sorted(_named(found).intersection(gone))
    ]


def inside(state: State, *names: str) -> Set[str]:
    """The resources of these names, and all that is in them."""
    found: Set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        resource = state.resource(name)
        if resource is not None and name not in found:
            todo += contents(resource)
        found.add(name)
    return found


def spoken_of(keys: Iterable[Key], *states: State) -> Tuple[Set[str], Set[str]]:
    """The resources and the nodes that `keys` speak of in any of the states; what is in a group is meant with it."""
    resources: Set[str] = set()
    nodes: Set[str] = set()
    for key in keys:
        for state in states:
            found = state.objects.get(key)
            if isinstance(found, Node):
                nodes.add(found.id)
            elif found is not None and key.family != "tag":
                own = (key.id,) if key.family == "resource" else mentions(found)
                resources |= inside(state, *own)
    return resources, nodes
