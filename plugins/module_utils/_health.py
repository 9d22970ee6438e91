# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""What the agent's *status* (docs/protocol.md) means to a person: what is broken, what somebody decided, what runs. Pure."""

from typing import Any, Dict, Iterator, List, Mapping, Optional

Status = Mapping[str, Any]


def problems(status: Status) -> List[str]:
    """What is not as it should be, each a sentence. An operator's decisions are none; see `decisions`."""
    return list(_cluster_problems(status)) + list(_node_problems(status)) + list(_resource_problems(status))


def _cluster_problems(status: Status) -> Iterator[str]:
    cluster = status["cluster"]
    if not cluster["quorate"]:
        yield "the cluster has no quorum: nothing is started until enough members are back"
    if not cluster["dc"]:
        yield "no controller coordinates the cluster yet"


def _node_problems(status: Status) -> Iterator[str]:
    for node in members(status):
        if node["unclean"]:
            yield "%s is unclean: it must be fenced before its resources may run elsewhere" % node["id"]
        elif not node["online"]:
            yield "%s is offline" % node["id"]
        elif node["pending"]:
            yield "%s is online, but has not joined the cluster yet" % node["id"]


def _resource_problems(status: Status) -> Iterator[str]:
    for resource in status["resources"]:
        if resource["orphaned"]:
            yield "%s runs, but is configured no more" % resource["id"]
        elif resource["blocked"]:
            yield "%s is blocked: the cluster cannot go on with it" % resource["id"]
        elif resource["failed"]:
            yield "%s has failed" % resource["id"]
        elif not resource["nodes"] and not stopped_on_purpose(resource, status):
            yield "%s does not run anywhere" % resource["id"]
    for failure in status["failures"]:
        yield failure.get("text") or "%s of %s failed on %s: %s" % (
            failure["operation"], failure["resource"], failure["node"], failure["reason"])  # fmt: skip


def stopped_on_purpose(resource: Mapping[str, Any], status: Status) -> bool:
    """Whether somebody decided that this resource does not run."""
    cluster = status["cluster"]
    idle = bool(members(status)) and all(node["standby"] or node["maintenance"] for node in members(status))
    return resource["target_role"] == "Stopped" or not resource["managed"] or cluster["maintenance"] or idle


def decisions(status: Status) -> List[str]:
    """What an operator decided at run time; a run of the site leaves it, and somebody should know of it."""
    found = []  # type: List[str]
    if status["cluster"]["maintenance"]:
        found.append("the cluster is in maintenance mode: nothing is started, stopped or watched")
    if not status["cluster"]["stonith_enabled"]:
        found.append("fencing is disabled")
    for node in members(status):
        if node["standby"]:
            found.append("%s is in standby" % node["id"])
        if node["maintenance"]:
            found.append("%s is in maintenance mode" % node["id"])
    for resource in status["resources"]:
        if resource["target_role"] == "Stopped":
            found.append("%s is disabled (target-role=Stopped)" % resource["id"])
        if not resource["managed"] and not status["cluster"]["maintenance"]:
            found.append("%s is not managed" % resource["id"])
    for ban in status["bans"]:
        found.append(
            "%s: a leftover of a move or a ban of %s, node %s" % (ban["id"], ban["resource"], ban["node"] or "by rule")
        )
    return found


def members(status: Status) -> List[Mapping[str, Any]]:
    """The full members; remote nodes and the inside of bundles are resources."""
    return [node for node in status["nodes"] if node["type"] == "member"]


def member(status: Status, name: str) -> Optional[Mapping[str, Any]]:
    return next((node for node in members(status) if node["id"] == name), None)


def where(status: Status, resource: str) -> List[str]:
    """The nodes on which a resource runs."""
    return [name for item in status["resources"] if item["id"] == resource for name in item["nodes"]]


def virtual_addresses(status: Status) -> List[str]:
    """The ids of the resources that are addresses which move."""
    return [
        item["id"] for item in status["resources"] if item["agent"].split(":")[-1] in ("IPaddr2", "IPaddr", "IPv6addr")
    ]


def running(status: Status) -> Dict[str, int]:
    """How many nodes each resource runs on."""
    return {item["id"]: len(item["nodes"]) for item in status["resources"]}


def summary(status: Status) -> List[str]:
    """What there is, in as many lines as there are nodes and resources, and one for the cluster."""
    cluster = status["cluster"]
    lines = [
        "cluster %s: %s, coordinated by %s"
        % (cluster["name"], "quorate" if cluster["quorate"] else "without quorum", cluster["dc"] or "nobody")
    ]
    lines += ["node %s: %s" % (node["id"], _condition(node)) for node in members(status)]
    for resource in status["resources"]:
        told = "%s on %s" % (resource["role"], ", ".join(resource["nodes"])) if resource["nodes"] else "stopped"
        lines.append("%s (%s): %s" % (resource["id"], resource["agent"], told))
    return lines


def _condition(node: Mapping[str, Any]) -> str:
    words = ["online" if node["online"] else "offline"]
    words += [word for word in ("unclean", "pending", "standby", "maintenance") if node[word]]
    return ", ".join(words)
