# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest ordered list of changes between two configurations.

The order is one in which every single step can be taken: what refers goes before what it refers to, containers are
opened before their contents move, and things exist before they are put into something. A plan that stops anywhere
leaves a configuration from which planning again reaches the same end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Tuple

from ..model.objects import Key, Object, State

CREATE, UPDATE, REMOVE = "create", "update", "remove"


@dataclass(frozen=True)
class Change:
    """One object made, changed or removed."""

    before: Optional[Object]
    after: Optional[Object]
    because: Optional[str] = None  # why, where nobody named it
    place: int = 0  # among all that is wanted

    @property
    def object(self) -> Object:
        found = self.after if self.after is not None else self.before
        assert found is not None
        return found

    @property
    def action(self) -> str:
        if self.before is None:
            return CREATE
        return REMOVE if self.after is None else UPDATE

    @property
    def key(self) -> Key:
        return self.object.key

    @property
    def reverse(self) -> Change:
        return Change(self.after, self.before, None, self.place)


# Rank by (action, kind): see the module's docstring.
_REFERRING = ("location", "colocation", "order", "ticket", "level", "acl_role")
_RANK: Dict[Tuple[str, str], float] = {}
for _action in (REMOVE, UPDATE, CREATE):
    _RANK[_action, "tag"] = -1  # first: what a document owns must not be forgotten by a plan that stops
for _kind in _REFERRING:
    _RANK[REMOVE, _kind] = 0
_RANK[REMOVE, "clone"] = _RANK[REMOVE, "bundle"] = 1
_RANK[REMOVE, "group"] = 2
_RANK[CREATE, "template"] = _RANK[UPDATE, "template"] = 2.5
_RANK[REMOVE, "template"] = 9.5
for _kind in ("primitive", "stonith"):
    _RANK[CREATE, _kind] = 3
    _RANK[UPDATE, _kind] = 4
    _RANK[REMOVE, _kind] = 9
_RANK[UPDATE, "group"] = 5
_RANK[CREATE, "group"] = 6
_RANK[UPDATE, "clone"] = _RANK[UPDATE, "bundle"] = 7
_RANK[CREATE, "clone"] = _RANK[CREATE, "bundle"] = 8
for _kind in ("property", "resource_default", "operation_default", "node"):
    for _action in (REMOVE, UPDATE, CREATE):
        _RANK[_action, _kind] = 10
for _kind in _REFERRING:
    _RANK[UPDATE, _kind] = _RANK[CREATE, _kind] = 11
for _kind in ("property_set", "resource_default_set", "operation_default_set", "alert"):
    for _action in (REMOVE, UPDATE, CREATE):
        _RANK[_action, _kind] = 12
for _kind in ("acl_user", "acl_group", "acl_old_user"):
    _RANK[REMOVE, _kind] = -0.5
    _RANK[UPDATE, _kind] = _RANK[CREATE, _kind] = 12


def diff(current: State, wanted: State, because: Optional[Mapping[Key, str]] = None) -> List[Change]:
    """Changes that turn `current` into `wanted`, in an order that can be taken step by step."""
    reasons = because or {}
    changes = []
    everything = list(current.objects) + [key for key in wanted.objects if key not in current.objects]
    for place, key in enumerate(everything):
        before, after = current.objects.get(key), wanted.objects.get(key)
        if before != after:
            changes.append(Change(before, after, reasons.get(key), place))
    return sorted(changes, key=lambda change: _RANK[change.action, change.object.kind])


def advance(state: State, changes: List[Change]) -> State:
    """The configuration after `changes`."""
    objects = dict(state.objects)
    for change in changes:
        if change.after is None:
            objects.pop(change.key, None)
        else:
            objects[change.key] = change.after
    return state.having(objects)
