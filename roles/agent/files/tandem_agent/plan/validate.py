# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a wanted configuration hold together? All faults, each with what to do about it."""

from __future__ import annotations

import difflib
from typing import Any, Callable, Collection, Dict, List, Mapping, Optional, Set, Tuple

from ..errors import Fault
from ..model.declaration import Document
from ..model.entries import references_in
from ..model.objects import (
    CONSTRAINTS,
    Bundle,
    Clone,
    Group,
    Key,
    Level,
    Object,
    Primitive,
    Record,
    Setting,
    State,
    Tag,
    contents,
)
from ..model.secrets import MASK
from .references import ids_in, parts_of


def validate(wanted: State, document: Document, changed: Optional[Collection[Key]] = None) -> List[Fault]:
    """Faults of what the document declares, judged against everything that will be there.

    With `changed`, only what changes is judged: what is there and stays, the cluster has lived with.
    """
    if changed is not None and not changed:
        return []
    paths = {entry.object.key: entry.path for entry in document.entries if not entry.absent}
    paths.update(_meant(wanted, document))
    judged = {key: path for key, path in paths.items() if changed is None or key in changed}
    gone = {key.id for key in changed or () if key not in wanted.objects}
    checker = _Checker(wanted, judged, gone)
    for key, found in wanted.objects.items():
        if key in judged:
            checker.check(found)
    checker.containers()
    checker.control_ports()
    by_path = set(judged.values())
    doubts = [doubt for entry in document.entries if entry.path in by_path for doubt in entry.doubts]
    return checker.faults + doubts


def _meant(wanted: State, document: Document) -> Dict[Key, str]:
    """Constraints, levels and sets are known by meaning; find the keys they ended up with."""
    meanings = {
        entry.object.meaning: entry.path
        for entry in document.entries
        if isinstance(entry.object, (Record, Level)) and entry.object.meaning is not None and not entry.absent
    }
    return {
        key: meanings[found.meaning]
        for key, found in wanted.objects.items()
        if isinstance(found, (Record, Level)) and found.meaning in meanings
    }


COMPARISONS = (
    20_000  # that look for a name's like; each takes its time, so of thousands of names only the first get a hint
)
_UNMASK = "write the secret itself, or export with --secrets"


