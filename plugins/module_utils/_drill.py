# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""A drill's algorithm: who is to fall, and when what happened afterwards. Pure; times come from the caller, in seconds."""

import re
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.tandem.ha.plugins.module_utils import _health as health

Status = Mapping[str, Any]
# In the order in which they are told; not every drill has each.
MILESTONES = ("lost", "fenced", "vip", "back", "settled")


class Unfit(Exception):
    """The cluster is not in a state to be drilled, or what was asked for is not there."""


def choose(status: Status, wanted: str, address: Optional[str] = None) -> Dict[str, Any]:
    """The node that falls, the one that watches, and the virtual address that is followed.

    `wanted` is `standby` (a node without virtual address), `holder` (the one that has it) or a node's name; `address` is
    the id of the resource to follow, needed where there are several. Raises Unfit with everything that is in the way.
    """
    wrong = health.problems(status) + health.decisions(status)
    names = [node["id"] for node in health.members(status)]
    if len(names) < 2:
        wrong.append("two members are needed; there is %s" % (", ".join(names) or "none"))
    if wrong:
        raise Unfit("the cluster is not fit to lose a member: %s" % "; ".join(wrong))
    vip = _address(status, address)
    holder = next(iter(health.where(status, vip)), None) if vip else None
    target = _target(names, wanted, holder)
    survivor = next(name for name in ([holder] if holder and holder != target else []) + names if name != target)
    return {
        "target": target,
        "survivor": survivor,
        "holder": holder,
        "vip": vip,
        "moves": bool(vip) and holder == target,
    }


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

    A reboot is off, wait, look, on, wait, look; half a second goes to the rest.
    """
    params = next((item.get("params", {}) for item in devices if target in _targets(item)), None)
    if not timing or params is None:
        return dict(timing) if timing else None
    fencing = 2 * _seconds(params.get("power_wait", 2)) + 0.5 + _seconds(params.get("pcmk_delay_base", 0))
    more = fencing - timing["fencing"]
    return dict(
        timing,
        fencing=fencing,
        total_min=round(timing["total_min"] + more, 2),
        total_max=round(timing["total_max"] + more, 2),
    )


def _targets(device: Mapping[str, Any]) -> List[str]:
    params = device.get("params", {})
    listed = re.split(r"[\s,;]+", str(params.get("pcmk_host_list", "")))
    mapped = [pair.split(":")[0] for pair in re.split(r"[\s;]+", str(params.get("pcmk_host_map", "")))]
    return list(device.get("targets") or []) + listed + mapped


def _seconds(value: Any) -> float:
    number = re.match(r"\d+(\.\d+)?", str(value))
    return float(number.group()) if number else 0.0


class Watch(object):
    """Collects when what became true. Feed it a status again and again, with the time it was read."""

    def __init__(self, before: Status, target: str, vip: Optional[str]) -> None:
        self.target = target
        self.vip = vip if vip and target in health.where(before, vip) else None
        self.times = {}  # type: Dict[str, float]
        self._running = health.running(before)
        self._fencings = _fencings(before, target)

    def see(self, now: float, status: Status) -> None:
        node = health.member(status, self.target)
        gone = node is None or not node["online"] or node["unclean"]
        self._note("lost", now, gone)
        self._note("fenced", now, bool(_fencings(status, self.target) - self._fencings))
        if self.vip:
            self._note("vip", now, [name for name in health.where(status, self.vip) if name != self.target] != [])
        fallen = "lost" in self.times and "fenced" in self.times
        self._note("back", now, fallen and not gone and node is not None and not node["pending"])
        self._note("settled", now, "back" in self.times and self._as_before(status))

    @property
    def done(self) -> bool:
        return "settled" in self.times

    def missing(self) -> List[str]:
        """What has not happened."""
        return [name for name in MILESTONES if name not in self.times and (name != "vip" or self.vip)]

    def _note(self, name: str, now: float, true: bool) -> None:
        if true:
            self.times.setdefault(name, now)

    def _as_before(self, status: Status) -> bool:
        """Everybody is back, and all that ran runs on as many nodes as before."""
        well = all(node["online"] and not node["unclean"] and not node["pending"] for node in health.members(status))
        now = health.running(status)
        return (
            well
            and status["cluster"]["idle"] is not False
            and all(now.get(name, 0) >= count for name, count in self._running.items())
        )


def _fencings(status: Status, target: str) -> set:
    return {
        (event.get("at"), event.get("origin"))
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
