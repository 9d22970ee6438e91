# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as text for a terminal. Nothing here decides anything; programs use --json."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Sequence

from . import yaml

Json = Mapping[str, Any]
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_SIGNS = {"create": "+", "update": "~", "remove": "-"}


def show(op: str, result: Json) -> str:
    """What `result` of `op` looks like to a person."""
    return "\n".join(map(visible, _SHOW.get(op, _raw)(result)))


def visible(line: str) -> str:
    """The line with its control characters escaped: values may hold what would write over the terminal, or fake a line."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", line)


def _raw(result: Json) -> Iterator[str]:
    yield from yaml.dump(dict(result)).splitlines()


def _table(rows: Sequence[Sequence[str]], indent: str = "  ") -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    for row in rows:
        yield (indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths))).rstrip()


def _flags(item: Json, names: Iterable[str]) -> str:
    return " ".join(
        name.upper() if name in ("unclean", "failed", "blocked") else name for name in names if item.get(name)
    )


# -- status


def _status(result: Json) -> Iterator[str]:
    cluster = result["cluster"]
    words = ["quorate" if cluster["quorate"] else "NO QUORUM"]
    words += [] if cluster["stonith_enabled"] else ["FENCING DISABLED"]
    words += ["maintenance mode"] if cluster["maintenance"] else []
    words += {True: ["idle"], False: ["busy"]}.get(cluster["idle"], [])
    yield f"cluster {cluster['name'] or '(no name)'}: {', '.join(words)}; DC {cluster['dc'] or 'none'}; CIB {cluster['cib']}"
    yield "nodes:"
    yield from _table([_node_row(node) for node in result["nodes"]])
    yield "resources:" if result["resources"] else "resources: none"
    yield from _table([_resource_row(resource) for resource in result["resources"]])
    yield from _listed("failed actions", (f"{one['text']} ({one['at']})" for one in result["failures"]))
    fencing = (f"{one['action']} of {one['target']}: {one['state']} ({one['at']})" for one in result["fencing"])
    yield from _listed("fencing", fencing)
    bans = (f"{one['id']}: {one['resource']} and {one['node']}" for one in result["bans"])
    yield from _listed("moved or banned by hand", bans)


def _listed(title: str, lines: Iterator[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number == 0:
            yield f"{title}:"
        yield f"  {line}"


def _node_row(node: Json) -> List[str]:
    state = "online" if node["online"] else "OFFLINE"
    kind = "" if node["type"] == "member" else node["type"]
    return [str(node["id"]), state, _flags(node, ("dc", "standby", "maintenance", "pending", "unclean")), kind]


def _resource_row(resource: Json) -> List[str]:
    inside = resource["group"] or resource["clone"] or resource.get("bundle") or ""
    flags = _flags(resource, ("failed", "blocked", "orphaned")) + ("" if resource["managed"] else " unmanaged")
    return [
        resource["id"],
        resource["role"],
        ",".join(resource["nodes"]) or "-",
        inside,
        resource["agent"],
        flags.strip(),
    ]


# -- plan, apply, rollback


def _outcome(result: Json) -> Iterator[str]:
    for entry in result["plan"]:
        because = f"  ({entry['because']})" if entry.get("because") else ""
        yield f"{_SIGNS.get(entry['action'], '?')} {entry['summary']}{because}"
    for piece in result["diff"]:
        yield from _difference(piece)
    preview = result["preview"]
    if preview["available"]:
        yield from (f"  will {_action(action)}" for action in preview["actions"])
        yield from (f"  WILL FENCE {node}" for node in preview["fences"])
    elif result["changed"]:
        yield f"  no preview: {preview['reason']}"
    yield from (f"warning: {line}" for line in result["warnings"])
    yield _summary(result)


def _action(action: Json) -> str:
    where = f"from {action['from']} to {action['node']}" if action.get("from") else f"on {action['node']}"
    return f"{action['action']} {action['resource'] or ''} {where}".replace("  ", " ")


def _difference(piece: Json) -> Iterator[str]:
    import difflib  # only here, and slow to load

    before, after = piece["before"].splitlines(), piece["after"].splitlines()
    lines = difflib.unified_diff(before, after, piece["before_header"], piece["after_header"], lineterm="", n=2)
    yield from (f"    {line}" for line in lines if not line.startswith("@@"))


def _summary(result: Json) -> str:
    if not result["changed"]:
        return "nothing to change"
    if result["transaction"] is None:
        return f"{len(result['plan'])} changes; nothing was applied"
    settled = result["settled"]
    state = f"{settled['state']} after {settled['waited']:g} s" if settled["state"] == "settled" else settled["state"]
    return f"{len(result['plan'])} changes applied as {result['transaction']}; CIB {result['cib']['after']}; {state}"


# -- the others


def _export(result: Json) -> Iterator[str]:
    yield from yaml.dump(result["document"]).splitlines()


def _history(result: Json) -> Iterator[str]:
    rows = [["transaction", "changes", "outcome", "request"]]
    for entry in result["transactions"]:
        rows.append(
            [entry["id"], str(len(entry.get("plan") or [])), str(entry.get("outcome")), str(entry.get("request") or "")]
        )
    yield from _table(rows, "") if len(rows) > 1 else iter(["no transactions on this node"])


def _doctor(result: Json) -> Iterator[str]:
    for finding in result["findings"]:
        yield f"{finding['severity'].upper():7}  {finding['message']}"
        yield f"         -> {finding['remedy']}"
    counts: Dict[str, int] = {}
    for finding in result["findings"]:
        counts[finding["severity"]] = counts.get(finding["severity"], 0) + 1
    previews = result["previews"]
    if previews["matched"] or previews["mismatched"]:
        yield f"previews: {previews['matched']} came as foreseen, {previews['mismatched']} did not"
    yield ", ".join(f"{number} {name}" for name, number in counts.items()) or "nothing to complain about"


def _cleanup(result: Json) -> Iterator[str]:
    if not result["cleaned"]:
        yield "nothing has failed there"
    for one in result["cleaned"]:
        yield f"forgotten: {one['text']} ({one['at']})"


_SHOW: Dict[str, Callable[[Json], Iterator[str]]] = {
    "status": _status,
    "plan": _outcome,
    "apply": _outcome,
    "rollback": _outcome,
    "export": _export,
    "history": _history,
    "doctor": _doctor,
    "cleanup": _cleanup,
}
