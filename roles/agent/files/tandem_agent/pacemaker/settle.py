# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until the cluster has done what the configuration asks of it, and say how that went.

The cluster is idle when the scheduler, asked about the live CIB, has nothing left to do and no operation is under way.
That is a function of the CIB alone, so it holds from the moment a patch is in: there is no instant in which a change is
made but not yet seen. It is also what `crm_resource --wait` asks, without its blindness for failures.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple
from xml.etree.ElementTree import Element

from ..cib.read import read
from ..cib.tree import parse, version_of
from ..context import Context
from ..errors import AgentError
from ..model.objects import Clone, Group, Key, Primitive, State, contents
from ..model.values import boolean, role
from .simulate import Graph
from .status import failures, read_status

POLL = 0.2  # seconds between two looks
LONGEST_QUIET = 2.0  # seconds after which the scheduler is asked again though the CIB did not move
PATIENCE = 15.0  # seconds an idle cluster is given to start a resource that is wanted but runs nowhere (attributes with dampening)
PENDING = "-1"  # op-status of an operation under way (Pacemaker Explained, "Operation History")

Failure = Dict[str, Any]


@dataclass
class Settled:
    """How the waiting ended."""

    waited: float
    state: str  # settled | not_waited | maintenance | offline
    warnings: List[str] = field(default_factory=list)
    status: Optional[Dict[str, Any]] = None

    def as_json(self) -> Dict[str, Any]:
        return {"waited": round(self.waited, 3), "state": self.state}


def known_failures(context: Context) -> List[Failure]:
    """The failed actions there are now; they are not the next change's fault."""
    return failures(context.tools.monitor())


def settle(context: Context, scope: Set[str], wait: float, before: List[Failure]) -> Settled:
    """Wait up to `wait` seconds. `scope`: the primitives whose failures are this request's.

    Errors: `settle.failed` with the failed actions of the scope, `settle.timeout` with what is still pending.
    """
    watch = _Watch(context)
    started = time.monotonic()
    idle_since: Optional[float] = None
    while True:
        now = time.monotonic()
        pending = watch.pending(now)
        if pending:
            idle_since = None
            context.emit("settling", {"waited": round(now - started, 1), "pending": pending[:10]})
        else:
            idle_since = now if idle_since is None else idle_since
            status = read_status(context.tools.monitor(), watch.text, idle=True)
            _raise_failures(scope, status["failures"], before)
            missing = _not_running(watch.state, scope, status)
            if not missing or now - idle_since > PATIENCE:
                return _settled(now - started, missing, status)
        if now - started > wait or context.deadline.remaining() <= 0:
            _raise_failures(scope, failures(context.tools.monitor()), before)
            raise _timeout(wait, pending)
        time.sleep(POLL)


