# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Pacemaker allows but nobody means. An old cluster may be built anew with all of it, so it is said and no fault."""

from __future__ import annotations

from functools import cached_property
from typing import Dict, Iterator, List, Set, Tuple

from ..model.declaration import Declaration, Document
from ..model.entries import options_of
from ..model.objects import CONSTRAINTS, Bundle, Clone, Primitive, Record, State, contents
from ..model.values import boolean, whole

MOST_REPLICAS = 1000  # of one bundle whose names are thought of


def warnings(wanted: State, document: Document) -> List[str]:
    """What a document declares that will have no effect, or needs no container."""
    doubter = _Doubter(wanted)
    return [said for entry in document.entries if not entry.absent for said in doubter.of(entry)]


class _Doubter:
    def __init__(self, wanted: State) -> None:
        self.wanted = wanted

    def of(self, entry: Declaration) -> Iterator[str]:
        made = entry.object
        if isinstance(made, Record) and made.kind in CONSTRAINTS:
            yield from self._nowhere(entry.path, made)
            yield from self._never(entry.path, made)
        for name in contents(made):
            found = self.wanted.resource(name)
            if found is not None and found.kind == "stonith":
                yield f"{entry.path}: {name} is a fence device; the cluster uses it from any node, without a {made.kind} around it"

    def _nowhere(self, path: str, made: Record) -> Iterator[str]:
        node = made.part.get("node")
        if made.kind == "location" and node and self.nodes and node not in self.nodes:
            yield f"{path}: {node} is no node of this cluster; the constraint has no effect until it joins"

    def _never(self, path: str, made: Record) -> Iterator[str]:
        for name, key, end in _PROMOTING.get(made.kind, ()):
            role, resource = made.part.get(name) or "", made.part.get(end) or ""
            if role in ("Promoted", "Unpromoted", "promote", "demote") and not self._may_be_promoted(resource):
                role = {"promote": "Promoted", "demote": "Promoted"}.get(role, role)
                yield f"{path}.{key}: {resource} is no promotable clone, so it is never {role}"

    def _may_be_promoted(self, name: str) -> bool:
        """Whether it is a promotable clone or bundle. Of templates and tags only Pacemaker knows what they stand for."""
        found = self.wanted.resource(name)
        if isinstance(found, Bundle):
            return bool(found.resource)  # by its promoted_max, and by what is inside
        if isinstance(found, Clone):
            return _is_promotable(found)
        return found is None or found.kind == "template"

    @cached_property
    def nodes(self) -> Set[str]:
        return {key.id for key in self.wanted.objects if key.family == "node"} | guests(self.wanted)


def guests(state: State) -> Set[str]:
    """The nodes that resources make: remote ones, guests, and the replicas of bundles."""
    found: Set[str] = set()
    for resource in state.objects.values():
        if isinstance(resource, Primitive):
            guest = (resource.meta or {}).get("remote-node")
            if resource.agent == "ocf:pacemaker:remote":
                found.add(resource.id)
            if guest:
                found.add(guest)
        elif isinstance(resource, Bundle) and resource.container is not None:
            replicas = resource.container.get("replicas") or resource.container.get("promoted-max") or "1"
            found.update(f"{resource.id}-{number}" for number in range(min(MOST_REPLICAS, whole(replicas) or 1)))
    return found


def _is_promotable(found: Clone) -> bool:
    """Whether any of its meta attributes says so; with rules in between only Pacemaker knows."""
    said = [(found.meta or {}).get("promotable")]
    said += [options_of(one).get("promotable") for one in found.sets.get("meta_attributes", ())]
    return any(boolean(text or "") for text in said)


# Attributes of constraints that need a promotable resource: (attribute, key, the attribute that names the resource).
_PROMOTING: Dict[str, Tuple[Tuple[str, str, str], ...]] = {
    "colocation": (("with-rsc-role", "with_role", "with-rsc"), ("rsc-role", "resource_role", "rsc")),
    "order": (("first-action", "first_action", "first"), ("then-action", "then_action", "then")),
}
