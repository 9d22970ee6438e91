# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: may change in any release.
"""A drill's numbers, from what its parts saw, and the tables of one drill and of many. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from statistics import median
from typing import Any

from ansible_collections.tandem.ha.plugins.module_utils._faults import COMMAND, FAULTS, LINK, TARGET

SWITCHING = 0.5  # seconds from the request until a device has switched the power off
TURNS = 4  # with more changes of who answers, they take turns
SCHEDULING = 0.3  # seconds from "fenced" to the start of the resource, as the agent's own prediction has it
STEPS = {
    "lost": "membership lost",
    "noticed": "noticed",
    "fenced": "fenced",
    "vip": "address started elsewhere",
    "answers": "address answers again",
    "back": "node is back",
    "ended": "the command has ended",
    "serving": "everything serves as before",
    "settled": "and no failed action is left",
}
# What the silence of an address that moves is made of: each part ends with one step and begins with the one before.
PARTS = {"noticing": "lost", "fencing": "fenced", "starting": "answers"}


def drill(
    choice: Mapping[str, Any],
    watch: Mapping[str, Any],
    probe: Mapping[str, Any] | None = None,
    at: float | None = None,
    load: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A drill's numbers in seconds since its beginning, and the table that shows them.

    `at` is when it happened, by the clock of who did it; without it the watching member fenced and began the drill. `load` is
    what the clients returned, with their `audit`.
    """
    began = _began(choice, watch, probe, at)
    # A look has the time at which it began, which can be before the one who did it says so.
    measured = {name: round(max(when - began, 0.0), 2) for name, when in (watch.get("times") or {}).items()}
    if probe and choice["moves"] and probe.get("gaps"):
        measured["answers"] = round(max(probe["gaps"], key=lambda gap: gap["seconds"])["to"] - began, 2)
    predicted = _predicted(choice, at is None)
    result = {
        "cluster": choice.get("cluster"),
        "name": choice.get("name"),
        "fault": choice["fault"],
        "target": choice["target"],
        "role": _role(choice),
        "told": choice["told"],
        "began": began,
        "measured": dict(sorted(measured.items(), key=lambda item: (item[1], list(STEPS).index(item[0])))),
        "predicted": {name: values[1] for name, values in predicted.items()},
        "floor": {name: values[0] for name, values in predicted.items()},
        "timing": _timing(choice),
        "parts": {} if at is None else _parts(measured, predicted),
        "failures": list(watch.get("failures") or []),
        "unnoticed": bool(watch.get("unnoticed")),
        **_silence(choice, probe, predicted),
        "clients": _clients(load),
        "twice": _twice(probe, load, began),
    }
    faults = list(_faults(result))
    return {**result, "faults": faults, "kept": not faults, "table": list(_table(result, faults))}


def _began(
    choice: Mapping[str, Any], watch: Mapping[str, Any], probe: Mapping[str, Any] | None, at: float | None
) -> float:
    """When it happened. A command has done it some time before it is over; the address of its node says when."""
    if at is None:
        return float(watch["began"])
    gaps = (probe or {}).get("gaps") or []
    if choice["by"] == COMMAND and choice["may_move"] and gaps:
        return min(float(at), float(max(gaps, key=lambda gap: gap["seconds"])["from"]))
    return float(at)


def _role(choice: Mapping[str, Any]) -> str:
    if choice["where"] not in (TARGET, LINK):
        return ""
    return "holder of the address" if choice["holder"] == choice["target"] else "standby"


def _predicted(choice: Mapping[str, Any], on_request: bool) -> dict[str, tuple[float, float]]:
    """The best and the worst case of each step, where the cluster's settings decide it.

    A node that is fenced on request is off after half a second. That it is fenced becomes known to all by the cluster's
    own messages, and those wait until the members have noticed that one of them is missing. Only a node without power can
    be fenced without being switched off first.
    """
    timing = choice.get("timing") or {}
    if not timing or not choice["fenced"]:
        return {}
    address, dark = float(timing["vip"]), FAULTS[choice["fault"]].dark
    found: dict[str, tuple[float, float]] = {}
    for end in ("min", "max"):
        missed, assumed, total = (float(timing[f"{part}_{end}"]) for part in ("detection", "fencing", "total"))
        fencing = assumed if dark else float(timing["fencing_max"])
        lost = SWITCHING + missed if on_request else missed
        fenced = max(fencing, lost + SCHEDULING) if on_request else lost + fencing
        total = fenced + SCHEDULING + address if on_request else total - assumed + fencing
        for name, value in (("lost", lost), ("fenced", fenced), ("answers", total)):
            if name != "answers" or choice["moves"]:
                found[name] = (*found.get(name, ()), round(value, 2))  # type: ignore[assignment]
    return found


