# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""A drill's algorithm: who is to fall, and when what happened afterwards. Pure; times come from the caller, in seconds."""

import re
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Set, Tuple

from ansible_collections.tandem.ha.plugins.module_utils import _health as health
from ansible_collections.tandem.ha.plugins.module_utils._faults import (
    CONTROLLERS,
    FAULTS,
    LINK,
    NOWHERE,
    WITNESS,
    milestones,
)

Status = Mapping[str, Any]
Roles = Dict[str, Dict[str, int]]
UNNOTICED = 75.0  # seconds; by then everything has been looked at: the slowest look is at containers, every 60 seconds


class Others(NamedTuple):
    """What the status does not say."""

    favoured: Optional[str] = None  # the member for which the quorum device decides
    witness: Optional[str] = None  # how the witness is called


class Unfit(Exception):
    """The cluster is not in a state to be drilled, or what was asked for is not there."""


def choose(
    status: Status, wanted: str, address: Optional[str] = None, name: str = "fence", others: Optional[Others] = None
) -> Dict[str, Any]:
    """The node that falls, the one that watches, and the virtual address that is followed.

    `wanted` is `standby` (a node without virtual address), `holder` (the one that has it) or a node's name; `address` is
    the id of the resource to follow, needed where there are several; `name` is the fault's. Raises Unfit with everything
    that is in the way.
    """
    fault, others = FAULTS[name], others or Others()
    wrong = health.problems(status) + health.decisions(status)
    names = [node["id"] for node in health.members(status)]
    if len(names) < 2:
        wrong.append("two members are needed; there is %s" % (", ".join(names) or "none"))
    if wrong:
        raise Unfit("the cluster is not fit to lose a member: %s" % "; ".join(wrong))
    vip = _address(status, address)
    holder = next(iter(health.where(status, vip)), None) if vip else None
    target = _target(names, wanted, holder)
    if fault.where == LINK:
        target = _loser(names, target, wanted, others.favoured)
    if fault.where == WITNESS:
        if not others.witness:
            raise Unfit("there is no witness that could be restarted")
        target = others.witness
    if fault.where == NOWHERE:
        target = "nobody"
    survivor = next(name for name in ([holder] if holder and holder != target else []) + names if name != target)
    moves = bool(vip) and (holder == target or fault.where in (CONTROLLERS, NOWHERE))
    return {
        "fault": name,
        "told": fault.told,
        "where": fault.where,
        "by": fault.by,
        "processes": list(fault.processes),
        "target": "all controllers" if fault.where == CONTROLLERS else target,
        "survivor": survivor,
        "holder": holder,
        "vip": vip,
        # Whether it has to move, and whether it may.
        "moves": bool(moves and fault.moves),
        "may_move": bool(moves and fault.moves is not False),
        "fenced": fault.fenced,
        "milestones": list(milestones(name, moves)),
        "before": roles(status),
        "known": sorted(fencings(status, target)),
    }


def _loser(names: List[str], target: str, wanted: str, favoured: Optional[str]) -> str:
    """Who of a pair is fenced when only the link between them is gone: not the one that the quorum device favours."""
    if favoured is None or len(names) != 2:
        return target
    loser = next(name for name in names if name != favoured)
    if wanted != "standby" and target != loser:
        raise Unfit(
            "%s would not fall: when the two do not hear each other, the quorum device decides for it. "
            "Use the fault isolate to let it fall, or let %s fall" % (target, loser)
        )
    return loser


def favoured(cluster: Mapping[str, Any]) -> Optional[str]:
    """The member for which the quorum device decides when there is a tie, by what cluster.info says; None without one."""
    device = cluster.get("qdevice")
    nodes = sorted((int(node["id"]), str(node["name"])) for node in cluster.get("nodes") or [])
    if not device or not nodes:
        return None
    tie = str(device.get("tie_breaker") or "lowest")
    if tie in ("lowest", "highest"):
        return nodes[0 if tie == "lowest" else -1][1]
    return next((name for number, name in nodes if str(number) == tie), None)


