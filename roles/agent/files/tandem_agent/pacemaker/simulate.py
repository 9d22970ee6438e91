# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cluster will do: the scheduler's own transition graph, told in words.

The graph (`crm_simulate --save-graph`) is read rather than the tool's text: it has one form on Pacemaker 2.0, 2.1 and
3.0, and it is exactly what the controller would execute.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple
from xml.etree.ElementTree import Element

from ..cib.tree import elements, parse

ACTIONS = ("start", "stop", "promote", "demote", "migrate_to", "migrate_from", "reload", "reload-agent")


class Action(NamedTuple):
    """One thing that will happen to a resource or node."""

    action: str  # start stop restart move promote demote reload migrate fence
    resource: Optional[str]
    node: str
    source: Optional[str] = None  # where a moving resource comes from

    def as_json(self) -> Dict[str, Any]:
        return {"action": self.action, "resource": self.resource, "node": self.node, "from": self.source}

    def __str__(self) -> str:
        if self.action == "fence":
            return f"fence {self.node}"
        if self.source:
            return f"{self.action} {self.resource} from {self.source} to {self.node}"
        return f"{self.action} {self.resource} on {self.node}"


@dataclass
class _Instance:
    """The operations of one resource instance in the graph: operation → nodes."""

    resource: str
    operations: Dict[str, List[str]] = field(default_factory=dict)

    def nodes(self, operation: str) -> List[str]:
        return self.operations.get(operation, [])


class Graph:
    """A transition graph, parsed."""

    def __init__(self, text: bytes) -> None:
        self.fences: List[str] = []
        self.work = 0  # actions of any sort, probes and monitors included; fencing too
        self._instances: Dict[str, _Instance] = {}
        for element in _performed(parse(text)):
            self._take(element)

    def _take(self, element: Element) -> None:
        operation, node = element.get("operation", ""), element.get("on_node", "")
        if element.tag == "crm_event":
            self.work += 1
            if operation == "stonith":
                self.fences.append(node)
        elif element.tag == "rsc_op":
            self.work += 1
            primitive = element.find("primitive")
            if primitive is not None and operation in ACTIONS:
                name = primitive.get("id", "")
                instance = primitive.get("long-id") or _instance_of(element.get("operation_key", ""), operation) or name
                found = self._instances.setdefault(instance, _Instance(name.partition(":")[0]))
                found.operations.setdefault(operation, []).append(node)

    @property
    def idle(self) -> bool:
        """Whether the cluster has nothing to do."""
        return not self.work

    def actions(self) -> List[Action]:
        """What will happen, in a person's words: a stop and a start of one resource are a move or a restart."""
        found = [Action("fence", None, node) for node in self.fences]
        for instance in self._instances.values():
            found.extend(_told(instance))
        return sorted(
            set(found), key=lambda action: (action.action != "fence", action.resource or "", action.node, action.action)
        )


def _performed(root: Element) -> Iterator[Element]:
    """The actions to be performed; those under `inputs` only name what they wait for."""
    for synapse in elements(root):
        yield from elements(synapse.find("action_set"))


def _instance_of(key: str, operation: str) -> str:
    """`ping:0` of `ping:0_start_0`."""
    head, found, _interval = key.rpartition(f"_{operation}_")
    return head if found else ""


def _told(instance: _Instance) -> Iterator[Action]:
    name = instance.resource
    if instance.nodes("migrate_from"):
        source = next(iter(instance.nodes("migrate_to")), None)
        yield from (Action("migrate", name, node, source) for node in instance.nodes("migrate_from"))
        return
    starts, stops = instance.nodes("start"), instance.nodes("stop")
    yield from _placed(name, starts, stops)
    restarted = set(starts).intersection(stops)
    for operation, other in (("promote", "demote"), ("demote", "promote")):
        for node in instance.nodes(operation):
            if node not in restarted or node not in instance.nodes(other):
                yield Action(operation, name, node)  # else: a restart that ends in the same role
    for operation in ("reload", "reload-agent"):
        yield from (Action("reload", name, node) for node in instance.nodes(operation))


def _placed(name: str, starts: List[str], stops: List[str]) -> Iterator[Action]:
    """A stop and a start of one instance: a restart on one node, a move between two."""
    for node in starts:
        if node in stops:
            yield Action("restart", name, node)
        elif stops:
            yield Action("move", name, node, stops[0])
        else:
            yield Action("start", name, node)
    if not starts:
        yield from (Action("stop", name, node) for node in stops)


@dataclass(frozen=True)
class Preview:
    """What a change will make the cluster do, or why that could not be said."""

    actions: Tuple[Action, ...] = ()
    reason: Optional[str] = None  # why there is no preview

    @property
    def fences(self) -> List[str]:
        return [action.node for action in self.actions if action.action == "fence"]

    def as_json(self, matched: Optional[bool] = None) -> Dict[str, Any]:
        return {
            "available": self.reason is None,
            "reason": self.reason,
            "actions": [action.as_json() for action in self.actions],
            "fences": self.fences,
            "matched": matched,
        }


def guard(
    actions: Tuple[Action, ...], resources: Set[str], nodes: Set[str], allow: Set[str], already: Tuple[Action, ...] = ()
) -> List[str]:
    """Why these actions must not happen unasked; empty when they may.

    `resources` and `nodes` are what the request names; `already` would happen without it, so it is not to blame.
    A stop is harmless where the resource is named, or its node is, or another instance takes over.
    """
    starting = {action.resource for action in actions if action.action in ("start", "promote", "move")}
    refused = []
    for action in actions:
        if action in already:
            continue
        if action.action == "fence" and "fence" not in allow:
            refused.append(f"it would fence {action.node} (allow: fence)")
        named = action.resource in resources or action.node in nodes
        if (
            action.action in ("stop", "demote")
            and "stop" not in allow
            and not named
            and action.resource not in starting
        ):
            refused.append(f"it would {action} although the request does not name it (allow: stop)")
    return refused
