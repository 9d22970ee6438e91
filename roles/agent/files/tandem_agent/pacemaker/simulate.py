# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cluster will do: the scheduler's own transition graph, told in words. Pure.

The graph (`crm_simulate --save-graph`) is read rather than the tool's text: it has one form on Pacemaker 2.0, 2.1 and
3.0, and it is exactly what the controller would execute. It does not say where a resource stops whose node is fenced
(nothing is executed for that): that comes from the CIB the graph was made of.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple
from xml.etree.ElementTree import Element

from ..cib.tree import elements, parse
from .history import places, plain

OPERATIONS = ("start", "stop", "promote", "demote", "migrate_to", "migrate_from", "reload", "reload-agent")
_RANK = ("fence", "unfence")


class Action(NamedTuple):
    """One thing that will happen to a resource or node."""

    action: str  # start stop restart move promote demote reload migrate; of a node: fence unfence
    resource: Optional[str]
    node: str
    source: Optional[str] = None  # where a moving resource comes from

    def as_json(self) -> Dict[str, Any]:
        return {"action": self.action, "resource": self.resource, "node": self.node, "from": self.source}

    def __str__(self) -> str:
        if self.resource is None:
            return f"{self.action} {self.node}"
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

    def add(self, operation: str, node: str) -> None:
        self.operations.setdefault(operation, []).append(node)


class Graph:
    """A transition graph, parsed. `cib`: what it was made of, needed where nodes are fenced."""

    def __init__(self, text: bytes, cib: Optional[Element] = None) -> None:
        self.fences: List[str] = []
        self.work = 0  # actions of any sort, probes and monitors included; fencing too
        self._unfences: List[str] = []
        self._lost: List[str] = []  # nodes that are or count as fenced: what runs there stops without being told to
        self._implied: List[Tuple[str, str]] = []  # (instance, operation) that happen of themselves
        self._instances: Dict[str, _Instance] = {}
        self._inputs: Dict[str, List[str]] = {}
        self._labels: Dict[str, str] = {}  # of what has to be executed
        self._steps: List[str] = []  # of those, what changes something
        for synapse in elements(parse(text)):
            for element in elements(synapse.find("action_set")):
                self._inputs[element.get("id", "")] = [
                    one.get("id", "") for one in synapse.iterfind("inputs/trigger/*")
                ]
                self._take(element)
        if self._lost and cib is not None:
            self._place_implied(cib)

    def _take(self, element: Element) -> None:
        operation, node = element.get("operation", ""), element.get("on_node", "")
        if element.tag in ("crm_event", "rsc_op"):
            self.work += 1
            self._label(element, operation, node)
        if operation == "stonith":
            self._take_fencing(element, node)
        elif element.tag == "rsc_op":
            primitive = element.find("primitive")
            if primitive is not None and operation in OPERATIONS:
                name = primitive.get("id", "")
                instance = primitive.get("long-id") or _instance_of(element, operation) or name
                self._instances.setdefault(instance, _Instance(plain(name))).add(operation, node)
        elif element.tag == "pseudo_event" and operation in ("stop", "demote"):
            self._implied.append((_instance_of(element, operation), operation))

    def _take_fencing(self, element: Element, node: str) -> None:
        """A guest node counts as fenced when its host's resource stops: no device is used for that."""
        if element.get("operation_key", "").endswith("-on"):
            self._unfences.append(node)
            return
        self._lost.append(node)
        if element.tag == "crm_event":
            self.fences.append(node)

    def _label(self, element: Element, operation: str, node: str) -> None:
        primitive = element.find("primitive")
        name = plain(_instance_of(element, operation)) if primitive is None else plain(primitive.get("id", ""))
        words = f"fence {node}" if operation == "stonith" else f"{operation} {name} on {node}".replace("  ", " ")
        self._labels[element.get("id", "")] = words
        if operation == "stonith" or operation in OPERATIONS:
            self._steps.append(element.get("id", ""))

    def _place_implied(self, cib: Element) -> None:
        """Resources of lost nodes stop there, each instance on one of them; what starts there again stopped there."""
        active = {node: set(found) for node, found in places(cib).items() if node in self._lost}
        stops = [instance for instance, operation in self._implied if operation == "stop"]
        stops.sort(key=lambda one: one not in self._instances or not self._instances[one].nodes("start"))
        for instance in stops:
            found = self._instances.get(instance) or _Instance(plain(instance))
            nodes = [node for node in self._lost if found.resource in active.get(node, ())]
            node = next((node for node in found.nodes("start") if node in nodes), nodes[0] if nodes else None)
            if node is not None:
                active[node].discard(found.resource)
                found.add("stop", node)
                if (instance, "demote") in self._implied:
                    found.add("demote", node)
                self._instances[instance] = found

    @property
    def idle(self) -> bool:
        """Whether the cluster has nothing to do."""
        return not self.work

    def actions(self) -> List[Action]:
        """What will happen, in a person's words: a stop and a start of one resource are a move or a restart."""
        found = [Action("fence", None, node) for node in self.fences]
        found += [Action("unfence", None, node) for node in self._unfences]
        for instance in self._instances.values():
            found.extend(_told(instance))
        return sorted(
            set(found), key=lambda one: (one.action not in _RANK, one.resource or "", one.node, one.action, one.source or "")
        )  # fmt: skip

    def steps(self) -> List[str]:
        """What is to be executed, operation by operation, each with what it waits for."""
        return [self._step(step) for step in self._steps] or ([f"{self.work} probes and monitors"] if self.work else [])

    def _step(self, step: str) -> str:
        waits = sorted({self._labels[one] for one in self._before(step)})
        more = f" and {len(waits) - 3} more" if len(waits) > 3 else ""
        return self._labels[step] + (f" (after {', '.join(waits[:3])}{more})" if waits else "")

    def _before(self, step: str) -> Set[str]:
        """What has to be executed right before: events that only mark a point in time are looked through."""
        found: Set[str] = set()
        seen: Set[str] = set()
        todo = list(self._inputs.get(step, ()))
        while todo:
            one = todo.pop()
            if one in seen:
                continue
            seen.add(one)
            if one in self._labels:
                found.add(one)
            else:
                todo += self._inputs.get(one, ())
        return found


