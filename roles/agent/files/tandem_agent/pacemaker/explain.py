# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a resource does not run although the cluster has nothing left to do. Pure.

The scheduler has decided already: this only finds the words. Looked at in the order in which a person would: the
cluster as a whole, the resource, what it depends on, and at last each node. What is not found is not invented.
"""

from __future__ import annotations

from typing import Any, FrozenSet, Iterator, List, Mapping, NamedTuple, Optional, Set, Tuple
from xml.etree.ElementTree import Element

from ..model.values import INFINITY, boolean, role, score
from .obstacles import banned, colocations, everywhere
from .view import View, Why

_FATAL = 6  # exit code "not configured": it is tried on no node


class Unmet(NamedTuple):
    """Something that should be and is not."""

    resource: str
    what: str  # runs nowhere | is promoted nowhere | is blocked
    why: Why

    def __str__(self) -> str:
        return f"{self.resource} {self.what}: {self.why.text}"


def unmet(root: Element, status: Mapping[str, Any], names: Set[str]) -> List[Unmet]:
    """Those of `names`, and of what is inside them, that are not as the configuration wants them."""
    if status["cluster"]["maintenance"]:
        return []
    return list(_Explainer(View(root, status)).unmet(names))


class _Explainer:
    def __init__(self, view: View) -> None:
        self.view = view
        self.structure = view.structure

    def unmet(self, names: Set[str]) -> Iterator[Unmet]:
        known = [name for name in sorted(names) if name in self.structure.resources]
        within = {part for one in known for part in self.structure.primitives(one) or [one]}
        for name in sorted(within):
            if name in self.view.blocked:
                yield Unmet(name, "is blocked", self._blocked(name))
            elif not self._somewhere(name) and not self.view.disabled(name):
                yield Unmet(name, "runs nowhere", self.why(name))
        for outer in sorted({outer for one in known for outer in self.structure.chain(one)}):
            inner = self._promotable(outer)
            if (
                inner
                and self.view.running.get(inner)
                and not self.view.promoted(inner)
                and inner not in self.view.blocked
            ):
                yield Unmet(inner, "is promoted nowhere", self._not_promoted(inner))

    def _somewhere(self, name: str) -> bool:
        return any(self.view.running.get(part) for part in self.view.parts(name))

    def _promotable(self, name: str) -> Optional[str]:
        """The primitive that is to be promoted in this clone or bundle, None when that is not wanted."""
        inner = self.structure.primitives(name)
        if not inner or not self.structure.promotes(name):
            return None
        wanted = role(self.structure.meta(inner[-1], "target-role") or "")
        return None if wanted in ("Unpromoted", "Stopped") else inner[-1]

    # -- why

    def why(self, name: str, seen: FrozenSet[str] = frozenset()) -> Why:
        """The first reason found for `name` not running; `seen`: whose reasons are already being told."""
        seen = seen | {name}
        return (
            self._whole_cluster(name)
            or self._itself(name)
            or self._depends(name, seen)
            or everywhere(self.view, name)
            or self.view.unknown()
        )

    def _whole_cluster(self, name: str) -> Optional[Why]:
        requires = self.structure.meta(name, "requires")
        if boolean(self.structure.setting("stop-all-resources") or "") is True:
            return Why("the property stop-all-resources is true")
        policy = self.structure.setting("no-quorum-policy") or "stop"
        if not self.view.cluster["quorate"] and policy != "ignore" and requires != "nothing":
            return Why(f"this partition has no quorum (no-quorum-policy {policy})")
        able = any(self.structure.is_fence(one) for one in self.structure.resources) or self.structure.has_watchdog()
        if self.view.cluster["stonith_enabled"] and not able and requires in (None, "fencing", "unfencing"):
            return Why("fencing is enabled, but there is no fence device: then nothing is started")
        return None

    def _itself(self, name: str) -> Optional[Why]:
        if self.view.unmanaged.intersection(self.structure.primitives(name)):
            return Why("it is not managed (is-managed or maintenance)")
        for failure in self.view.failures(name):
            if failure["rc"] == _FATAL:
                return Why(f"its agent says that it is not configured: {failure['text']}")
        for ticket in self.view.root.iterfind("configuration/constraints/rsc_ticket"):
            if ticket.get("rsc") in self.structure.chain(name) and not self._granted(ticket.get("ticket", "")):
                return Why(f"the ticket {ticket.get('ticket')} is not granted here ({ticket.get('id')})")
        return None

    def _granted(self, ticket: str) -> bool:
        states = self.view.root.iterfind("status/tickets/ticket_state")
        return any(boolean(one.get("granted", "")) is True for one in states if one.get("id") == ticket)

    def _blocked(self, name: str) -> Why:
        told = "; ".join(failure["text"] for failure in self.view.failures(name)) or "its failed actions are forgotten"
        return Why(f"{told}; nothing touches it until it is repaired and cleaned up")

    def _not_promoted(self, name: str) -> Why:
        disabled = self._whole_cluster(name) or self._itself(name)
        if disabled:
            return disabled
        nodes = list(self.view.running[name])
        given = [score(self.view.attributes.get(node, {}).get(f"master-{name}", "")) for node in nodes]
        if not any((value or 0) > 0 for value in given):
            return Why("its agent has given no node a promotion score", passing=True)
        for outer in self.structure.chain(name):
            waits = self._orders(outer, "promote", frozenset([name]))
            if waits:
                return waits
        bans = [why for node in nodes for why in [banned(self.view, name, node, promoted=True)] if why]
        return bans[0] if len(bans) == len(nodes) else self.view.unknown()

    # -- what it depends on

    def _depends(self, name: str, seen: FrozenSet[str]) -> Optional[Why]:
        bundle = self.structure.bundle_of(name)
        if bundle and bundle not in seen:
            return self._in_bundle(bundle, seen)
        for earlier in self.structure.predecessors(name):
            if not self.view.running.get(earlier) and earlier not in seen:
                return self._waits(f"it starts after {earlier} in its group", earlier, seen)
        for outer in self.structure.chain(name):
            found = self._orders(outer, "start", seen) or self._alone(outer, seen)
            if found:
                return found
        return None

    def _in_bundle(self, bundle: str, seen: FrozenSet[str]) -> Why:
        """Outside in: the container, the connection to it, then what runs there."""
        containers = self.structure.containers(bundle)
        up = [(container, guest) for container, guest in containers if self.view.running.get(container)]
        if not up:
            failed = [failure["text"] for container, _guest in containers for failure in self.view.failures(container)]
            why = Why("; ".join(failed)) if failed else self.why(bundle, seen)
            return Why(f"no container of the bundle {bundle} runs: {why.text}", why.passing)
        for container, guest in up:
            if not self.view.running.get(guest):
                failed = [failure["text"] for failure in self.view.failures(guest)]
                told = "; ".join(failed) or "it is not made yet"
                return Why(f"{container} runs, but the connection to it ({guest}) does not: {told}", passing=not failed)
        return self.view.unknown()

    def _orders(self, name: str, action: str, seen: FrozenSet[str]) -> Optional[Why]:
        for id, first, first_action, then, then_action in self._ordered():
            if then != name or then_action != action or first in seen or first not in self.structure.resources:
                continue
            if first_action == "promote":
                done = any(self.view.promoted(one) for one in self.structure.primitives(first))
            else:
                done = self.view.runs(first) == (first_action == "start")
            if not done:
                return self._waits(f"it waits for {first_action} of {first} ({id})", first, seen, first_action)
        return None

    def _ordered(self) -> Iterator[Tuple[str, str, str, str, str]]:
        """Mandatory orders: id, first, its action, then, its action; those of sets resource by resource."""
        for order in self.view.root.iterfind("configuration/constraints/rsc_order"):
            id, worth = order.get("id", ""), score(order.get("score", "INFINITY")) or 0
            if order.get("kind", "Mandatory").lower() != "mandatory" or worth <= 0:
                continue
            if order.get("first"):
                action = order.get("first-action", "start")
                yield id, order.get("first", ""), action, order.get("then", ""), order.get("then-action", action)
            before: List[Tuple[str, str]] = []
            for members in order.iterfind("resource_set"):
                own = [(one.get("id", ""), members.get("action", "start")) for one in members.iterfind("resource_ref")]
                if boolean(members.get("sequential", "true")) is not False:
                    yield from ((id, *left, *right) for left, right in zip(own, own[1:]))
                yield from ((id, *left, *right) for left in before for right in own)
                some = boolean(members.get("require-all", "true")) is False and any(
                    self.view.runs(one) for one, _action in own
                )
                before = [] if some else own

    def _alone(self, name: str, seen: FrozenSet[str]) -> Optional[Why]:
        """What it must be with is nowhere."""
        for id, other, its_role in colocations(self.view, name, INFINITY):
            if other not in seen and other in self.structure.resources and not self.view.where(other, its_role):
                action = "promote" if its_role == "Promoted" else "start"
                return self._waits(f"it must be with {other} ({id})", other, seen, action)
        return None

    def _waits(self, words: str, name: str, seen: FrozenSet[str], action: str = "start") -> Why:
        """`words`, and what keeps the other one."""
        stopped = next((one for one in self.structure.primitives(name) if not self.view.running.get(one)), None)
        if self.view.disabled(stopped or name):
            return Why(f"{words}, which is disabled (target-role)")
        if stopped is None and action == "promote":
            why = self._not_promoted(self.structure.primitives(name)[-1])
            return Why(f"{words}, which is promoted nowhere: {why.text}", why.passing)
        if stopped is None and self.view.least(name):
            return Why(f"{words}, which needs {self.view.least(name)} running instances (clone-min)")
        if action in ("stop", "demote"):
            return Why(f"{words}, which did not happen")
        why = self.why(stopped or name, seen | {name})
        return Why(f"{words}, which does not run: {why.text}", why.passing)