def control_port(document: Mapping[str, Any], wanted: Optional[str]) -> Optional[int]:
    """The port of a bundle's executor; of the first bundle that has one if none is named.  Raises Unfit."""
    ports = {
        str(item["id"]): int(item["network"]["control_port"])
        for item in document.get("resources") or []
        if item.get("kind") == "bundle" and (item.get("network") or {}).get("control_port")
    }
    if wanted and wanted not in ports:
        raise Unfit("%s is no bundle with a control port; there is %s" % (wanted, ", ".join(sorted(ports)) or "none"))
    return ports[wanted] if wanted else next(iter(ports.values()), None)


def _address(status: Status, wanted: Optional[str]) -> Optional[str]:
    found = health.virtual_addresses(status)
    if wanted and wanted not in found:
        raise Unfit("%s is no virtual address of this cluster; there is %s" % (wanted, ", ".join(found) or "none"))
    return wanted or (found[0] if found else None)


def _target(names: List[str], wanted: str, holder: Optional[str]) -> str:
    if wanted in names:
        return wanted
    if wanted == "holder":
        if holder is None:
            raise Unfit("nothing holds a virtual address, so there is no holder to fence: name a node instead")
        return holder
    if wanted == "standby":
        return next(name for name in names if name != holder)
    raise Unfit("%s is neither standby, holder nor a node; the nodes are %s" % (wanted, ", ".join(names)))


def expected(
    timing: Optional[Mapping[str, Any]], devices: List[Mapping[str, Any]], target: str
) -> Optional[Dict[str, Any]]:
    """The agent's prediction with what the target's own fence device says: how long it waits, and how long it is held back.

    A reboot is off, wait, look, on, wait, look; half a second goes to the rest. A host that is off already is only switched on.
    """
    params = next((item.get("params", {}) for item in devices if target in _targets(item)), None)
    if not timing or params is None:
        return dict(timing) if timing else None
    wait, delay = (_seconds(params.get(name, default)) for name, default in (("power_wait", 2), ("pcmk_delay_base", 0)))
    found = {"fencing_min": delay + wait + 0.3, "fencing_max": delay + 2 * wait + 0.5}
    totals = {
        "total_" + end: timing["total_" + end] + found["fencing_" + end] - timing["fencing_" + end]
        for end in ("min", "max")
    }
    return dict(timing, **{name: round(seconds, 2) for name, seconds in dict(found, **totals).items()})


def _targets(device: Mapping[str, Any]) -> List[str]:
    params = device.get("params", {})
    listed = re.split(r"[\s,;]+", str(params.get("pcmk_host_list", "")))
    mapped = [pair.split(":")[0] for pair in re.split(r"[\s;]+", str(params.get("pcmk_host_map", "")))]
    return list(device.get("targets") or []) + listed + mapped


def _seconds(value: Any) -> float:
    number = re.match(r"\d+(\.\d+)?", str(value))
    return float(number.group()) if number else 0.0