def _timing(choice: Mapping[str, Any]) -> str:
    """The settings that decide, in milliseconds, as drills with others are not to be compared."""
    timing = choice.get("timing") or {}
    return "/".join(str(timing[name]) for name in ("token", "consensus", "qdevice_timeout") if timing.get(name))


def _parts(measured: Mapping[str, float], predicted: Mapping[str, tuple[float, float]]) -> dict[str, list[float]]:
    """Of each part how long it takes at least, at most, and took: what it took above the least is what could be won."""
    found: dict[str, list[float]] = {}
    before = (0.0, 0.0, 0.0)
    for part, step in PARTS.items():
        if step not in measured or step not in predicted:
            break
        now = (*predicted[step], measured[step])
        found[part] = [round(end - begin, 2) for begin, end in zip(before, now)]
        before = now
    return found


def _silence(
    choice: Mapping[str, Any], probe: Mapping[str, Any] | None, predicted: Mapping[str, tuple[float, float]]
) -> dict[str, Any]:
    """For how long the address did not answer, and for how long it may be silent."""
    if probe is None:
        return {"silent": None, "silent_at_most": None, "probes": None, "gaps": [], "owners": 0}
    gaps = probe.get("gaps") or []
    at_most = predicted["answers"][1] if "answers" in predicted else None
    return {
        "silent": max((gap["seconds"] for gap in gaps), default=0.0),
        "silent_at_most": at_most if choice["may_move"] else 0.0,
        "probes": probe.get("probes"),
        "gaps": gaps,
        "owners": probe.get("owners") or 0,
    }


def _clients(load: Mapping[str, Any] | None) -> dict[str, Any]:
    """For each account its longest gap, what was acknowledged, and what of that is gone."""
    audits = (load or {}).get("audit") or {}
    return {
        name: {
            "longest": account["longest"],
            "acknowledged": account["acknowledged"],
            "unsure": len(account["unsure"]),
            "lost": _lost(audits.get(name)),
            "audit": audits.get(name) or {},
            "servers": [server["name"] for server in account["servers"]],
            "errors": account["errors"],
            "gaps": account["gaps"],
            "span": [account["from"], account["to"]],
        }
        for name, account in ((load or {}).get("accounts") or {}).items()
    }


def _lost(audit: Mapping[str, Any] | None) -> int | None:
    """How many acknowledged requests are gone from at least one place; None where nothing is written."""
    if not audit:
        return None
    return len({number for found in audit.values() for number in found["lost"] or []})


def _twice(probe: Mapping[str, Any] | None, load: Mapping[str, Any] | None, began: float) -> list[str]:
    """What was there twice at one time, and must not be."""
    told = [
        f"{seen['at'] - began:.1f} s: the address was at {' and at '.join(seen['owners'])}"
        for seen in (probe or {}).get("twice") or []
    ]
    told += [
        f"{seen['at'] - began:.1f} s: {' and '.join(seen['members'])} were primaries of Redis"
        for seen in (load or {}).get("primaries") or []
    ]
    return told + [f"{name}: two members took what the other has not" for name in (load or {}).get("apart") or []]


def _faults(result: Mapping[str, Any]) -> Iterator[str]:
    """What must not be, however bad the fault was."""
    yield from result["twice"]
    for name, client in result["clients"].items():
        for place, found in client["audit"].items():
            if found["lost"] is None:
                yield f"{name}: {place} could not be asked: {found['error']}"
            elif found["lost"] and not _may_lose(name, result["clients"]):
                yield f"{name}: {len(found['lost'])} acknowledged requests are not at {place}"


def _may_lose(name: str, clients: Mapping[str, Any]) -> bool:
    """Whether a client was promised less: what only one copy of was known of may go with it."""
    return f"{name}+wait" in clients


def _table(result: Mapping[str, Any], faults: list[str]) -> Iterator[str]:
    role = f" ({result['role']})" if result["role"] else ""
    yield f"drill of {result['cluster']}: {result['target']}{role}, {result['told']}"
    yield f"{'seconds after the beginning':<30}{'at least':>10}{'at most':>10}{'measured':>10}"
    for name, told in STEPS.items():
        seen, at_most, floor = (result[key].get(name) for key in ("measured", "predicted", "floor"))
        if at_most is not None or seen is not None:
            yield f"{told:<30}{_seconds(floor):>10}{_seconds(at_most):>10}{_seconds(seen):>10}"
    if result["silent"] is not None:
        yield f"{'address silent for':<30}{'-':>10}{_seconds(result['silent_at_most']):>10}{_seconds(result['silent']):>10}"
    for part, (least, most, seen) in result["parts"].items():
        yield f"{'of that ' + part:<30}{_seconds(least):>10}{_seconds(most):>10}{_seconds(seen):>10}"
    if result["clients"]:
        yield f"{'client':<24}{'longest gap':>12}{'acknowledged':>14}{'unanswered':>12}{'lost':>7}  answered by"
    for name, client in result["clients"].items():
        lost = "-" if client["lost"] is None else client["lost"]
        yield (
            f"{name:<24}{client['longest']:>10.2f} s{client['acknowledged']:>14}{client['unsure']:>12}{lost:>7}"
            f"  {_by(client['servers'])}"
        ).rstrip()
    if result["unnoticed"]:
        yield "the cluster did not notice: what was killed came back by itself"
    yield from (f"failed on the way: {failure}" for failure in result["failures"])
    yield from (f"WRONG: {fault}" for fault in faults)