class _Watch:
    """The live CIB, and the scheduler's opinion of it, asked no more often than something moved."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._seen: Tuple[object, float] = (None, 0.0)
        self._pending: List[str] = []
        self.state = State({})
        self.text = b""

    def pending(self, now: float) -> List[str]:
        """What is still to be done; empty when the cluster is idle."""
        self.text = text = self._context.tools.query_cib()
        root = parse(text)
        version, asked = self._seen
        if version_of(root) == version and now - asked < LONGEST_QUIET:
            return self._pending
        self._seen = (version_of(root), now)
        self.state = read(root)
        graph = Graph(self._context.tools.graph(text))
        self._pending = under_way(root)
        if not graph.idle:
            self._pending += [str(action) for action in graph.actions()] or [f"{graph.work} probes and monitors"]
        return self._pending


def under_way(root: Element) -> List[str]:
    """Operations that an executor has begun and not yet ended."""
    found = []
    for node in root.iterfind("status/node_state"):
        if node.get("crmd") not in ("online", None) and not (node.get("crmd") or "").isdigit():
            continue  # what a lost node was doing will never end
        for operation in node.iterfind("lrm/lrm_resources/lrm_resource/lrm_rsc_op"):
            if operation.get("op-status") == PENDING:
                found.append(f"{operation.get('operation_key', '?')} on {node.get('uname', '?')}")
    return found


def _raise_failures(scope: Set[str], now: List[Failure], before: List[Failure]) -> None:
    fresh = [failure for failure in now if failure not in before and plain(failure["resource"]) in scope]
    if fresh:
        raise AgentError(
            "settle.failed",
            "the configuration was applied, but the cluster could not carry it out: " + "; ".join(map(sentence, fresh)),
            {"failures": fresh},
        )


def still_failed(context: Context, state: State, root: Element, scope: Set[str]) -> List[Failure]:
    """Failed actions that keep resources of the scope from running anywhere, on a cluster that has nothing to do.

    The CIB in hand says whether any failed at all; only then is the cluster asked for more.
    """
    failed = any(
        operation.get("id", "").endswith("_last_failure_0") and plain(resource.get("id", "")) in scope
        for resource in root.iterfind("status/node_state/lrm/lrm_resources/lrm_resource")
        for operation in resource.iterfind("lrm_rsc_op")
    )
    if not failed:
        return []
    status = read_status(context.tools.monitor())
    missing = _not_running(state, scope, status)
    return [failure for failure in status["failures"] if plain(failure["resource"]) in missing]


def plain(instance: str) -> str:
    """`ping` of the clone instance `ping:0`."""
    return instance.partition(":")[0]


def sentence(failure: Mapping[str, Any]) -> str:
    """A failed action as a person is told of it."""
    reason = failure.get("reason") or failure.get("text") or "no reason given by the agent"
    return (
        f"{failure['resource']} {failure['operation']} on {failure['node']} failed with code {failure['rc']}: {reason}"
    )


def _timeout(wait: float, pending: List[str]) -> AgentError:
    what = ", ".join(pending[:10]) if pending else "resources that the cluster is idle about but that run nowhere"
    return AgentError(
        "settle.timeout",
        f"the configuration was applied, but after {wait:g} s the cluster still had to: {what}",
        {"pending": pending},
        retryable=True,
    )


def _settled(waited: float, missing: List[str], status: Dict[str, Any]) -> Settled:
    if status["cluster"]["maintenance"]:
        return Settled(waited, "maintenance", [], status)
    warnings = [
        f"{name} is configured but runs nowhere: rules, constraints or scores keep it from every node"
        for name in missing
    ]
    return Settled(waited, "settled", warnings, status)


def _not_running(state: State, scope: Set[str], status: Mapping[str, Any]) -> List[str]:
    """Resources of the scope that should run somewhere and run nowhere."""
    if status["cluster"]["maintenance"] or _setting(state, "stop-all-resources"):
        return []
    if not any(node["online"] and not node["standby"] and not node["maintenance"] for node in status["nodes"]):
        return []
    running = {plain(found["id"]) for found in status["resources"] if found["nodes"]}
    parents = {inner: found.key.id for found in state.objects.values() for inner in contents(found)}
    missing = []
    for name in sorted(scope - running):
        found = state.resource(name)
        if not isinstance(found, Primitive) or not _wants_to_run(state, name, parents):
            continue
        if found.kind != "stonith" or _setting(state, "stonith-enabled", True):
            missing.append(name)
    return missing


def _wants_to_run(state: State, name: str, parents: Mapping[str, str]) -> bool:
    """Neither it nor what contains it is stopped, disabled or unmanaged by its meta attributes."""
    current: Optional[str] = name
    while current is not None:
        found = state.resource(current)
        meta = (found.meta if isinstance(found, (Primitive, Group, Clone)) else None) or {}
        wanted = meta.get("target-role")
        default = state.objects.get(Key("resource_default", "target-role"))
        wanted = wanted if wanted is not None else getattr(default, "value", None)
        if wanted and role(wanted) == "Stopped":
            return False
        if boolean(meta.get("is-managed") or "true") is False or boolean(meta.get("maintenance") or "false"):
            return False
        current = parents.get(current)
    return True


def _setting(state: State, name: str, default: bool = False) -> bool:
    found = state.objects.get(Key("property", name))
    value = boolean(getattr(found, "value", ""))
    return default if value is None else value
