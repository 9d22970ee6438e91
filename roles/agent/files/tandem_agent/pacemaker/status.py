# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""crm_mon's XML and the CIB's header as the *status* of docs/protocol.md. Pure.

Pacemaker 2.0, 2.1 and 3.0 differ in attribute names, role names and the number of colons in an agent's name; what an
old one does not say is left at its harmless default.
"""

from __future__ import annotations

import html
import re
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple
from xml.etree.ElementTree import Element

from ..cib.tree import parse
from ..errors import AgentError
from ..model.values import role as role_name, score

Json = Dict[str, Any]


class Place(NamedTuple):
    """What a resource is inside of."""

    group: Optional[str] = None
    clone: Optional[str] = None
    bundle: Optional[str] = None


def read_status(monitor: bytes, cib: bytes = b"<cib/>", idle: Optional[bool] = None) -> Json:
    """The whole status. Without `cib` it has no cluster name, version and bans; `idle`: whether there is nothing left
    to do, None when that was not asked.
    """
    root = _parse(monitor, "crm_mon")
    tree = _parse(cib, "cibadmin")
    return {
        "cluster": _cluster(root, tree, idle),
        "nodes": nodes(root),
        "resources": _merged(_resources(root)),
        "failures": _failures(root),
        "fail_counts": _fail_counts(root),
        "fencing": _fencing(root),
        "bans": _bans(tree),
    }


def failures(monitor: bytes) -> List[Json]:
    """The failed operations in crm_mon's XML."""
    return _failures(_parse(monitor, "crm_mon"))


def resources(monitor: bytes) -> List[Json]:
    """The resources in crm_mon's XML, instances of a clone in one role as one entry."""
    return _merged(_resources(_parse(monitor, "crm_mon")))


def _parse(data: bytes, tool: str) -> Element:
    try:
        return parse(data)
    except AgentError as error:
        raise AgentError(
            "tool.failed", f"{tool} printed something unusable: {error.message}", {"tool": tool}
        ) from error


def _true(element: Optional[Element], *names: str) -> bool:
    return element is not None and any(element.get(name) == "true" for name in names)


def _cluster(root: Element, cib: Element, idle: Optional[bool]) -> Json:
    dc = root.find("summary/current_dc")
    options = root.find("summary/cluster_options")
    name = cib.find("configuration/crm_config//nvpair[@name='cluster-name']")
    version = (cib.get("admin_epoch", "0"), cib.get("epoch", "0"), cib.get("num_updates", "0"))
    return {
        "name": None if name is None else name.get("value"),
        "dc": dc.get("name") if dc is not None and _true(dc, "present") else None,
        "quorate": _true(dc, "with_quorum"),
        "maintenance": _true(options, "maintenance-mode"),
        "stonith_enabled": _true(options, "stonith-enabled", "fencing-enabled"),
        "idle": idle,
        "cib": ".".join(version),
    }


def nodes(root: Element) -> List[Json]:
    """The nodes, remote ones and the inside of bundles too."""
    return [
        {
            "id": node.get("name"),
            "online": _true(node, "online"),
            "standby": _true(node, "standby", "standby_onfail"),
            "maintenance": _true(node, "maintenance"),
            "unclean": _true(node, "unclean"),
            "pending": _true(node, "pending"),
            "dc": _true(node, "is_dc"),
            "type": node.get("type", "member"),
        }
        for node in root.iterfind("nodes/node")
    ]


# -- resources


def _resources(root: Element) -> Iterator[Json]:
    top = root.find("resources")
    if top is not None:
        yield from _inside(top, Place())


def _inside(parent: Element, place: Place) -> Iterator[Json]:
    for element in parent:
        if element.tag == "resource":
            yield _resource(element, place)
        elif element.tag == "group":
            yield from _inside(element, place._replace(group=_plain(element.get("id", ""))))
        elif element.tag == "clone":
            yield from _inside(element, place._replace(clone=element.get("id")))
        elif element.tag == "bundle":
            yield from _inside(element, place._replace(bundle=element.get("id")))
        elif element.tag == "replica":
            yield from _inside(element, place)


