# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure: from what is asked and what is here to the ordered steps. `cluster.plan` shows them, `cluster.apply` takes them.

Every step may be the last one that is taken: the same request, planned again, finds what is left. So corosync.conf
comes before the keys (a key without a configuration would be somebody's, we could not know whose), what may restart
things is marked in Corosync's map before the file is written (see corosync.runtime), and a removal ends with the
file by which this host is known to be the cluster's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ..corosync import read
from ..corosync.options import QDEVICE, RELOAD, RESTART, cost_of
from ..corosync.parse import Section
from ..corosync.plan import configured, fresh, with_ids
from ..corosync.render import flat, nodes_of, render
from ..corosync.runtime import QDEVICE_MARK, RESTART_MARK, Pending, classify, differences, mark, marked
from ..corosync.spec import NAME, Node, Spec
from ..errors import AgentError, Fault, invalid
from . import guard
from .host import Snapshot, same_host
from .relation import NONE, OURS, PRISTINE, relation
from .request import Request
from .strays import listed, strays

CONF = "/etc/corosync/corosync.conf"


@dataclass(frozen=True)
class Step:
    """One thing to do: `do` names the method of Hands, with `args`. Without a summary it is bookkeeping, and not shown."""

    do: str
    args: Tuple[Any, ...] = ()
    action: str = ""
    kind: str = ""
    id: str = ""
    summary: str = ""

    def as_json(self) -> Dict[str, Any]:
        """As in the plan of an outcome. What a file held is in the diff."""
        return {
            "action": self.action,
            "kind": self.kind,
            "id": self.id,
            "summary": self.summary,
            "before": None,
            "after": None,
        }


@dataclass(frozen=True)
class Plan:
    """The steps, what the file will say, and what is not in effect yet."""

    steps: Tuple[Step, ...] = ()
    tree: Optional[Section] = None
    local: Optional[Node] = None
    pending: Pending = field(default_factory=Pending)
    obstacles: Tuple[AgentError, ...] = ()  # what the run must have by then; a plan goes without
    warnings: Tuple[str, ...] = ()

    def shown(self) -> List[Step]:
        """The steps that change something."""
        return [step for step in self.steps if step.summary]


def decide(request: Request, snapshot: Snapshot) -> Plan:
    """The plan. Errors: `cluster.*` for whatever forbids it; then nothing was changed."""
    if not snapshot.service("corosync").loaded or not snapshot.service("pacemaker").loaded:
        message = "corosync and pacemaker are not installed on this host; the role tandem.ha.node installs them"
        raise AgentError("tool.missing", message, {"tool": "corosync"})
    if request.state == "absent":
        return _absent(request, snapshot)
    return _Decision(request, snapshot).plan()


class _Decision:
    """One plan in the making, for the states other than absent."""

    def __init__(self, request: Request, snapshot: Snapshot) -> None:
        self.request = request
        self.snapshot = snapshot
        self.relation = relation(request.spec.name, snapshot, request.keys)
        self.ours = self.relation == OURS
        self.running = snapshot.running if self.ours else None
        if self.ours and snapshot.service("corosync").active and snapshot.running is None:
            message = "Corosync runs, but does not answer corosync-cmapctl; see journalctl -u corosync"
            raise AgentError("cluster.unresponsive", message, retryable=True)
        self.obstacles: List[AgentError] = guard.members(request, snapshot, self.ours)
        base = self._base()
        faults: List[Fault] = []
        self.spec = with_ids(request.spec, read.ids(base) if self.ours or request.base else {}, faults)
        self.local = _local(self.spec, snapshot, faults)
        if faults:
            raise invalid("cluster.invalid", "the cluster", faults)
        self.tree = configured(base, self.spec)
        self.text = render(self.tree)
        self.wanted = flat(self.tree)
        self.device = read.device(self.tree) is not None
        self.unloaded = [] if self.running is None else differences(self.wanted, self.running)
        self.pending = self._pending()

    def _base(self) -> Section:
        """Our own file; for a new member the one of the others; else a fresh one."""
        if self.ours and self.snapshot.tree is not None:
            return self.snapshot.tree
        if self.request.base is not None and read.cluster_name(self.request.base) == self.request.spec.name:
            return self.request.base
        return fresh(self.request.spec.name)

    def _pending(self) -> Pending:
        """What the running Corosync has yet to learn, the marks of an interrupted run included."""
        if self.running is None or self.request.state == "stopped":
            return Pending()
        found = classify(self.unloaded)
        restart, qdevice = found.restart, found.qdevice
        if not restart and marked(self.wanted, self.running, RESTART_MARK, RESTART):
            restart = ("quorum",)
        if not qdevice and self.device and marked(self.wanted, self.running, QDEVICE_MARK, QDEVICE):
            qdevice = ("quorum.device",)
        return Pending(found.reload, qdevice, restart, found.stop)

    def plan(self) -> Plan:
        shared = self.text != self.snapshot.conf or self.pending.any()
        guard.reachable(self.request, shared)
        guard.restarts(self.request, self.pending, self.running)
        steps = [*self._authentication(), *self._clearing(), *self._marks(), *self._file()]
        steps += self._keys()
        if self.request.activate:
            steps += self._activation()
        return Plan(tuple(steps), self.tree, self.local, self.pending, tuple(self.obstacles), tuple(self._warnings()))

    def _authentication(self) -> List[Step]:
        if self.request.password is None:
            return []
        wanted = {node.name: node.links[0] for node in self.spec.nodes}
        lacking = [
            name for name, address in wanted.items() if address not in self.snapshot.trusted.get(name, frozenset())
        ]
        if not lacking:
            return []
        configured_here = read.ids(self.snapshot.tree) if self.ours and self.snapshot.tree is not None else {}
        args = (wanted, self.request.password, self.local.name, configured_here)
        return [
            Step(
                "authenticate",
                args,
                "create",
                "pcs",
                "known-hosts",
                f"let pcs on this host command {', '.join(lacking)}",
            )
        ]

    def _clearing(self) -> List[Step]:
        if self.relation != PRISTINE:
            return []
        return [
            Step(
                "clear",
                (),
                "remove",
                "cluster",
                "debian",
                "stop and remove the empty one-node cluster 'debian' that came with the packages",
            )
        ]

    def _marks(self) -> List[Step]:
        """Set before the file is written: after a reload nothing else would tell that a restart is still due."""
        if self.running is None:
            return []
        marks = []
        for keys, name, cost in (
            (self.pending.restart, RESTART_MARK, RESTART),
            (self.pending.qdevice, QDEVICE_MARK, QDEVICE),
        ):
            if keys and not marked(self.wanted, self.running, name, cost):
                marks.append(Step("mark", (name, mark(self.wanted, cost))))
        return marks

    def _file(self) -> List[Step]:
        if self.text == self.snapshot.conf:
            return []
        new = self.snapshot.conf is None or self.relation == PRISTINE
        return [Step("write_conf", (self.text,), "create" if new else "update", "file", CONF, f"write {CONF}")]

    def _keys(self) -> List[Step]:
        """A key that this cluster's node has is never touched: the other members have the same."""
        steps, missing = [], []
        for name, present in self.snapshot.keys.items():
            given = self.request.keys.get(name)
            kept = self.ours or (self.relation == NONE and present == given)  # clearing takes what the packages made
            if present is not None and kept:
                continue
            if given is None:
                missing.append(name)
            path = f"/etc/{name}/authkey"
            steps.append(Step("write_key", (name, given), "create", "key", path, f"put the cluster's key into {path}"))
        if missing:
            self.obstacles.append(guard.keys_missing(self.request.spec.name, missing))
        return steps

    def _activation(self) -> List[Step]:
        steps = _enablement(self.snapshot, self.request.enabled, self.device)
        if self.request.state == "stopped":
            return steps + _stop(self._units(active=True))
        return steps + self._effect() + self._start() + self._forgetting()

    def _units(self, active: bool) -> List[str]:
        """The units that are (in)active once a pristine cluster is out of the way."""
        cleared = self.relation == PRISTINE
        return [
            unit
            for unit in ("pacemaker", "corosync-qdevice", "corosync")
            if (self.snapshot.service(unit).active and not cleared) == active
        ]

    def _effect(self) -> List[Step]:
        """Bring the running Corosync to what the file says."""
        if self.running is None:
            return []
        active = self._units(active=True)
        steps: List[Step] = []
        if "corosync-qdevice" in active and not self.device:
            steps += _stop(["corosync-qdevice"])
            active.remove("corosync-qdevice")
        keys = [key for key in self.unloaded if cost_of(key) in (RELOAD, QDEVICE)]
        if keys:
            summary = f"reload Corosync: {_few(keys)}"
            steps.append(Step("reload", (self.wanted,), "reload", "service", "corosync", summary))
        if self.pending.restart:
            options = ", ".join(self.pending.restart)
            summary = f"restart {_and(active[::-1])}: {options} can't change while it runs; resources of this node move away first"
            others = tuple(node.name for node in self.spec.nodes if node.name != self.local.name)
            return [*steps, Step("restart", (tuple(active), others), "restart", "service", "corosync", summary)]
        if self.pending.qdevice and "corosync-qdevice" in active:
            summary = f"restart the quorum device's client: {_few(self.pending.qdevice)}"
            steps.append(Step("restart_qdevice", (), "restart", "service", "corosync-qdevice", summary))
        return steps

    def _start(self) -> List[Step]:
        wanted = ["corosync", "corosync-qdevice", "pacemaker"] if self.device else ["corosync", "pacemaker"]
        if self.request.state == "present":
            wanted = ["corosync-qdevice"] if self.device and self.running is not None else []
        inactive = self._units(active=False)
        units = [unit for unit in wanted if unit in inactive]
        if not units:
            return []
        if "corosync-qdevice" in units:
            self.obstacles.extend(guard.qdevice(self.request, self.snapshot, self.tree))
        return [Step("start", (tuple(units),), "start", "service", units[0], f"start {_and(units)}")]

    def _forgetting(self) -> List[Step]:
        """Who leaves, and who left before and is still, or again, in the CIB."""
        known = {node.name for node in self.snapshot.cib_nodes}
        names = [name for name in self.request.remove if name in known]
        if self.running is not None:
            found = strays(self.snapshot.cib_nodes, listed(self.tree, self.running))
            names += [name for name in found if name not in names and NAME.match(name)]
        return [
            Step("forget", (name,), "remove", "node", name, f"make Pacemaker forget the node {name}") for name in names
        ]

    def _warnings(self) -> List[str]:
        found = list(read.prediction_of(self.tree, self.spec.fencing).warnings)
        if self.device and len(self.spec.nodes) % 2:
            found.append(
                f"{len(self.spec.nodes)} members have a majority without a quorum device; it only adds one more thing that can fail"
            )
        found += [error.message for error in self.obstacles if error.code == "cluster.member_online"]
        return found


def _local(spec: Spec, snapshot: Snapshot, faults: List[Fault]) -> Node:
    """The declared member that this host is, as Corosync itself finds out: by host name, else by address."""
    found = [node for node in spec.nodes if node.name == snapshot.hostname]
    found += [node for node in spec.nodes if same_host(node.name, snapshot.hostname)]
    found += [node for node in spec.nodes if any(address in snapshot.addresses for address in node.links)]
    if not found:
        faults.append(
            Fault("cluster.nodes", f"has no entry for this host, {snapshot.hostname}; a node's name is its host name")
        )
        return spec.nodes[0]
    index = spec.nodes.index(found[0])
    for number, address in enumerate(found[0].links):
        if snapshot.addresses and guard.is_ip(address) and address not in snapshot.addresses:
            faults.append(
                Fault(
                    f"cluster.nodes[{index}].links[{number}]",
                    f"{address} is not an address of this host, {snapshot.hostname}",
                )
            )
    return found[0]


def _enablement(snapshot: Snapshot, enabled: Optional[bool], device: bool) -> List[Step]:
    """Units to enable or disable. The quorum device's client follows Corosync, and is never left enabled without a device."""
    if enabled is None:
        on = snapshot.service("corosync").enabled
        wanted = {"corosync-qdevice": on and device}
    else:
        wanted = {"corosync": enabled, "pacemaker": enabled, "corosync-qdevice": enabled and device}
    steps = []
    for value, verb in ((True, "enable"), (False, "disable")):
        units = [
            unit
            for unit, on in wanted.items()
            if on == value and snapshot.service(unit).loaded and snapshot.service(unit).enabled != value
        ]
        if units:
            steps.append(
                Step("enable", (tuple(units), value), verb, "service", units[0], f"{verb} {_and(units)} at boot")
            )
    return steps


def _stop(units: Sequence[str]) -> List[Step]:
    return [Step("stop", (tuple(units),), "stop", "service", units[0], f"stop {_and(units)}")] if units else []


def _absent(request: Request, snapshot: Snapshot) -> Plan:
    """Stop, then remove what is this cluster's; corosync.conf last. Another cluster's host is left alone."""
    try:
        whose = relation(request.spec.name, snapshot, {})
    except AgentError as error:
        return Plan(warnings=(error.message,))
    if whose != OURS or snapshot.tree is None:
        return Plan()
    units = [unit for unit in ("pacemaker", "corosync-qdevice", "corosync") if snapshot.service(unit).active]
    steps = _enablement(snapshot, False, False) + _stop(units)
    names = ", ".join(read.name_of(node) for node in nodes_of(snapshot.tree))
    summary = f"remove the configuration, keys and CIB of cluster {request.spec.name} ({names}) from this host"
    return Plan((*steps, Step("remove_cluster", (), "remove", "cluster", request.spec.name, summary)))


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def _few(keys: Sequence[str]) -> str:
    return ", ".join(keys[:6]) + (f" and {len(keys) - 6} more" if len(keys) > 6 else "")