class _Checker:
    def __init__(self, wanted: State, paths: Mapping[Key, str], removed: Set[str]) -> None:
        self.wanted = wanted
        self.paths = paths
        self.faults: List[Fault] = []
        self.removed = removed
        self.inner: Optional[Set[str]] = None
        self.names: List[str] = []
        self.hints = COMPARISONS

    def check(self, found: Object) -> None:
        path = self.paths[found.key]
        self._masked(path, found)
        judge = _JUDGES.get(type(found))
        if judge is not None:
            judge(self, path, found)

    def _masked(self, path: str, found: Object) -> None:
        """An export shows no secret; what it shows instead must not become one."""
        if isinstance(found, Setting) and found.value == MASK:
            self._fault(path, f"{MASK} is not its value but a mask; {_UNMASK}")
        operations = [(f"{path}.ops[{index}]", one) for index, one in enumerate(getattr(found, "ops", None) or ())]
        for place, holder in ((path, found), *operations):
            for field in ("params", "meta", "attributes", "utilization"):
                for name, value in (getattr(holder, field, None) or {}).items():
                    if value == MASK:
                        self._fault(f"{place}.{field}.{name}", f"{MASK} is not its value but a mask; {_UNMASK}")
        parts = parts_of(found)
        while parts:
            one = parts.pop()
            parts += one.parts
            if one.tag == "nvpair" and one.get("value") == MASK:
                self._fault(path, f"{MASK} is not the value of {one.get('name')} but a mask; {_UNMASK}")

    def group(self, path: str, found: Group) -> None:
        for index, member in enumerate(found.members or ()):
            self._inner(f"{path}.members[{index}]", member, (Primitive,), found.id)
        if not found.members:
            self._fault(f"{path}.members", "a group needs at least one member")

    def clone(self, path: str, found: Clone) -> None:
        self._inner(f"{path}.resource", found.resource or "", (Primitive, Group), found.id)

    def level(self, path: str, found: Level) -> None:
        for index, device in enumerate(found.devices):
            self._device(f"{path}.devices[{index}]", device)

    def tag(self, path: str, found: Tag) -> None:
        for index, name in enumerate(found.references):
            if not self._anywhere(name):
                self._fault(
                    f"{path}.references[{index}]", f"there is nothing called {name}; declare it or leave it out"
                )

    def record(self, path: str, found: Record) -> None:
        if found.kind in CONSTRAINTS:
            self._constraint(path, found)
            return
        for index, one in enumerate(found.part.all("role")):
            if not self._anywhere(one.get("id") or ""):
                self._fault(f"{path}.roles[{index}]", f"there is no role {one.get('id')}; declare it in acls")
        for name in references_in(found.part):
            if not self._anywhere(name) and not found.part.all("role"):
                self._fault(path, f"refers to {name}, which is not there")

    def _constraint(self, path: str, found: Record) -> None:
        for name, key in _ENDS[found.kind]:
            named = found.part.get(name)
            if named is not None:
                self._resource(f"{path}.{key}", named)
        for position, group in enumerate(found.part.all("resource_set")):
            for index, one in enumerate(group.parts):
                self._resource(f"{path}.sets[{position}].resources[{index}]", one.get("id") or "")

    def bundle(self, path: str, found: Bundle) -> None:
        if found.resource:
            self._inner(f"{path}.resource", found.resource, (Primitive,), found.id)
            network = found.network
            if network is None or not (network.get("ip-range-start") or network.get("control-port")):
                # Pacemaker Explained, "Bundles": the cluster talks to what runs inside, by an address or a port of its own.
                self._fault(
                    f"{path}.network",
                    f"{found.resource} inside a bundle needs network.control_port or network.ip_range_start",
                )

    def primitive(self, path: str, found: Primitive) -> None:
        if found.ops_same_as and not self._anywhere(found.ops_same_as):
            self._fault(f"{path}.ops_same_as", f"there are no operations called {found.ops_same_as}")
        if not found.template:
            return
        template = self.wanted.resource(found.template)
        if not isinstance(template, Primitive) or not template.is_template:
            self._fault(f"{path}.template", f"there is no template {found.template}; declare it with kind: template")

    def containers(self) -> None:
        """Every resource sits in at most one group, clone or bundle."""
        inside: Dict[str, Key] = {}
        for found in self.wanted.objects.values():
            for name in contents(found):
                other = inside.setdefault(name, found.key)
                path = self.paths.get(found.key) or self.paths.get(other)
                if other != found.key and path:
                    self._fault(
                        path, f"{name} cannot be in {found.key.id} and in {other.id}; take it out of one of them"
                    )

    def control_ports(self) -> None:
        """Bundles in the host's network share its ports, so each needs a control port of its own."""
        holders: Dict[str, Bundle] = {}
        for found in self.wanted.objects.values():
            if not isinstance(found, Bundle):
                continue
            port = _host_control_port(found)
            if port is None:
                continue
            other = holders.setdefault(port, found)
            one, rest = (found, other) if found.key in self.paths else (other, found)
            if other is not found and one.key in self.paths:
                self._fault(
                    f"{self.paths[one.key]}.network.control_port",
                    f"{port} is the control port of {rest.id} too, and both are in the host's network; give one another port",
                )

    def _inner(self, path: str, name: str, kinds: tuple, container: str) -> None:  # type: ignore[type-arg]
        found = self.wanted.resource(name)
        if found is None:
            self._missing(path, name)
        elif not isinstance(found, kinds) or found.kind == "template":
            self._fault(path, f"{name} is a {found.kind}, which cannot be inside {container}")

    def _device(self, path: str, name: str) -> None:
        found = self.wanted.resource(name)
        if found is None:
            self._missing(path, name)
        elif not self._agent(found).startswith("stonith:"):
            self._fault(path, f"{name} is a {found.kind}, not a fence device")

    def _agent(self, found: Object) -> str:
        """The agent of a primitive, which its template may name."""
        template = self.wanted.resource(getattr(found, "template", None) or "")
        return getattr(found, "agent", "") or getattr(template, "agent", "")

    def _resource(self, path: str, name: str) -> None:
        if self.wanted.resource(name) is None and not self._known(name):
            self._missing(path, name)

    def _known(self, name: str) -> bool:
        """Whether there is something of that id which this version may not know; what is being removed is not there."""
        if Key("tag", name) in self.wanted.objects:
            return True
        return name in self.wanted.ids and name not in self.removed

    def _anywhere(self, name: str) -> bool:
        """Whether something will have that id, be it deep inside of an object."""
        if self.inner is None:
            self.inner = {key.id for key in self.wanted.objects}
            for found in self.wanted.objects.values():
                self.inner.update(ids_in(found))
        return self._known(name) or name in self.inner

    def _missing(self, path: str, name: str) -> None:
        self.names = self.names or sorted(key.id for key in self.wanted.objects if key.family == "resource")
        near = difflib.get_close_matches(name, self.names, 1) if self.hints > 0 else []
        self.hints -= len(self.names)
        hint = f"; did you mean {near[0]}?" if near else "; declare it or leave the reference out"
        self._fault(path, f"there is no resource {name or '(none given)'}{hint}")

    def _fault(self, path: str, message: str) -> None:
        self.faults.append(Fault(path, message))


def _host_control_port(found: Bundle) -> Optional[str]:
    """The port by which the cluster talks to what runs inside a bundle that shares the host's network."""
    if not found.resource or found.network is None or found.container is None:
        return None
    return found.network.get("control-port") if found.container.get("network") == "host" else None


# Attributes of constraints that name resources: (attribute, key).
_ENDS: Dict[str, Tuple[Tuple[str, str], ...]] = {
    "location": (("rsc", "resource"),),
    "colocation": (("rsc", "resource"), ("with-rsc", "with")),
    "order": (("first", "first"), ("then", "then")),
    "ticket": (("rsc", "resource"),),
}
_JUDGES: Dict[type, Callable[[_Checker, str, Any], None]] = {
    Group: _Checker.group,
    Clone: _Checker.clone,
    Bundle: _Checker.bundle,
    Primitive: _Checker.primitive,
    Level: _Checker.level,
    Tag: _Checker.tag,
    Record: _Checker.record,
}