def _resource(element: Element, place: Place) -> Json:
    target = element.get("target_role")
    return {
        "id": element.get("id"),
        "agent": element.get("resource_agent", "").replace("::", ":"),
        "role": role_name(element.get("role", "Stopped")),
        "nodes": [node.get("name") for node in element.iterfind("node")],
        "group": place.group,
        "clone": place.clone,
        "bundle": place.bundle,
        "managed": _true(element, "managed"),
        "failed": _true(element, "failed"),
        "blocked": _true(element, "blocked"),
        "orphaned": _true(element, "orphaned", "removed"),
        "target_role": None if target is None else role_name(target),
        "pending": element.get("pending"),
    }


def _merged(found: Iterator[Json]) -> List[Json]:
    """Instances of an anonymous clone carry one id: those that differ in nothing but the node become one entry."""
    merged: Dict[Tuple[Any, ...], Json] = {}
    for resource in found:
        key = tuple(value for name, value in resource.items() if name != "nodes")
        if key in merged:
            merged[key]["nodes"] += resource["nodes"]
        else:
            merged[key] = resource
    running = {resource["id"] for resource in merged.values() if resource["nodes"]}
    # A clone with fewer instances than nodes also lists those that have nowhere to run: not news beside the others.
    return [one for one in merged.values() if one["nodes"] or not (one["clone"] and one["id"] in running)]


def _plain(name: str) -> str:
    """A name without the instance number that a clone gives its group."""
    return re.sub(r":\d+\Z", "", name)


# -- failures, fencing, bans


def _fail_counts(root: Element) -> List[Json]:
    """How often each resource has failed on each node, where it has, and after how often it may not run there."""
    return [
        {
            "resource": _plain(history.get("id", "")),
            "node": node.get("name", ""),
            "count": _count(history),
            "threshold": score(history.get("migration-threshold", "")),
        }
        for node in root.iterfind("node_history/node")
        for history in node.iterfind("resource_history")
        if _count(history) > 0
    ]


def _count(history: Element) -> int:
    return score(history.get("fail-count", "0")) or 0


def _failures(root: Element) -> List[Json]:
    return [_failure(element) for element in root.iterfind("failures/failure")]


def _failure(element: Element) -> Json:
    key = element.get("op_key") or element.get("id") or ""
    task, interval = element.get("task", ""), element.get("interval", "0")
    resource = key[: -len(f"_{task}_{interval}")] if key.endswith(f"_{task}_{interval}") else key
    status = element.get("status", "").lower()
    reason = html.unescape(element.get("exitreason", ""))  # before 3.0 it is escaped twice
    outcome = element.get("exitstatus", "").lower()
    node = element.get("node", "")
    what = f"{task} of {_plain(resource)} on {node}"
    said = outcome if status in ("complete", "done", "") else f"{status} ({outcome})"
    return {
        "resource": _plain(resource),
        "node": node,
        "operation": task,
        "interval_ms": _number(interval),
        "rc": _number(element.get("exitcode", "")),
        "status": "complete" if status == "done" else status,
        "reason": reason or outcome,
        "text": f"{what} failed: {said}" + (f": {reason}" if reason else ""),
        "at": element.get("last-rc-change"),
    }


def _number(text: str) -> int:
    return int(text) if re.match(r"-?\d+\Z", text) else 0


def _fencing(root: Element) -> List[Json]:
    return [
        {
            "target": event.get("target"),
            "action": event.get("action"),
            "state": event.get("status"),
            "origin": event.get("origin"),
            "at": event.get("completed"),
        }
        for event in root.iterfind("fence_history/fence_event")
    ]


def _bans(cib: Element) -> List[Json]:
    """What `crm_resource --ban` and `--move` left: an operator's decisions, from the CIB itself."""
    found = []
    for element in cib.iterfind("configuration/constraints/rsc_location"):
        if element.get("id", "").startswith(("cli-ban-", "cli-prefer-")):
            limited = element.find("rule/expression[@attribute='#uname']")  # the form with a life time
            node = element.get("node") or (limited.get("value") if limited is not None else None)
            ends = element.find("rule/date_expression")
            until = None if ends is None else ends.get("end")
            found.append({"id": element.get("id"), "resource": element.get("rsc"), "node": node, "until": until})
    return found
