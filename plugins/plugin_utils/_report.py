# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: may change in any release.
"""What the playbooks print at their end: a drill's table, and what differs from the inventory. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.tandem.ha.plugins.module_utils import _health as health

SWITCHING = 0.5  # seconds from the request until a device has switched the power off
SCHEDULING = 0.3  # seconds from "fenced" to the start of the resource, as the agent's own prediction has it
STEPS = {
    "lost": "membership lost",
    "fenced": "fenced",
    "vip": "address started elsewhere",
    "answers": "address answers again",
    "back": "node is back",
    "settled": "everything as before",
}


def drill(
    choice: Mapping[str, Any],
    watch: Mapping[str, Any],
    probe: Mapping[str, Any] | None = None,
    cut: float | None = None,
    writes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A drill's numbers in seconds since its beginning, and the table that shows them.

    `cut` is when the power was cut, by the control node's clock; without it the watching member fenced and began the drill.
    """
    began = float(cut if cut is not None else watch["began"])
    measured = {name: round(when - began, 2) for name, when in (watch.get("times") or {}).items()}
    silent = None
    if probe is not None:
        gaps = probe.get("gaps") or []
        silent = max((gap["seconds"] for gap in gaps), default=0.0)
        if gaps and choice["moves"]:
            measured["answers"] = round(max(gaps, key=lambda gap: gap["seconds"])["to"] - began, 2)
    predicted = _predicted(choice, cut is not None)
    result = {
        "cluster": choice.get("cluster"),
        "target": choice["target"],
        "method": "power" if cut is not None else "fence",
        "began": began,
        "measured": measured,
        "predicted": predicted,
        "silent": silent,
        "silent_at_most": predicted.get("answers", 0.0) if choice["moves"] else 0.0,
        "probes": probe.get("probes") if probe is not None else None,
    }
    if writes:
        result["sql"] = _sql(writes)
    return {**result, "table": _table(result, choice)}


def _sql(writes: Mapping[str, Any]) -> dict[str, Any]:
    """What became of the writes; `kept` says whether every server answered and has all that was acknowledged."""
    audit = writes["audit"]
    return {
        "silent": max((gap["seconds"] for gap in writes.get("gaps") or []), default=0.0),
        "acknowledged": writes["acknowledged"],
        "unsure": len(writes["unsure"]),
        "servers": writes["servers"],
        "errors": writes["errors"],
        "lost": {name: len(found["lost"] or []) for name, found in audit.items()},
        "audit": audit,
        "kept": all(found["lost"] == [] for found in audit.values()),
    }


def _predicted(choice: Mapping[str, Any], cut: bool) -> dict[str, float]:
    """The worst case of each step.

    A node that is fenced on request is off after half a second. That it is fenced becomes known to all by the cluster's
    own messages, and those wait until the members have noticed that one of them is missing.
    """
    timing = choice.get("timing") or {}
    if not timing:
        return {}
    missed, fencing = float(timing["detection_max"]), float(timing["fencing"])
    lost = missed if cut else SWITCHING + missed
    fenced = lost + fencing if cut else max(fencing, lost + SCHEDULING)
    predicted = {"lost": lost, "fenced": fenced}
    if choice["moves"]:
        predicted["answers"] = float(timing["total_max"]) if cut else fenced + SCHEDULING + float(timing["vip"])
    return {name: round(value, 2) for name, value in predicted.items()}


def _table(result: Mapping[str, Any], choice: Mapping[str, Any]) -> list[str]:
    how = "its power was cut" if result["method"] == "power" else "it was fenced on request"
    role = "holder of the address" if choice["moves"] else "standby"
    lines = [
        f"drill of {result['cluster']}: {result['target']} ({role}), {how}",
        f"{'seconds after the beginning':<28}{'predicted':>12}{'measured':>12}",
    ]
    for name, told in STEPS.items():
        expected, seen = result["predicted"].get(name), result["measured"].get(name)
        if expected is not None or seen is not None:
            lines.append(f"{told:<28}{_seconds(expected, '<='):>12}{_seconds(seen):>12}")
    if result["silent"] is not None:
        lines.append(
            f"{'address silent for':<28}{_seconds(result['silent_at_most'], '<='):>12}{_seconds(result['silent']):>12}"
        )
    return lines + list(_sql_lines(result))


def _sql_lines(result: Mapping[str, Any]) -> Iterator[str]:
    sql = result.get("sql")
    if sql:
        yield f"{'SQL writes silent for':<28}{_seconds(None):>12}{_seconds(sql['silent']):>12}"
        yield f"SQL: {sql['acknowledged']} acknowledged, {sql['unsure']} unanswered, taken by {', then '.join(sql['servers'])}"
        for name, found in sql["audit"].items():
            state = (
                f"{len(found['lost'])} of them lost" if found["lost"] is not None else f"not known: {found['error']}"
            )
            yield f"SQL: on {name} {found['rows'] or 0} rows, {state}"


def _seconds(value: float | None, sign: str = "") -> str:
    return "-" if value is None else f"{sign}{' ' if sign else ''}{value:.1f}"


def drift(
    changes: Iterable[Mapping[str, Any]], info: Mapping[str, Any], declared: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """What a run would change, what somebody decided at run time, and what nobody declared.

    `changes` are those that the callback plugin ha_changes saw, `info` is what ha_info returned (`status`, `document`),
    `declared` the objects that the site's own documents name.
    """
    status, document = info.get("status"), info.get("document")
    known = {str(item["id"]) for item in declared if item.get("id")}
    found = {
        "changes": [_change(change) for change in changes],
        "decisions": health.decisions(status) if status else [],
        "problems": health.problems(status) if status else [],
        "foreign": _foreign(document, known) if document else [],
    }
    return {**found, "lines": _drift_lines(found)}


def _change(change: Mapping[str, Any]) -> str:
    told = f"{change['host']}: {change['task']}"
    return f"{told}: {'; '.join(change['details'])}" if change.get("details") else told


def _foreign(document: Mapping[str, Any], known: set[str]) -> list[str]:
    """Objects that somebody made by hand; what is in a declared group or clone is declared with it."""
    told = []
    for section, what in (("resources", "resource"), ("stonith", "fence device"), ("constraints", "constraint")):
        for item in document.get(section) or []:
            name = str(item.get("id", ""))
            if name and name not in known and not name.startswith(("cli-ban-", "cli-prefer-")):
                told.append(f"{what} {name}")
    return told


def _drift_lines(found: Mapping[str, list[str]]) -> list[str]:
    heads = {
        "changes": "a run of the site would change",
        "decisions": "decided by an operator; a run leaves it",
        "foreign": "made by hand; a run leaves it",
        "problems": "not as it should be",
    }
    lines = []
    for name, head in heads.items():
        if found[name]:
            lines.append(f"{head}:")
            lines += [f"  - {item}" for item in found[name]]
    return lines or ["nothing differs from the inventory"]
