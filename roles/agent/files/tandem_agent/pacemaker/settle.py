# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until the cluster has done what the configuration asks of it, and say how that went.

The cluster is idle when the scheduler, asked about the live CIB, has nothing left to do and no operation is under way.
That is a function of the CIB alone, so it holds from the moment a patch is in: there is no instant in which a change is
made but not yet seen. It is also what `crm_resource --wait` asks, without its blindness for failures.

An idle cluster that lacks something is asked why (`explain`). Only for reasons that can pass by themselves is it waited
any longer: an attribute that a resource will set, a node that is about to join.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple
from xml.etree.ElementTree import Element

from ..cib.read import read
from ..cib.tree import Version, parse, serialize, version_of
from ..context import Context
from ..errors import AgentError
from ..model.objects import Primitive
from .device import Device
from .explain import Unmet, unmet
from .failed import concerns
from .history import PENDING, Record, places, plain, records, under_way
from .simulate import Graph
from .status import read_status
from .structure import Structure

POLL = 0.1  # seconds from one look to the next
LONGEST_QUIET = 2.0  # seconds after which the scheduler is asked again though the CIB did not move
PATIENCE = 15.0  # seconds for what can pass by itself: attributes come with dampening, promotion scores with a monitor
EVERY = 1.0  # seconds between two tellings of the same
OFTEN = 3  # failures of one resource on one node after which it will not get any better

Failure = Dict[str, Any]
Status = Dict[str, Any]


@dataclass
class Settled:
    """How the waiting ended."""

    waited: float
    state: str  # settled | not_waited | maintenance | offline
    warnings: List[str] = field(default_factory=list)
    status: Optional[Status] = None
    cib: Optional[Element] = None
    moved: bool = False  # somebody changed the configuration meanwhile

    def as_json(self) -> Dict[str, Any]:
        return {"waited": round(self.waited, 3), "state": self.state}


def settle(context: Context, scope: Set[str], wait: float, before: List[Failure]) -> Settled:
    """Wait up to `wait` seconds. `scope`: the resources whose running and whose failures are this request's.

    Errors: `settle.failed` with what went wrong, `settle.timeout` with what is still pending and why.
    """
    watch = _Watch(context, scope, before)
    started = time.monotonic()
    idle_since: Optional[float] = None
    while True:
        now = time.monotonic()
        pending = watch.look(now)
        if pending:
            idle_since = None
        else:
            idle_since = now if idle_since is None else idle_since
            watch.raise_failures()
            lacking = unmet(watch.root, watch.status(), scope)
            if now - idle_since >= PATIENCE or not any(one.why.passing for one in lacking):
                maintenance = watch.status()["cluster"]["maintenance"]
                state = "maintenance" if maintenance else "settled"
                warnings = [str(one) for one in lacking]
                return Settled(now - started, state, warnings, watch.status(), watch.root, watch.moved)
            pending = [str(one) for one in lacking if one.why.passing]
        watch.tell(now - started, pending)
        if now - started > wait or context.deadline.remaining() <= 0:
            watch.raise_failures()
            raise _timeout(wait, watch.left(now) or pending)
        time.sleep(max(POLL - (time.monotonic() - now), POLL / 5))


