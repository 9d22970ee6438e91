# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a corosync.conf says: whose cluster it is, who is in it, how it is timed."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional

from ..model.values import whole
from . import timing
from .options import TOTEM
from .parse import Section
from .render import nodes_of


def option(tree: Section, section: str, key: str) -> Optional[str]:
    """A top-level section's option; the last one when the section is written in several pieces."""
    value = None
    for piece in tree.sections(section):
        value = piece.get(key) or value
    return value


def cluster_name(tree: Section) -> str:
    """`totem.cluster_name`, empty when there is none."""
    return option(tree, "totem", "cluster_name") or ""


def links_of(node: Section) -> List[str]:
    """The addresses of one node, by link number."""
    found = {}
    for item in node.options():
        match = re.match(r"ring([0-7])_addr\Z", item.key)
        if match:
            found[int(match.group(1))] = item.value
    return [found[number] for number in sorted(found)]


def id_of(node: Section) -> Optional[int]:
    """A node's id; None when it is missing or no number."""
    return whole(node.get("nodeid"))


def name_of(node: Section) -> str:
    """A node's name; Corosync 2 knew none, then the first address serves."""
    return node.get("name") or node.get("ring0_addr") or ""


def ids(tree: Section) -> Dict[str, int]:
    """Names and ids of all configured nodes."""
    found = {}
    for node in nodes_of(tree):
        number = id_of(node)
        if number is not None:
            found[name_of(node)] = number
    return found


def device(tree: Section) -> Optional[Section]:
    """The quorum device's section, if one with a model is configured."""
    for quorum in tree.sections("quorum"):
        for found in quorum.sections("device"):
            if found.get("model"):
                return found
    return None


def number(text: Optional[str], default: int) -> int:
    """A whole number, or `default` when it is none."""
    found = whole(text)
    return default if found is None else found


def totem_of(tree: Section) -> timing.Totem:
    """The timeouts as this file sets them."""
    return timing.Totem(
        token=number(option(tree, "totem", "token"), timing.TOKEN),
        consensus=whole(option(tree, "totem", "consensus")),
        coefficient=number(option(tree, "totem", "token_coefficient"), timing.COEFFICIENT),
        retransmits=number(option(tree, "totem", "token_retransmits_before_loss_const"), timing.RETRANSMITS),
        nodes=len(nodes_of(tree)),
    )


def qdevice_timeout_of(tree: Section) -> Optional[int]:
    """The quorum device's timeout in ms, None without one."""
    found = device(tree)
    return None if found is None else number(found.get("timeout"), timing.QDEVICE_TIMEOUT)


def prediction_of(tree: Section, fencing: timing.Fencing) -> timing.Prediction:
    """How long a failover takes with this file."""
    return timing.predict(totem_of(tree), qdevice_timeout_of(tree), fencing)


def describe(tree: Section) -> Dict[str, Any]:
    """The file in the words of the `cluster` parameter. Keys are never in it."""
    found = device(tree)
    totem = {name: option(tree, "totem", name) for name in TOTEM}
    quorum = {
        item.key: item.value for piece in tree.sections("quorum") for item in piece.options() if item.key != "provider"
    }
    return {
        "name": cluster_name(tree),
        "nodes": [{"name": name_of(node), "id": id_of(node), "links": links_of(node)} for node in nodes_of(tree)],
        "transport": option(tree, "totem", "transport") or "knet",
        "crypto": {key: option(tree, "totem", f"crypto_{key}") for key in ("cipher", "hash", "model")},
        "totem": {name: value for name, value in totem.items() if value is not None},
        "links": _describe_links(tree),
        "quorum": quorum,
        "qdevice": None if found is None else _describe_device(found),
    }


def _describe_links(tree: Section) -> List[Dict[str, str]]:
    found = []
    for totem in tree.sections("totem"):
        for interface in totem.sections("interface"):
            values = {
                item.key: item.value for item in interface.options() if item.key not in ("linknumber", "ringnumber")
            }
            found.append({"number": interface.get("linknumber") or "0", **values})
    return found


def _describe_device(found: Section) -> Dict[str, Any]:
    values: Dict[str, Any] = {item.key: item.value for item in found.options()}
    for net in found.sections("net"):
        values.update({item.key: item.value for item in net.options()})
    for heuristics in found.sections("heuristics"):
        values["heuristics"] = {item.key: item.value for item in heuristics.options()}
    return values
