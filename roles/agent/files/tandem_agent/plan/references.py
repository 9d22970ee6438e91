# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who mentions whom, and what is left of an object when what it mentions goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterable, Optional, Set, Tuple

from ..model.objects import Bundle, Clone, Group, Key, Level, Node, Object, Primitive, Record, State, contents


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


def inside(state: State, *names: str) -> Set[str]:
    """The resources of these names, and all that is in them."""
    found: Set[str] = set()
    for name in names:
        resource = state.resource(name)
        found.add(name)
        if resource is not None:
            found |= inside(state, *contents(resource))
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
