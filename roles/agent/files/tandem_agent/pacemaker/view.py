# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a cluster: what is configured (the CIB), what is so (crm_mon), and the questions both answer together. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Set
from xml.etree.ElementTree import Element

from ..model.values import role
from .history import plain, records
from .rules import attributes_of
from .structure import Structure

Json = Dict[str, Any]
# Exit codes after which a resource is not tried again on that node.
HARD = {2: "invalid parameter", 3: "unimplemented", 4: "insufficient privileges", 5: "not installed"}


class Why(NamedTuple):
    """A reason, and whether it may go away without anybody's doing."""

    text: str
    passing: bool = False


class View:
    """The resources with what they are doing, and the nodes with what they are."""

    def __init__(self, root: Element, status: Mapping[str, Any]) -> None:
        self.root, self.status = root, status
        self.cluster: Json = status["cluster"]
        self.structure = Structure(root)
        self.running: Dict[str, Dict[str, str]] = {}  # resource → node → role
        self.blocked: Set[str] = set()
        self.unmanaged: Set[str] = set()
        for found in status["resources"]:
            name = plain(found["id"])
            self.running.setdefault(name, {}).update(dict.fromkeys(found["nodes"], found["role"]))
            if found["blocked"]:
                self.blocked.add(name)
            elif not found["managed"]:
                self.unmanaged.add(name)
        self.hard = [record for record in records(root) if record.failed and record.rc in HARD]
        self.attributes = attributes_of(root)
        for node in status["nodes"]:
            kind = "cluster" if node["type"] == "member" else "remote"
            self.attributes.setdefault(node["id"], {"#uname": node["id"]})["#kind"] = kind
        guests = {
            guest for bundle in self.structure.bundles() for _container, guest in self.structure.containers(bundle)
        }
        self.nodes: List[Json] = [node for node in status["nodes"] if node["id"] not in guests]

    def failures(self, name: str) -> List[Json]:
        return [failure for failure in self.status["failures"] if plain(failure["resource"]) == name]

    def disabled(self, name: str) -> bool:
        """Whether it is meant not to run."""
        stopped = role(self.structure.meta(name, "target-role") or "") == "Stopped"
        return stopped or (self.structure.is_fence(name) and not self.cluster["stonith_enabled"])

    def promoted(self, name: str) -> bool:
        return "Promoted" in self.running.get(name, {}).values()

    def parts(self, name: str) -> List[str]:
        """What has to run so that `name` does: its primitives; the containers of a bundle that has nothing inside."""
        found = self.structure.primitives(name)
        return found or [container for container, _guest in self.structure.containers(name)]

    def least(self, name: str) -> int:
        """How many instances must run before others may count on a clone (clone-min)."""
        text = self.structure.meta(name, "clone-min") or "0"
        return int(text) if text.isdigit() and self.structure.tag(name) in ("clone", "master") else 0

    def runs(self, name: str) -> bool:
        """Whether it runs somewhere: all of a group, enough of a clone, a container of an empty bundle."""
        enough = max(1, self.least(name))
        found = [len(self.running.get(part, ())) >= enough for part in self.parts(name)]
        return any(found) if not self.structure.primitives(name) else all(found)

    def where(self, name: str, wanted: str) -> Set[str]:
        """The nodes that a resource is on; with the role Promoted, those where it is promoted."""
        return {
            node
            for part in self.parts(name)[-1:]
            for node, its in self.running.get(part, {}).items()
            if wanted != "Promoted" or its == "Promoted"
        }

    def unknown(self) -> Why:
        """What is left to say when no reason was found."""
        if self.cluster["dc"] is None:
            return Why("the cluster has no coordinator (DC) yet", passing=True)
        joining = " and ".join(node["id"] for node in self.nodes if node["pending"])
        if joining:
            return Why(f"{joining} is about to join", passing=True)
        return Why("the scheduler finds no place for it (utilization, health, scores or a rule)", passing=True)
