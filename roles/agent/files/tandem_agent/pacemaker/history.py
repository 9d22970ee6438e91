# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the nodes recorded of their operations: the status section of a CIB, read. Pure.

Each node keeps the last operation of a resource and its recurring ones (Pacemaker Explained, "Operation History").
A successful reload is recorded as a start; what a node did before it left is forgotten when it comes back.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Set, Tuple
from xml.etree.ElementTree import Element

PENDING = -1  # op-status of an operation under way
RUNNING, NOT_RUNNING, PROMOTED = 0, 7, 8  # OCF exit codes that tell a state
_MOVES = ("start", "stop", "promote", "demote", "migrate_to", "migrate_from")
_LEAVES = {"start": "Started", "migrate_from": "Started", "demote": "Started", "promote": "Promoted"}


class Record(NamedTuple):
    """One recorded operation."""

    node: str
    resource: str  # as recorded: `ping:0` only where instances of a clone are told apart
    operation: str
    interval: int  # ms; 0 when it was performed once
    call: int  # counts up on each node; -1 while under way
    rc: int
    status: int
    key: str  # "action:transition:expected rc:scheduler's uuid"
    at: int  # seconds since 1970 by the node's own clock: when it began, for a recurring one when its result changed
    reason: str

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than expected."""
        expected = (self.key.split(":") + ["", "", ""])[2]
        return self.status not in (PENDING, 0) or (self.status == 0 and str(self.rc) != expected)

    @property
    def identity(self) -> Tuple[str, int]:
        """The same for the two places in which a node records one failure."""
        return self.key, self.call


def plain(instance: str) -> str:
    """`ping` of the clone instance `ping:0`."""
    return instance.partition(":")[0]


def reachable(node_state: Element) -> bool:
    """Whether the node can end what it began. Since 2.1.7 both attributes are times, 0 for "not"."""
    return node_state.get("crmd") not in ("offline", "0") and node_state.get("in_ccm") not in ("false", "0")


def records(root: Element) -> Iterator[Record]:
    """All records of all nodes, each resource's in the order of their happening, with what is under way last."""
    for state in root.iterfind("status/node_state"):
        for resource in state.iterfind("lrm/lrm_resources/lrm_resource"):
            found = [_record(state, resource, operation) for operation in resource.iterfind("lrm_rsc_op")]
            yield from sorted(found, key=lambda one: (one.status == PENDING, one.call))


def under_way(root: Element) -> List[Record]:
    """Operations that have begun and not yet ended; what a lost node was doing will never end."""
    lost = {state.get("uname") for state in root.iterfind("status/node_state") if not reachable(state)}
    return [record for record in records(root) if record.status == PENDING and record.node not in lost]


Places = Dict[str, Dict[str, str]]


def places(root: Element) -> Places:
    """Node → resource → role, for all that is active there by the records: what failed counts until it is stopped."""
    roles: Dict[Tuple[str, str], Optional[str]] = {}
    for record in records(root):
        one = record.node, record.resource
        roles[one] = _role_after(record, roles.get(one))
    found: Places = {}
    for (node, instance), role in roles.items():
        if role is not None and found.setdefault(node, {}).get(plain(instance)) != "Promoted":
            found[node][plain(instance)] = role
    return found


Done = Tuple[str, str, str]  # resource, node, operation


def done_since(before: Element, after: Element) -> FrozenSet[Done]:
    """What was performed between two CIBs, as far as the second one shows; probes and monitors aside."""
    known: Set[Tuple[str, str, Tuple[str, int]]] = {(one.node, one.resource, one.identity) for one in records(before)}
    return frozenset(
        (plain(record.resource), record.node, record.operation)
        for record in records(after)
        if record.operation in _MOVES
        and record.status != PENDING
        and (record.node, record.resource, record.identity) not in known
    )


def _role_after(record: Record, role: Optional[str]) -> Optional[str]:
    """What a resource is after `record`, having been `role` (None: stopped)."""
    if record.status == PENDING:
        return role or ("Started" if record.operation in ("start", "migrate_from") else None)
    if record.operation == "monitor" and record.status == 0 and not (record.failed and record.interval):
        return {RUNNING: "Started", PROMOTED: "Promoted", NOT_RUNNING: None}.get(record.rc, role)
    if record.failed:
        return role or (None if record.operation == "monitor" and not record.interval else "Started")
    if record.operation in ("stop", "migrate_to"):
        return None
    return _LEAVES.get(record.operation, role)


def _record(state: Element, resource: Element, operation: Element) -> Record:
    return Record(
        state.get("uname", ""),
        resource.get("id", ""),
        operation.get("operation", ""),
        _number(operation, "interval"),
        _number(operation, "call-id"),
        _number(operation, "rc-code"),
        _number(operation, "op-status"),
        operation.get("transition-key", ""),
        _number(operation, "last-rc-change"),
        operation.get("exit-reason", ""),
    )


def _number(element: Element, name: str) -> int:
    text = element.get(name, "0")
    return int(text) if text.lstrip("-").isdigit() else 0
