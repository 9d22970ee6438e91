# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that are kept in files of each node: what a document asks of the files of this one."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Set

from ..model.declaration import Document
from ..model.objects import Key, Object, Primitive, State
from ..model.secrets import ELSEWHERE, MASK, SEAL
from .diff import CREATE, REMOVE, UPDATE, Change

Have = Mapping[str, Optional[str]]  # by option; None: there is a file, but Pacemaker would not or should not read it


class SecretChange(NamedTuple):
    """One file of this node made, changed or removed."""

    action: str
    resource: str
    name: str
    value: str = ""

    def as_json(self) -> Dict[str, Any]:
        """The change as an entry of a plan; of a secret nobody is shown more than that it changes."""
        name = f"{self.resource}.{self.name}"
        masked = {"name": self.name, "value": MASK}
        return {
            "action": self.action,
            "kind": "secret",
            "id": name,
            "summary": f"{self.action} secret {name} in the files of this node",
            "before": None if self.action == CREATE else masked,
            "after": None if self.action == REMOVE else masked,
            "because": None,
        }

    def as_diff(self) -> Dict[str, str]:
        """The change for Ansible's diff mode."""
        header = f"secret {self.resource}.{self.name}"
        before, after = self.action != CREATE, self.action != REMOVE
        return {
            "before_header": header if before else header + " (absent)",
            "after_header": header if after else header + " (absent)",
            "before": f"{self.name}: {MASK} (changed)\n"
            if before and after
            else f"{self.name}: {MASK}\n"
            if before
            else "",
            "after": f"{self.name}: {MASK}\n" if after else "",
        }


def secret_changes(
    document: Document, changes: List[Change], wanted: State, have: Callable[[str], Have]
) -> List[SecretChange]:
    """What to do with the files of this node: exactly the secrets that are declared, and none of what goes."""
    found: List[SecretChange] = []
    for entry in document.entries:
        declared = entry.object
        if not isinstance(declared, Primitive):
            continue
        if entry.absent:
            if wanted.resource(declared.id) is None:
                found += [SecretChange(REMOVE, declared.id, name) for name in have(declared.id)]
        elif declared.secrets is not None:
            found += _for_one(declared.id, declared.secrets, have(declared.id))
    told = {(change.resource, change.name) for change in found}
    for change in changes:
        for name in sorted(elsewhere(change.before) - elsewhere(change.after)):
            if (change.key.id, name) not in told and name in have(change.key.id):
                found.append(SecretChange(REMOVE, change.key.id, name))
    return [
        change for change in found if change.action != REMOVE or change.name not in kept_from(wanted, change.resource)
    ]


def _for_one(resource: str, declared: Mapping[str, Optional[str]], have: Have) -> List[SecretChange]:
    found = []
    for name, value in declared.items():
        if value is not None and value != MASK and have.get(name) != value:
            found.append(SecretChange(UPDATE if name in have else CREATE, resource, name, value))
    return found + [SecretChange(REMOVE, resource, name) for name in have if declared.get(name) is None]


def elsewhere(found: Optional[Object]) -> Set[str]:
    """The options of a primitive whose values are not in the CIB."""
    params = (found.params or {}) if isinstance(found, Primitive) else {}
    return {name for name, value in params.items() if value == ELSEWHERE}


def announced(changes: List[Change]) -> Set[str]:
    """The resources whose secrets the cluster is told of by these changes: from then on every node needs the files."""
    found = set()
    for change in changes:
        seals = [
            (side.meta or {}).get(SEAL) if isinstance(side, Primitive) else None
            for side in (change.before, change.after)
        ]
        if elsewhere(change.after) and (elsewhere(change.after) - elsewhere(change.before) or seals[0] != seals[1]):
            found.add(change.key.id)
    return found


def members(state: State) -> Set[str]:
    """The nodes that need the files: full members of the cluster."""
    nodes = (found for key, found in state.objects.items() if key.family == "node")
    return {node.id for node in nodes if getattr(node, "type", None) in (None, "member")}


def kept_from(state: State, resource: str) -> Set[str]:
    """The options of a resource whose values are not in the CIB."""
    return elsewhere(state.objects.get(Key("resource", resource)))