class Watch(object):
    """Collects when what became true. Feed it a status again and again, with the time it was read.

    `before` is what `roles` said while all was well, `milestones` what has to happen (`_faults.milestones`), in that order.
    """

    def __init__(
        self, before: Roles, target: str, vip: Optional[str], milestones: Iterable[str], known: Iterable[str] = ()
    ) -> None:
        self.target = target
        self.vip = vip
        self.times = {}  # type: Dict[str, float]
        self.failures = []  # type: List[str]
        self._before = before
        self._milestones = list(milestones)
        self._known = set(known)
        self._since = None  # type: Optional[float]
        self._now = 0.0

    def see(self, now: float, status: Status) -> None:
        node = health.member(status, self.target)
        gone = node is None or not node["online"] or node["unclean"]
        serving = as_before(self._before, status)
        self._now = now
        self._since = now if self._since is None or not serving else self._since
        whole = not gone and node is not None and not node["pending"]
        self._failed(status)
        self._note("lost", now, gone)
        self._note("noticed", now, not serving or bool(status["failures"]))
        self._note("fenced", now, bool(fencings(status, self.target) - self._known))
        self._note(
            "vip", now, bool(self.vip) and any(name != self.target for name in health.where(status, self.vip or ""))
        )
        self._note("back", now, whole and self._after("back"))
        self._note("serving", now, serving and self._after("serving"))
        self._note("settled", now, serving and not status["failures"] and self._after("settled"))

    @property
    def done(self) -> bool:
        return "settled" in self.times or self.unnoticed

    @property
    def unnoticed(self) -> bool:
        """Whether the cluster has seen nothing of it: what was killed came back by itself, before anybody asked for it."""
        return (
            "noticed" in self.missing()
            and self._milestones[0] == "noticed"
            and self._since is not None
            and self._now - self._since >= UNNOTICED
        )

    def missing(self) -> List[str]:
        """What has not happened."""
        return [name for name in self._milestones if name not in self.times]

    def _after(self, name: str) -> bool:
        """Whether all that comes before it has happened."""
        earlier = self._milestones[: self._milestones.index(name)] if name in self._milestones else []
        return all(each in self.times for each in earlier)

    def _note(self, name: str, now: float, true: bool) -> None:
        if true and name in self._milestones:
            self.times.setdefault(name, now)

    def _failed(self, status: Status) -> None:
        for failure in status["failures"]:
            told = str(failure.get("text") or "%s of %s" % (failure["operation"], failure["resource"]))
            if told not in self.failures:
                self.failures.append(told)


def roles(status: Status) -> Roles:
    """On how many nodes each resource runs, in which role."""
    found = {}  # type: Roles
    for item in status["resources"]:
        counts = found.setdefault(str(item["id"]), {})
        if item["nodes"]:
            counts[str(item["role"])] = counts.get(str(item["role"]), 0) + len(item["nodes"])
    return found


def as_before(before: Mapping[str, Mapping[str, int]], status: Status) -> bool:
    """Everybody is there, nothing is left to do, and all that ran runs in as many places as before, in the same roles."""
    well = all(node["online"] and not node["unclean"] and not node["pending"] for node in health.members(status))
    now = roles(status)
    return (
        well
        and bool(health.members(status))
        and status["cluster"]["idle"] is not False
        and all(
            now.get(name, {}).get(role, 0) >= count for name, counts in before.items() for role, count in counts.items()
        )
    )


def fencings(status: Status, target: str) -> Set[str]:
    """The fencings of a node that succeeded, each by when it was and who asked."""
    return {
        "%s by %s" % (event.get("at"), event.get("origin"))
        for event in status["fencing"]
        if event.get("target") == target and event.get("state") == "success"
    }


class Gaps(object):
    """When an address did not answer. Feed it every probe's time and outcome."""

    def __init__(self) -> None:
        self.found: List[Tuple[float, float]] = []
        self.probes = 0
        self._last: Optional[float] = None
        self._silent = False

    def see(self, now: float, answered: bool) -> None:
        """`now` is when the probe was sent: a late answer must not make the gap look longer than it was."""
        self.probes += 1
        if not answered:
            self._silent = self._last is not None
            return
        if self._silent and self._last is not None:
            self.found.append((self._last, now))
        self._silent, self._last = False, now

    def report(self) -> Dict[str, Any]:
        """Each gap is from the last answer before it to the first one after it."""
        gaps = [{"from": began, "to": ended, "seconds": round(ended - began, 3)} for began, ended in self.found]
        return {
            "probes": self.probes,
            "gaps": gaps,
            "answering": self._last is not None and not self._silent,
            "ever": self._last is not None,
        }
