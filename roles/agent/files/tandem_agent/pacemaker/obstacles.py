# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Node by node: what keeps a resource from there. Pure."""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, Optional, Tuple
from xml.etree.ElementTree import Element

from ..model.values import INFINITY, boolean, role, score, score_text
from .history import plain
from .rules import holds, needs
from .view import HARD, View, Why


def everywhere(view: View, name: str) -> Optional[Why]:
    """What keeps it from each node; None when a node is left that nothing keeps it from."""
    reasons: Dict[str, List[str]] = {}
    passing = False
    for node in view.nodes:
        why = _state(view, node) or _failed(view, name, node["id"]) or banned(view, name, node["id"])
        why = why or _company(view, name, node["id"])
        if why is None:
            return None
        passing = passing or why.passing
        reasons.setdefault(why.text, []).append(node["id"])
    told = "; ".join(f"not on {' and '.join(nodes)}: {text}" for text, nodes in reasons.items())
    return Why(told or "there is no node", passing)


def _state(view: View, node: Mapping[str, object]) -> Optional[Why]:
    if node["pending"]:
        return Why("it is about to join", passing=True)
    if node["unclean"]:
        return Why("it is unclean and must be fenced first")
    if not node["online"]:
        return Why("it is offline")
    if node["standby"]:
        return Why("it is in standby")
    if node["maintenance"]:
        return Why("it is in maintenance")
    strategy = view.structure.setting("node-health-strategy")
    bad = {"migrate-on-red": ("red",), "only-green": ("red", "yellow")}.get(strategy or "", ())
    own = view.attributes.get(str(node["id"]), {})
    sick = next((key for key, value in own.items() if key.startswith("#health") and value.lower() in bad), None)
    return Why(f"it is not healthy ({sick} is {own[sick]})", passing=True) if sick else None


def _failed(view: View, name: str, node: str) -> Optional[Why]:
    for record in view.hard:
        if record.node == node and plain(record.resource) == name:
            reason = f": {record.reason}" if record.reason else ""
            return Why(f"{record.operation} failed there: {HARD[record.rc]}{reason}")
    counts = [
        score(value) or 0
        for key, value in view.attributes.get(node, {}).items()
        if plain(key.partition("#")[0]) == f"fail-count-{name}"
    ]
    limit = score(view.structure.meta(name, "migration-threshold") or "") or INFINITY
    if sum(counts) < limit:
        return None
    texts = [failure["text"] for failure in view.failures(name) if failure["node"] == node]
    times = "too often" if sum(counts) >= INFINITY else f"{sum(counts)} times"
    reason = f": {texts[-1]}" if texts else ""
    return Why(f"it failed there {times} (migration-threshold {score_text(str(limit))}){reason}")


def banned(view: View, name: str, node: str, promoted: bool = False) -> Optional[Why]:
    """Location constraints that keep it away; without symmetric-cluster it needs one that allows it."""
    total, ids, passing, allowed = 0, [], False, False
    for id, value, rule in _scores(view, name, node, promoted):
        total = -INFINITY if -INFINITY in (total, value) else total + value
        allowed = allowed or value >= 0
        if value < 0:
            ids.append(id)
            passing = passing or (rule is not None and needs(rule) is not None)
    if total < 0:
        by_attribute = " because of a node attribute" if passing else ""
        return Why(f"{' and '.join(ids)} {'keeps' if len(ids) == 1 else 'keep'} it away{by_attribute}", passing)
    if boolean(view.structure.setting("symmetric-cluster") or "") is False and not allowed and not promoted:
        return Why("no constraint allows it there (symmetric-cluster is false)")
    return None


def _scores(view: View, name: str, node: str, promoted: bool) -> Iterator[Tuple[str, int, Optional[Element]]]:
    """The location constraints that hold for a resource on a node: id, score, and the rule if there is one."""
    mentioned = [*view.structure.chain(name), view.structure.bundle_of(name)]
    own = view.attributes.get(node, {})
    for found in view.root.iterfind("configuration/constraints/rsc_location"):
        if found.get("rsc") not in mentioned:
            continue
        id, for_promoted = found.get("id", ""), role(found.get("role", "")) == "Promoted"
        if found.get("node") == node and for_promoted == promoted:
            yield id, score(found.get("score", "")) or 0, None
        for rule in found.iterfind("rule"):
            its = for_promoted or role(rule.get("role", "")) == "Promoted"
            if its == promoted and holds(rule, own) is True:
                yield id, score(rule.get("score") or own.get(rule.get("score-attribute", ""), "")) or 0, rule


def colocations(view: View, name: str, wanted: int) -> Iterator[Tuple[str, str, str]]:
    """Those of a resource with this score: id, with whom, in which role of the other."""
    for found in view.root.iterfind("configuration/constraints/rsc_colocation"):
        own_role = role(found.get("rsc-role", ""))
        if found.get("rsc") == name and score(found.get("score", "")) == wanted and own_role in ("", "Started"):
            yield found.get("id", ""), found.get("with-rsc", ""), role(found.get("with-rsc-role", ""))


def _company(view: View, name: str, node: str) -> Optional[Why]:
    """What it must be with is elsewhere, or what it must not be with is there."""
    for outer in view.structure.chain(name):
        for id, other, its_role in colocations(view, outer, INFINITY):
            where = view.where(other, its_role)
            if where and node not in where:
                return Why(f"{other}, which it must be with, is on {' and '.join(sorted(where))} ({id})")
        for id, other, its_role in colocations(view, outer, -INFINITY):
            if node in view.where(other, its_role):
                return Why(f"{other}, which it must not be with, is there ({id})")
    return None