def _instance_of(element: Element, operation: str) -> str:
    """`ping:0` of `ping:0_start_0`."""
    key = element.get("internal_operation_key") or element.get("operation_key") or ""
    head, found, _interval = key.rpartition(f"_{operation}_")
    return head if found else ""


def _told(instance: _Instance) -> Iterator[Action]:
    name = instance.resource
    starts, stops = instance.nodes("start"), instance.nodes("stop")
    if instance.nodes("migrate_from"):
        source = next(iter(instance.nodes("migrate_to") or stops), None)
        yield from (Action("migrate", name, node, source) for node in instance.nodes("migrate_from"))
        return
    yield from _placed(name, starts, stops)
    for node in instance.nodes("promote"):
        if not (node in starts and node in stops and node in instance.nodes("demote")):
            yield Action("promote", name, node)  # else: a restart that ends in the same role
    for node in instance.nodes("demote"):
        if node not in stops:
            yield Action("demote", name, node)
    for operation in ("reload", "reload-agent"):
        yield from (Action("reload", name, node) for node in instance.nodes(operation))


def _placed(name: str, starts: List[str], stops: List[str]) -> Iterator[Action]:
    """A stop and a start of one instance: a restart on one node, a move between two; what runs twice stops once."""
    sources = [node for node in stops if node not in starts]
    for node in starts:
        if node in stops:
            yield Action("restart", name, node)
        elif sources:
            yield Action("move", name, node, sources.pop(0))
        else:
            yield Action("start", name, node)
    yield from (Action("stop", name, node) for node in sources)


@dataclass(frozen=True)
class Preview:
    """What a change will make the cluster do, or why that could not be said."""

    actions: Tuple[Action, ...] = ()
    reason: Optional[str] = None  # why there is no preview

    @property
    def fences(self) -> List[str]:
        return [action.node for action in self.actions if action.action == "fence"]

    def as_json(self, matched: Optional[bool] = None, mismatch: Sequence[str] = ()) -> Dict[str, Any]:
        return {
            "available": self.reason is None,
            "reason": self.reason,
            "actions": [action.as_json() for action in self.actions],
            "fences": self.fences,
            "matched": matched,
            "mismatch": list(mismatch),
        }


def guard(
    actions: Sequence[Action],
    resources: Set[str],
    nodes: Set[str],
    allow: Set[str],
    already: Sequence[Action] = (),
    guests: Mapping[str, str] = MappingProxyType({}),
) -> List[str]:
    """Why these actions must not happen unasked; empty when they may.

    `resources` and `nodes` are what the request names; `already` would happen without it, so it is not to blame;
    `guests` are the nodes that are inside a resource. A stop is harmless where the resource is named, or its node is,
    or another instance takes over. What stops because its node is fenced, or because that of a guest node stops, is not
    judged by itself: the fencing and the guest's resource are.
    """
    taking_over = {one.resource for one in actions if one.action in ("start", "promote", "move", "migrate")}
    lost = {one.node for one in actions if one.action == "fence"}
    lost |= {guest for guest, inside in guests.items() if any(one.resource == inside for one in actions)}
    refused = []
    for action in actions:
        if action in already:
            continue
        if action.action == "fence" and "fence" not in allow:
            refused.append(f"it would fence {action.node} (allow: fence)")
        named = action.resource in resources or action.node in nodes
        harmless = named or action.resource in taking_over or action.node in lost
        if action.action in ("stop", "demote") and not harmless and "stop" not in allow:
            refused.append(f"it would {action} although the request does not name it (allow: stop)")
    return refused