def _by(servers: list[str]) -> str:
    """Who answered, one after the other; behind a balancer that is told once."""
    return ", then ".join(servers) if len(servers) <= TURNS else f"{', '.join(sorted(set(servers)))} by turns"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


# -- many drills

ABOUT = ["token/consensus/quorum device", "fault", "happens to", "drills"]


def summary(reports: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The medians over all drills of the same cluster, timing, fault and role, and tables in Markdown."""
    groups: dict[tuple[str, str, str, str], list[Mapping[str, Any]]] = {}
    for report in reports:
        if report.get("fault") in FAULTS:
            key = (str(report["cluster"]), str(report.get("timing") or ""), report["fault"], report["role"])
            groups.setdefault(key, []).append(report)
    order = list(FAULTS)
    rows = [
        _row(key, found)
        for key, found in sorted(groups.items(), key=lambda item: (*item[0][:2], order.index(item[0][2]), item[0][3]))
    ]
    return {"rows": rows, "lines": _markdown(rows) + _split(rows)}


def _row(key: tuple[str, str, str, str], found: list[Mapping[str, Any]]) -> dict[str, Any]:
    names = list(dict.fromkeys(name for report in found for name in report["clients"]))
    steps = [step for step in STEPS if any(step in report["measured"] for report in found)]
    return {
        "cluster": key[0],
        "timing": key[1],
        "fault": key[2],
        "role": key[3],
        "drills": len(found),
        "measured": {
            step: round(median(report["measured"][step] for report in found if step in report["measured"]), 2)
            for step in steps
        },
        "silent": _median(report["silent"] for report in found),
        "parts": _parts_of(found),
        "clients": {
            name: _client([report["clients"][name] for report in found if name in report["clients"]]) for name in names
        },
        "faults": sum(len(report["faults"]) for report in found),
    }


def _parts_of(found: list[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Of each part the median of what it takes at least, at most, and took."""
    told = [report["parts"] for report in found if report.get("parts")]
    return {
        part: [round(median(column), 2) for column in zip(*(parts[part] for parts in told if part in parts))]
        for part in PARTS
        if any(part in parts for parts in told)
    }


def _client(seen: list[Mapping[str, Any]]) -> dict[str, Any]:
    counted = [one["lost"] for one in seen if one["lost"] is not None]
    return {
        "longest": _median(one["longest"] for one in seen),
        "worst": max(one["longest"] for one in seen),
        "acknowledged": sum(one["acknowledged"] for one in seen),
        "lost": sum(counted) if counted else None,
    }


def _median(values: Iterable[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return round(median(there), 2) if there else None


def _markdown(rows: list[dict[str, Any]]) -> list[str]:
    names = list(dict.fromkeys(name for row in rows for name in row["clients"]))
    steps = ("lost", "fenced", "answers", "back", "serving", "settled")
    columns = [*ABOUT, *steps, "address silent", *(f"{name}: gap, acknowledged, lost" for name in names), "wrong"]
    cells = [
        [
            *_about(row),
            *(_seconds(row["measured"].get(step)) for step in steps),
            _seconds(row["silent"]),
            *(_cell(row["clients"].get(name)) for name in names),
            str(row["faults"]),
        ]
        for row in rows
    ]
    return _lines(columns, cells)


def _split(rows: list[dict[str, Any]]) -> list[str]:
    """What the silence of an address was made of, part by part."""
    columns = [*ABOUT, *(f"{part}: at least, at most, median" for part in PARTS)]
    cells = [[*_about(row), *(_part(row["parts"].get(part)) for part in PARTS)] for row in rows if row["parts"]]
    return ["", *_lines(columns, cells)] if cells else []


def _about(row: Mapping[str, Any]) -> list[str]:
    """Which drills a row tells of: the cells below `ABOUT`."""
    return [row["timing"] or "-", row["fault"], row["role"] or "-", str(row["drills"])]


def _lines(columns: list[str], rows: list[list[str]]) -> list[str]:
    """A table in Markdown."""
    return [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}", *(f"| {' | '.join(cells)} |" for cells in rows)]


def _part(values: list[float] | None) -> str:
    return ", ".join(_seconds(value) for value in values) if values else "-"


def _cell(client: Mapping[str, Any] | None) -> str:
    if client is None:
        return "-"
    lost = "" if client["lost"] is None else f", {client['lost']}"
    return f"{client['longest']:.1f} s, {client['acknowledged']}{lost}"
