# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure: whose host is this? Ours, nobody's, the packages' own one-node cluster, or another cluster's."""

from __future__ import annotations

from typing import Mapping

from ..corosync import read
from ..corosync.parse import Section
from ..corosync.render import nodes_of
from ..errors import AgentError
from .host import Snapshot

OURS, NONE, PRISTINE = "ours", "none", "pristine"
PACKAGE_KEY = 4096  # bytes of the /etc/pacemaker/authkey that Debian's package makes when it is installed


def relation(name: str, snapshot: Snapshot, keys: Mapping[str, bytes]) -> str:
    """How this host stands to the cluster `name`. Errors: `cluster.foreign`, which names whose it is."""
    tree = snapshot.tree
    if pristine(snapshot, keys):
        return PRISTINE
    if tree is None or not (read.cluster_name(tree) or nodes_of(tree)):
        _nothing_left(snapshot, keys)
        return NONE
    if read.cluster_name(tree) == name:
        return OURS
    raise foreign(tree, name)


def pristine(snapshot: Snapshot, keys: Mapping[str, bytes]) -> bool:
    """Whether this is exactly the cluster that Debian's and Ubuntu's packages make and start when they are installed.

    One member, node1 with id 1 at 127.0.0.1, in a cluster called debian, nothing in its CIB, and no keys but those
    that this very request brings and the random one for remote nodes that the package makes. It serves nobody and may
    go; everything else is somebody's.
    """
    tree = snapshot.tree
    if tree is None or read.cluster_name(tree) != "debian" or read.device(tree) is not None:
        return False
    nodes = nodes_of(tree)
    if len(nodes) != 1 or (read.name_of(nodes[0]), read.id_of(nodes[0]), read.links_of(nodes[0])) != (
        "node1",
        1,
        ["127.0.0.1"],
    ):
        return False
    return snapshot.cib_objects == 0 and not _foreign_keys(snapshot, keys)


def _foreign_keys(snapshot: Snapshot, keys: Mapping[str, bytes]) -> bool:
    made = {"pacemaker": PACKAGE_KEY}
    return any(
        key is not None and key != keys.get(name) and len(key) != made.get(name) for name, key in snapshot.keys.items()
    )


def _nothing_left(snapshot: Snapshot, keys: Mapping[str, bytes]) -> None:
    """Without corosync.conf, a key or a CIB with resources still belongs to something that was here."""
    left = [f"/etc/{name}/authkey" for name, key in snapshot.keys.items() if key is not None and key != keys.get(name)]
    if snapshot.cib_objects != 0:
        left.append("/var/lib/pacemaker/cib (with resources in it)")
    if left:
        raise AgentError(
            "cluster.foreign",
            f"this host has no corosync.conf, but {' and '.join(left)} of an earlier cluster; "
            "if nobody needs that any more, remove it (`pcs cluster destroy` does) and run this again",
            {"cluster": None, "nodes": [], "left": left},
        )


def foreign(tree: Section, name: str) -> AgentError:
    """The refusal to take over a host of another cluster."""
    theirs = read.cluster_name(tree)
    nodes = [read.name_of(node) for node in nodes_of(tree)]
    whose = f"the cluster {theirs!r}" if theirs else "a cluster without a name"
    return AgentError(
        "cluster.foreign",
        f"this host belongs to {whose} (nodes: {', '.join(nodes) or 'none'}), not to {name!r}; nothing was changed. "
        "If that cluster is to go, take this host out of it first (`pcs cluster destroy` on this host, or state absent under its own name)",
        {"cluster": theirs, "nodes": nodes},
    )
