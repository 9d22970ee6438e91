# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a wanted configuration hold together? All faults, each with what to do about it."""

from __future__ import annotations

import difflib
from typing import Dict, List, Mapping, Set

from ..errors import Fault
from ..model.document import Document
from ..model.objects import (
    Clone,
    Colocation,
    Group,
    Key,
    Level,
    Location,
    Object,
    Order,
    Primitive,
    State,
    contents,
)
from ..model.values import boolean


def validate(wanted: State, document: Document) -> List[Fault]:
    """Faults of what the document declares, judged against everything that will be there."""
    paths = {entry.object.key: entry.path for entry in document.entries if not entry.absent}
    paths.update(_constraint_paths(wanted, document))
    checker = _Checker(wanted, paths)
    for key, found in wanted.objects.items():
        if key in paths:
            checker.check(found)
    checker.containers()
    return checker.faults


def warnings(wanted: State, document: Document) -> List[str]:
    """What is allowed but probably not meant."""
    nodes = {key.id for key in wanted.objects if key.family == "node"}
    return [
        f"{entry.path}: {entry.object.node} is no node of this cluster; the constraint has no effect until it joins"
        for entry in document.entries
        if isinstance(entry.object, Location) and entry.object.node and nodes and not entry.absent
        and entry.object.node not in nodes
    ]  # fmt: skip


def _constraint_paths(wanted: State, document: Document) -> Dict[Key, str]:
    """Constraints and levels are known by meaning; find the keys they ended up with."""
    meanings = {
        entry.object.meaning: entry.path
        for entry in document.entries
        if hasattr(entry.object, "meaning") and not entry.absent
    }
    return {
        key: meanings[found.meaning]
        for key, found in wanted.objects.items()
        if isinstance(found, (Location, Colocation, Order, Level)) and found.meaning in meanings
    }


class _Checker:
    def __init__(self, wanted: State, paths: Mapping[Key, str]) -> None:
        self.wanted = wanted
        self.paths = paths
        self.faults: List[Fault] = []

    def check(self, found: Object) -> None:
        path = self.paths[found.key]
        if isinstance(found, Group):
            for index, member in enumerate(found.members or ()):
                self._inner(f"{path}.members[{index}]", member, (Primitive,), found.id)
            if not found.members:
                self._fault(f"{path}.members", "a group needs at least one member")
        elif isinstance(found, Clone):
            self._inner(f"{path}.resource", found.resource or "", (Primitive, Group), found.id)
        elif isinstance(found, Level):
            for index, device in enumerate(found.devices):
                self._device(f"{path}.devices[{index}]", device)
        elif isinstance(found, Location):
            self._resource(f"{path}.resource", found.resource)
        elif isinstance(found, Colocation):
            self._resource(f"{path}.resource", found.resource)
            self._resource(f"{path}.with", found.with_resource)
            self._promotable(f"{path}.with_role", found.with_resource, found.with_role)
            self._promotable(f"{path}.resource_role", found.resource, found.resource_role)
        elif isinstance(found, Order):
            self._resource(f"{path}.first", found.first)
            self._resource(f"{path}.then", found.then)
            for end, name, action in (
                ("first", found.first, found.first_action),
                ("then", found.then, found.then_action),
            ):
                if action in ("promote", "demote"):
                    self._promotable(f"{path}.{end}_action", name, "Promoted")

    def containers(self) -> None:
        """Every resource sits in at most one group or clone."""
        inside: Dict[str, str] = {}
        for found in self.wanted.objects.values():
            for name in contents(found):
                if name in inside:
                    path = self.paths.get(found.key) or self.paths.get(Key("resource", inside[name])) or "document"
                    self._fault(
                        path, f"{name} cannot be in {found.key.id} and in {inside[name]}; take it out of one of them"
                    )
                inside[name] = found.key.id

    def _inner(self, path: str, name: str, kinds: tuple, container: str) -> None:  # type: ignore[type-arg]
        found = self.wanted.resource(name)
        if found is None:
            self._missing(path, name)
        elif not isinstance(found, kinds) or found.kind == "stonith":
            self._fault(path, f"{name} is a {found.kind}, which cannot be inside {container}")

    def _device(self, path: str, name: str) -> None:
        found = self.wanted.resource(name)
        if found is None:
            self._missing(path, name)
        elif found.kind != "stonith":
            self._fault(path, f"{name} is a {found.kind}, not a fence device")

    def _resource(self, path: str, name: str) -> None:
        if self.wanted.resource(name) is None and name not in self.wanted.ids:
            self._missing(path, name)

    def _promotable(self, path: str, name: str, role: str) -> None:
        found = self.wanted.resource(name)
        if role not in ("Promoted", "Unpromoted") or found is None:
            return
        if not isinstance(found, Clone) or boolean((found.meta or {}).get("promotable") or "") is not True:
            self._fault(path, f"{name} is no promotable clone, so it is never {role}")

    def _missing(self, path: str, name: str) -> None:
        known: Set[str] = {key.id for key in self.wanted.objects if key.family == "resource"}
        near = difflib.get_close_matches(name, sorted(known), 1)
        hint = f"; did you mean {near[0]}?" if near else "; declare it or leave the reference out"
        self._fault(path, f"there is no resource {name or '(none given)'}{hint}")

    def _fault(self, path: str, message: str) -> None:
        self.faults.append(Fault(path, message))
