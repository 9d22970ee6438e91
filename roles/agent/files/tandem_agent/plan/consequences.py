# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from a change of some objects for others: members of groups, what lost its referent, order."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Set

from ..model.declaration import Declaration
from ..model.objects import Bundle, Clone, Group, Key, Node, Primitive, Record, Setting, Tag
from .draft import Draft
from .overlay import placed
from .references import mentions, without


def join_groups(draft: Draft) -> None:
    """`group: NAME` on a primitive: a member of it, appended when it is not one yet, and of no other."""
    joining = [found for found in draft.objects.values() if isinstance(found, Primitive) and found.group is not None]
    inside: Dict[str, Set[str]] = {}
    for group in [found for found in draft.objects.values() if isinstance(found, Group)] if joining else []:
        for member in group.members or ():
            inside.setdefault(member, set()).add(group.id)
    left: Dict[str, Set[str]] = {}
    joined: Dict[str, List[str]] = {}
    for resource in joining:
        wanted, have = resource.group or "", inside.get(resource.id, set())
        draft.objects[resource.key] = replace(resource, group=None)
        for other in have - {wanted}:
            left.setdefault(other, set()).add(resource.id)
        if wanted not in have:
            joined.setdefault(wanted, []).append(resource.id)
        if Key("resource", wanted) not in draft.objects:
            draft.place(Declaration(resource, ""), Group(wanted, (), {}, params={}))
    for name in left.keys() | joined.keys():
        found = draft.objects.get(Key("resource", name))
        if isinstance(found, Group):
            stay = tuple(member for member in found.members or () if member not in left.get(name, ()))
            draft.objects[found.key] = replace(found, members=stay + tuple(joined.get(name, ())))


def cascade(draft: Draft) -> None:
    """What cannot stand without a removed resource goes with it."""
    gone = {key.id for key in draft.current.objects if key.family == "resource" and key not in draft.objects}
    again = True
    while again:
        again = False
        for found in list(draft.objects.values()):
            left = without(found, gone)
            untouched = found == draft.current.objects.get(found.key) and not gone.intersection(mentions(found))
            if left is found or (untouched and not isinstance(found, Record)):
                continue  # an empty group that was there before is the cluster's own affair
            again = True
            missing = ", ".join(sorted(gone.intersection(mentions(found))))
            if left is None:
                draft.objects.pop(found.key)
                draft.wanted.because.setdefault(
                    found.key, f"it needs {missing}, which is removed" if missing else "nothing is left in it"
                )
                gone.add(found.key.id)
            else:
                draft.objects[found.key] = left
                draft.wanted.because.setdefault(found.key, f"{missing} is removed")


def untag(draft: Draft) -> None:
    """A tag cannot list what is gone, and cannot be empty."""
    gone = {key.id for key in draft.current.objects if key not in draft.objects}
    for found in list(draft.objects.values()):
        if isinstance(found, Tag) and gone.intersection(found.references):
            left = tuple(name for name in found.references if name not in gone)
            draft.wanted.because.setdefault(found.key, "what it lists is removed")
            if left:
                draft.objects[found.key] = replace(found, references=left)
            else:
                draft.objects.pop(found.key)


def order_new(draft: Draft) -> None:
    """New resources stand in the order the document gives them."""
    place = {name: index for index, name in enumerate(draft.document.order)}
    new = [key for key in draft.objects if key.family == "resource" and key not in draft.current.objects]
    if place:
        for key in sorted(new, key=lambda key: place.get(key.id, len(place))):
            draft.objects[key] = draft.objects.pop(key)


def place_sets(draft: Draft) -> None:
    """What stands ahead of plain options, or among them, does so only where there are some."""
    settings = {found.kind for found in draft.objects.values() if isinstance(found, Setting)}
    for key, found in draft.objects.items():
        if isinstance(found, Record) and found.ahead and found.kind[: -len("_set")] not in settings:
            draft.objects[key] = replace(found, ahead=False)
        elif isinstance(found, (Primitive, Group, Clone, Bundle, Node)) and found.sets:
            plain = {
                "instance_attributes": found.attributes if isinstance(found, Node) else found.params,
                "meta_attributes": None if isinstance(found, Node) else found.meta,
                "utilization": getattr(found, "utilization", None),
            }
            sets = placed(found.sets, plain)
            if sets != found.sets:
                draft.objects[key] = replace(found, sets=sets)
