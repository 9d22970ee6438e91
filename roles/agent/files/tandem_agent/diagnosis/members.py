# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about the members: quorum, nodes, modes, versions, clocks. Pure."""

from __future__ import annotations

from typing import Iterator

from .patient import ERROR, WARNING, Finding, Patient


def _quorum(patient: Patient) -> Iterator[Finding]:
    if not patient.status["cluster"]["quorate"]:
        yield Finding(
            "quorum.lost",
            ERROR,
            "this partition has no quorum: nothing is started, and no change is accepted",
            "bring the other members or the quorum device back; corosync-quorumtool shows the votes",
        )
    if len(patient.members) == 2 and patient.qdevice is False:
        yield Finding(
            "quorum.no_witness",
            WARNING,
            "two nodes without a quorum device: who survives a lost link is decided by who shoots first",
            "add a witness host with a quorum device (role `witness`)",
        )


def _nodes(patient: Patient) -> Iterator[Finding]:
    for node in patient.members:
        name = node["id"]
        if node["unclean"]:
            yield Finding(
                "node.unclean", ERROR, f"{name} is unclean: it must be fenced before its resources can move",
                f"see why fencing fails (stonith_admin --history {name}); only if it is surely off: stonith_admin --confirm {name}",
            )  # fmt: skip
        elif not node["online"]:
            yield Finding(
                "node.offline", ERROR, f"{name} is offline: there is no redundancy left",
                "start it and its cluster stack (systemctl start corosync pacemaker)",
            )  # fmt: skip
        if node["standby"]:
            yield Finding(
                "node.standby", WARNING, f"{name} is in standby: nothing may run on it",
                f"end it when the work is done: crm_attribute --node {name} --name standby --delete",
            )  # fmt: skip
        if node["maintenance"] and not patient.status["cluster"]["maintenance"]:
            yield Finding(
                "node.maintenance", WARNING, f"{name} is in maintenance: nothing on it is watched",
                f"end it when the work is done: crm_attribute --node {name} --name maintenance --delete",
            )  # fmt: skip


def _strays(patient: Patient) -> Iterator[Finding]:
    for name in sorted(patient.strays):
        yield Finding(
            "node.stray",
            WARNING,
            f"{name} is not in Corosync's list of nodes, but Pacemaker still knows it, as a member that is offline",
            f"if it has left, have it forgotten: run site.yml again, or on one member: crm_node --force --remove={name}",
        )


def _cluster(patient: Patient) -> Iterator[Finding]:
    if patient.status["cluster"]["maintenance"]:
        yield Finding(
            "cluster.maintenance",
            WARNING,
            "the cluster is in maintenance mode: nothing is watched, nothing fails over",
            "end it when the work is done: crm_attribute --name maintenance-mode --delete",
        )


def _versions(patient: Patient) -> Iterator[Finding]:
    if len(set(patient.versions.values())) > 1:
        told = ", ".join(f"{node}: {version}" for node, version in sorted(patient.versions.items()))
        yield Finding(
            "version.mixed",
            WARNING,
            f"the nodes run different versions of Pacemaker (feature sets {told}): fine during a rolling upgrade, not for longer",
            "finish the upgrade on all nodes",
        )


def _clocks(patient: Patient) -> Iterator[Finding]:
    for skew in patient.skews:
        yield Finding(
            "clock.skew",
            WARNING,
            f"the clock of {skew.ahead} is at least {skew.seconds} s ahead of that of {skew.behind}, by what they stamped last:"
            " logs cannot be compared, and rules that depend on the time hold at different times",
            "let all nodes follow one time source (chrony); `chronyc tracking` shows whether they do",
        )
    if patient.synchronized is False:
        yield Finding(
            "clock.unsynchronized",
            WARNING,
            "this node's clock follows no time source: sooner or later the nodes' clocks differ",
            "install and start chrony, or another time service; `timedatectl` shows whether it works",
        )


RULES = (_quorum, _nodes, _strays, _cluster, _versions, _clocks)
