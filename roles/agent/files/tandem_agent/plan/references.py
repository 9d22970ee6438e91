# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who mentions whom, and what is left of an object when what it mentions goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterable, Optional, Set, Tuple

from ..model.objects import Clone, Colocation, Group, Key, Level, Location, Node, Object, Order, State, contents


def mentions(found: Object) -> Tuple[str, ...]:
    """The resources an object cannot do without."""
    if isinstance(found, (Location, Colocation, Order)):
        return found.resources
    if isinstance(found, Level):
        return found.devices
    return contents(found)


def without(found: Object, gone: Set[str]) -> Optional[Object]:
    """The object after its removed resources went: itself, less of it, or None when it cannot stand."""
    if isinstance(found, (Location, Colocation, Order)):
        return None if gone.intersection(found.resources) else found
    if isinstance(found, Level) and gone.intersection(found.devices):
        devices = tuple(device for device in found.devices if device not in gone)
        return replace(found, devices=devices) if devices else None
    if isinstance(found, Clone) and found.resource in gone:
        return None
    if isinstance(found, Group):
        members = tuple(member for member in found.members or () if member not in gone)
        if not members:
            return None
        return found if members == found.members else replace(found, members=members)
    return found


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