class _Watch:
    """The live CIB, and what the scheduler and crm_mon make of it, asked no more often than something moved."""

    def __init__(self, context: Context, scope: Set[str], before: List[Failure]) -> None:
        self._context, self._scope, self._before = context, scope, before
        self._version: Optional[Version] = None
        self.moved = False
        self._asked = 0.0
        self._pending: List[str] = []
        self._status: Optional[Status] = None
        self._began: Dict[Tuple[str, str], float] = {}  # operation under way → when it was first seen
        self._failed: Dict[Tuple[str, str], Set[object]] = {}
        self._told: Tuple[float, List[str]] = (-EVERY, [])
        self._text = b""
        self.root = Element("cib")

    def look(self, now: float) -> List[str]:
        """What is still to be done; empty when the cluster is idle."""
        self._text = self._context.tools.query_cib()
        self.root = parse(self._text)
        version = version_of(self.root)
        if version == self._version and now - self._asked < LONGEST_QUIET:
            return self._pending
        self.moved = self.moved or (self._version is not None and self._version[:2] != version[:2])
        self._version, self._asked, self._status = version, now, None
        self._pending = [_doing(record) for record in self._operations(now)]
        if not self._pending:  # else there is no need to ask
            graph = self._graph()
            self._pending = graph.steps()
            self._raise_hopeless(graph)
        return self._pending

    def tell(self, waited: float, pending: List[str]) -> None:
        """Progress for whoever listens: when it changed, and now and then when it does not."""
        when, what = self._told
        if pending[:10] != what or waited - when >= EVERY:
            self._told = waited, pending[:10]
            self._context.emit("settling", {"waited": round(waited, 1), "pending": pending[:10]})

    def status(self) -> Status:
        """crm_mon's view of what `look` saw."""
        if self._status is None:
            self._status = read_status(self._context.tools.monitor(), self._text, idle=True)
        return self._status

    def left(self, now: float) -> List[str]:
        """What is still pending, with how long it has been and what it waits for."""
        begun = {_doing(record): now - self._began[(record.node, record.key)] for record in self._operations(now)}
        told = [f"{words} (under way for {seconds:.0f} s)" for words, seconds in begun.items()]
        told += [step for step in self._graph().steps() if step.partition(" (after")[0] not in begun]
        last = {event["target"]: event for event in reversed(self.status()["fencing"])}  # the newest comes first
        for number, step in enumerate(told):
            event = last.get(step.partition("fence ")[2].partition(" ")[0], {})
            if event.get("state") == "failed":
                told[number] += f" (the last attempt failed at {event['at']})"
        if told and self.status()["cluster"]["dc"] is None:
            told.append("elect a coordinator (DC); until then nobody does anything")
        return told

    def raise_failures(self) -> None:
        """`settle.failed` when operations of the scope failed that had not failed before."""
        structure = Structure(self.root)
        fresh = [
            failure
            for failure in self.status()["failures"]
            if failure not in self._before
            and concerns(structure, self._scope, plain(failure["resource"]))
            and not structure.ignores(plain(failure["resource"]), failure["operation"], failure["interval_ms"])
        ]
        if fresh:
            told = "; ".join(map(sentence, fresh))
            raise _failed(f"the configuration was applied, but the cluster could not carry it out: {told}", fresh)

    def _operations(self, now: float) -> List[Record]:
        """What is under way; on the way, what keeps failing is found out."""
        structure = Structure(self.root)
        for record in records(self.root):
            name = plain(record.resource)
            if record.failed and record.status != PENDING and concerns(structure, self._scope, name):
                self._failed.setdefault((record.node, name), set()).add(record.identity)
        if any(len(found) > OFTEN for found in self._failed.values()):
            self.raise_failures()
        found = under_way(self.root)
        for record in found:
            self._began.setdefault((record.node, record.key), now)
        return found

    def _graph(self) -> Graph:
        return Graph(self._context.tools.graph(self._text), self.root)

    def _raise_hopeless(self, graph: Graph) -> None:
        """A node that must be fenced and for which there is no device keeps everything waiting for ever."""
        structure = Structure(self.root)
        if not graph.fences or structure.has_watchdog():
            return
        targets = [
            Device(found.id, found.agent, {key: value or "" for key, value in (found.params or {}).items()}).targets
            for found in read(self.root).objects.values()
            if isinstance(found, Primitive) and found.kind == "stonith"
        ]
        alone = [node for node in graph.fences if all(listed and node not in listed for listed in targets)]
        if alone:
            raise _failed(
                f"the configuration was applied, but the cluster cannot carry it out: {' and '.join(alone)} must be fenced"
                " first, and no fence device is for it",
                [],
            )


def _doing(record: Record) -> str:
    return f"{record.operation} {plain(record.resource)} on {record.node}"


def still_lacking(context: Context, root: Element, scope: Set[str]) -> Tuple[List[Unmet], List[Failure]]:
    """What resources of the scope lack on a cluster that has nothing to do, and the failed actions that keep them from it.

    The CIB in hand says whether anything is amiss at all; only then are the scheduler and the cluster asked.
    """
    structure = Structure(root)
    if not _amiss(structure, scope) or under_way(root) or not Graph(context.tools.graph(serialize(root)), root).idle:
        return [], []
    status = read_status(context.tools.monitor())
    found = unmet(root, status, scope)
    missing = {one.resource for one in found}
    return found, [one for one in status["failures"] if concerns(structure, missing, plain(one["resource"]))]


def _amiss(structure: Structure, scope: Set[str]) -> bool:
    """Whether by the records something of the scope is down, or promoted nowhere, that is not disabled."""
    active: Dict[str, Set[str]] = {}
    for here in places(structure.root).values():
        for name, role in here.items():
            active.setdefault(name, set()).add(role)
    for name in scope:
        stopped = (structure.meta(name, "target-role") or "").lower() == "stopped"
        roles = [active.get(part, set()) for part in structure.primitives(name)]
        promotes = any(structure.promotes(outer) for outer in structure.chain(name))
        if not stopped and (not all(roles) or (promotes and not any("Promoted" in one for one in roles))):
            return True
    return any(
        record.failed and record.rc and concerns(structure, scope, plain(record.resource))
        for record in records(structure.root)
    )


def sentence(failure: Mapping[str, Any]) -> str:
    """A failed action as a person is told of it."""
    reason = failure.get("reason") or failure.get("text") or "no reason given by the agent"
    return (
        f"{failure['resource']} {failure['operation']} on {failure['node']} failed with code {failure['rc']}: {reason}"
    )


def _failed(message: str, found: List[Failure]) -> AgentError:
    return AgentError("settle.failed", message, {"failures": found})


def _timeout(wait: float, pending: List[str]) -> AgentError:
    more = f", and {len(pending) - 10} more" if len(pending) > 10 else ""
    return AgentError(
        "settle.timeout",
        f"the configuration was applied, but after {wait:g} s the cluster still had to: {', '.join(pending[:10])}{more}",
        {"pending": pending},
        retryable=True,
    )
