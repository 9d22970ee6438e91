# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration that a document asks for, while it is being worked out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Dict, List, Mapping, Optional, Set, Tuple, Type

from ..cib.ids import Ids
from ..errors import Fault
from ..model.declaration import Declaration, Document
from ..model.objects import Key, Level, Object, Operation, Record, Setting, State, contents

DefaultOperations = Mapping[str, Tuple[Operation, ...]]

# An operator's decisions at run time; they stay unless the document speaks of them.
RUN_TIME_CONSTRAINTS = ("cli-ban-", "cli-prefer-", "cli-standby-")

# The families of what a document can own: an obj_ref may name any id.
OWNED = ("resource", "level", "constraint", "alert", "acl", "option_set", "acl_group")

WRONG: Object = Setting("", "", "")  # "found, but of another kind": already a fault


@dataclass
class Wanted:
    """The configuration a document asks for."""

    state: State
    faults: List[Fault] = field(default_factory=list)
    because: Dict[Key, str] = field(default_factory=dict)  # why something goes that nobody named
    named: Set[Key] = field(default_factory=set)  # what the document speaks of


class Draft:
    """What is, being turned into what is wanted; the objects are a copy that the steps edit."""

    def __init__(self, current: State, document: Document, default_operations: DefaultOperations) -> None:
        self.current = current
        self.document = document
        self.default_operations = default_operations
        self.objects: Dict[Key, Object] = dict(current.objects)
        self.ids = Ids(current.ids)
        self.wanted = Wanted(current)
        self.created: List[str] = []
        self.nodes = [key.id for key in self.objects if key.family == "node"]
        self.declared = frozenset(entry.object.key for entry in document.entries if not entry.absent)
        claimed = {entry.object.key for entry in document.entries if entry.explicit_id}
        self.by_meaning = {
            found.meaning: found
            for found in reversed(list(current.objects.values()))  # the first of equal ones stays in the index
            if isinstance(found, (Record, Level)) and found.meaning is not None
            and found.key not in claimed and not found.id.startswith(RUN_TIME_CONSTRAINTS)
        }  # fmt: skip

    def fault(self, path: str, message: str) -> None:
        self.wanted.faults.append(Fault(path, message))

    def found(self, entry: Declaration, kind: Type[Object]) -> Optional[Object]:
        """What the cluster has under the entry's name; WRONG, and a fault, where that is of another kind."""
        found = self.objects.get(entry.object.key)
        if found is not None and not isinstance(found, kind):
            self.fault(entry.path, f"{found.key.id} is a {found.kind} in the cluster, not a {entry.object.kind}")
            return WRONG
        return found

    def place(self, entry: Declaration, made: Object) -> None:
        """Put a resource, a setting or a node where it belongs, unless its id is another's."""
        if made.key not in self.objects and made.key.family == "resource":
            if made.key.id in self.current.ids:
                self.fault(entry.path, f"the id {made.key.id} is taken by something else in the cluster")
                return
            self.created.append(made.key.id)
        self.objects[made.key] = made

    def keep_new(self, entry: Declaration, made: Object) -> None:
        """A new object whose id may be made up: never one that is taken."""
        borrowed = isinstance(made, Record) and (made.kind in ("acl_user", "acl_group") or made.part.get("id-ref"))
        if entry.explicit_id and made.key.id in self.current.ids and not borrowed:
            self.fault(entry.path, f"the id {made.key.id} is taken by something else in the cluster")
            return
        if not entry.explicit_id and not borrowed:
            name = self.ids.fresh(made.key.id)
            if isinstance(made, Record):
                made = replace(made, part=replace(made.part, id=name))
            elif isinstance(made, Level):
                made = replace(made, id=name)
        self.wanted.named.add(made.key)
        self.objects[made.key] = made
        if made.key.family in OWNED:
            self.created.append(made.key.id)

    def drop(self, found: Object, why: Optional[str]) -> None:
        """Remove a resource and what is in it, save what the document declares."""
        self.objects.pop(found.key, None)
        if why:
            self.wanted.because.setdefault(found.key, why)
        for inner in contents(found):
            child = self.objects.get(Key("resource", inner))
            if child is not None and child.key not in self.declared:
                self.drop(child, f"its {found.kind} {found.key.id} is removed")
