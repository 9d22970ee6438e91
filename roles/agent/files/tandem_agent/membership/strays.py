# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that Pacemaker remembers although Corosync does not list them any more. Pure.

Pacemaker keeps a node that has left: as offline, for ever, until it is told to forget it. Told so, its coordinator may write
the node down again with the next one that joins. So what is to be forgotten is read from the CIB, and not only from who leaves.
"""

from __future__ import annotations

import re
from typing import FrozenSet, Iterable, List, Mapping, NamedTuple, Optional
from xml.etree.ElementTree import Element

from ..corosync import read
from ..corosync.parse import Section
from ..corosync.render import nodes_of
from ..model.values import whole

_LISTED = re.compile(r"nodelist\.node\.[0-9]+\.(nodeid|name|ring0_addr)\Z")


class CibNode(NamedTuple):
    """One entry of the CIB."""

    name: str
    id: Optional[int]  # Corosync's number; remote and guest nodes have none
    member: bool  # whether it is in the list of nodes, as one that runs Corosync; others may be in the status alone


class Listed(NamedTuple):
    """Who Corosync lists: names in lower case, as Pacemaker compares them, and ids."""

    names: FrozenSet[str]
    ids: FrozenSet[int]

    def has(self, node: CibNode) -> bool:
        """Whether this is one of them, by its name or by its id."""
        return node.name.lower() in self.names or node.id in self.ids


def listed(tree: Section, running: Mapping[str, str]) -> Listed:
    """The nodes of a corosync.conf, and those of the running Corosync's list."""
    names = {read.name_of(node) for node in nodes_of(tree)}
    ids = {read.id_of(node) for node in nodes_of(tree)}
    for key, value in running.items():
        match = _LISTED.match(key)
        if match and match.group(1) == "nodeid":
            ids.add(whole(value))
        elif match:
            names.add(value)
    return Listed(frozenset(name.lower() for name in names), frozenset(number for number in ids if number is not None))


def strays(nodes: Iterable[CibNode], known: Listed) -> List[str]:
    """Names of the cluster's nodes that Corosync does not list. What runs Pacemaker Remote is never in its list."""
    return sorted({node.name for node in nodes if node.id is not None and node.member and not known.has(node)})


def read_nodes(root: Element) -> FrozenSet[CibNode]:
    """All nodes that a CIB knows, in its configuration and in its status."""
    entries = [*root.iterfind("configuration/nodes/node"), *root.iterfind("status/node_state")]
    return frozenset(_node(entry) for entry in entries if entry.get("uname"))


def _node(entry: Element) -> CibNode:
    # `normal` is what very old versions wrote for `member`; nothing at all means the same.
    member = entry.tag == "node" and entry.get("type") in (None, "member", "normal")
    return CibNode(entry.get("uname", ""), whole(entry.get("id")), member)
