# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a cluster is to be to the edited corosync.conf: the smallest change; what nobody here knows survives."""

from __future__ import annotations

import copy
import dataclasses
import re
from typing import Dict, List, Mapping, Optional, Set

from ..errors import Fault
from . import read, timing
from .edit import add, child, drop, put, put_in
from .options import DEVICE, HEURISTICS, LINK, NET, QUORUM, TOTEM
from .parse import Section, parse
from .render import nodes_of
from .spec import Node, Spec, Values

FRESH = """totem {
    version: 2
    cluster_name: NAME
    transport: knet
}

nodelist {
}

quorum {
    provider: corosync_votequorum
}

logging {
    to_logfile: yes
    logfile: /var/log/corosync/corosync.log
    to_syslog: yes
    timestamp: on
}
"""


def fresh(name: str) -> Section:
    """The file a new cluster starts from."""
    return parse(FRESH.replace("NAME", name))


def with_ids(spec: Spec, known: Mapping[str, int], faults: List[Fault]) -> Spec:
    """Give every node an id: known members keep theirs, the others take the lowest free numbers in the order given."""
    taken: Set[int] = {node.id for node in spec.nodes if node.id is not None} | set(known.values())
    nodes: List[Node] = []
    for index, node in enumerate(spec.nodes):
        kept = known.get(node.name)
        if kept is not None and node.id not in (None, kept):
            faults.append(
                Fault(
                    f"cluster.nodes[{index}].id",
                    f"is {node.id}, but {node.name} is member {kept}; a member keeps its id, write {kept}",
                )
            )
        number = kept if kept is not None else node.id
        if number is None:
            number = next(candidate for candidate in range(1, len(taken) + 2) if candidate not in taken)
        owner = next((name for name, used in known.items() if used == number and name != node.name), None)
        if owner is not None:
            faults.append(
                Fault(f"cluster.nodes[{index}].id", f"is {number}, which is the id of {owner}; choose a free one")
            )
        taken.add(number)
        nodes.append(dataclasses.replace(node, id=number))
    return dataclasses.replace(spec, nodes=tuple(nodes))


def configured(tree: Section, spec: Spec) -> Section:
    """A copy of `tree` that says what `spec` wants. Every node of `spec` must have its id."""
    tree = copy.deepcopy(tree)
    _totem(tree, spec)
    _interfaces(tree, spec)
    _nodelist(tree, spec)
    _device(tree, spec)
    _quorum(tree, spec)
    return tree


def _totem(tree: Section, spec: Spec) -> None:
    if read.option(tree, "totem", "version") is None:
        put_in(tree, "totem", "version", "2")
    put_in(tree, "totem", "cluster_name", spec.name)
    if (read.option(tree, "totem", "transport") or "knet") != spec.transport:
        put_in(tree, "totem", "transport", spec.transport)
    for key, value in (("crypto_cipher", spec.crypto.cipher), ("crypto_hash", spec.crypto.hash)):
        if (read.option(tree, "totem", key) or "none") != value:
            put_in(tree, "totem", key, value)
    if spec.crypto.model is not None:
        put_in(tree, "totem", "crypto_model", spec.crypto.model)
    for key, wanted in _totem_options(spec).items():
        put_in(tree, "totem", key, wanted)


def _totem_options(spec: Spec) -> Dict[str, Optional[str]]:
    """Every totem option this request has a say in; None for those that are to go.

    A profile sets the token, and consensus where it has its own idea of it: else Corosync makes that of the token.
    """
    wanted: Dict[str, Optional[str]] = {} if spec.totem is None else dict.fromkeys(TOTEM)
    given = {name: value for name, value in (spec.totem or {}).items() if value is not None}
    if spec.profile is not None:
        profile = timing.PROFILES[spec.profile]
        token, join = int(given.get("token", profile.token)), int(given.get("join", timing.JOIN))
        consensus = profile.consensus(token, join, len(spec.nodes))
        wanted.update({"token": str(token), "consensus": None if consensus is None else str(consensus)})
    wanted.update(given)
    return wanted


def _interfaces(tree: Section, spec: Spec) -> None:
    count = len(spec.nodes[0].links)
    present: Dict[int, Section] = {}
    for totem in tree.sections("totem"):
        for interface in totem.sections("interface"):
            number = read.number(interface.get("linknumber") or interface.get("ringnumber"), 0)
            present[number] = interface
            if number >= count:
                drop(totem, [interface])
    for number in range(count) if spec.links is not None else ():
        options = (spec.links or {}).get(number, {})
        existing = present.get(number)
        if existing is None and any(value is not None for value in options.values()):
            existing = add(child(tree, "totem"), "interface")
            put(existing, "linknumber", str(number))
        if existing is not None:
            _exactly(existing, LINK, options)
            _drop_empty(tree, existing)


def _drop_empty(tree: Section, interface: Section) -> None:
    """An interface of which only the number is left says nothing."""
    if not interface.sections() and all(item.key == "linknumber" for item in interface.options()):
        for totem in tree.sections("totem"):
            drop(totem, [interface])


def _exactly(section: Section, rules: Mapping[str, object], wanted: Mapping[str, Optional[str]]) -> None:
    """Known options become what is wanted, the others stay."""
    for name in rules:
        put(section, name, wanted.get(name))


def _nodelist(tree: Section, spec: Spec) -> None:
    wanted = {node.name for node in spec.nodes}
    for nodelist in tree.sections("nodelist"):
        drop(nodelist, [node for node in nodelist.sections("node") if read.name_of(node) not in wanted])
    for node in spec.nodes:
        present = [section for section in nodes_of(tree) if read.name_of(section) == node.name]
        section = present[-1] if present else add(child(tree, "nodelist"), "node")
        for number, address in enumerate(node.links):
            put(section, f"ring{number}_addr", address)
        for item in list(section.options()):
            match = re.match(r"ring(\d+)_addr\Z", item.key)
            if match and int(match.group(1)) >= len(node.links):
                put(section, item.key, None)
        put(section, "name", node.name)
        put(section, "nodeid", str(node.id))


def _quorum(tree: Section, spec: Spec) -> None:
    if read.option(tree, "quorum", "provider") is None:
        put_in(tree, "quorum", "provider", "corosync_votequorum")
    if spec.quorum is not None:
        for name in QUORUM:
            if name != "two_node":
                put_in(tree, "quorum", name, spec.quorum.get(name))
    now, wanted = read.option(tree, "quorum", "two_node"), _two_node(tree, spec)
    if (now or "0") != (wanted or "0"):
        put_in(tree, "quorum", "two_node", wanted)


def _two_node(tree: Section, spec: Spec) -> Optional[str]:
    """A pair without a quorum device must keep going when one is gone; fencing decides which."""
    asked = (spec.quorum or {}).get("two_node")
    if asked is not None:
        return asked
    tie_breaker = read.option(tree, "quorum", "auto_tie_breaker") == "1"
    return "1" if len(spec.nodes) == 2 and read.device(tree) is None and not tie_breaker else None


def _device(tree: Section, spec: Spec) -> None:
    if not spec.manage_qdevice:
        return
    if spec.qdevice is None:
        for quorum in tree.sections("quorum"):
            drop(quorum, quorum.sections("device"))
        return
    section = read.device(tree) or add(child(tree, "quorum"), "device")
    put(section, "model", "net")
    _exactly(section, DEVICE, _device_options(tree, spec))
    _exactly(child(section, "net"), NET, spec.qdevice.net)
    if spec.qdevice.heuristics is not None:
        _heuristics(section, spec.qdevice.heuristics)


def _device_options(tree: Section, spec: Spec) -> Dict[str, Optional[str]]:
    """Timeout by the profile; one vote for ffsplit, as it demands, and the automatic number for lms."""
    assert spec.qdevice is not None
    wanted: Dict[str, Optional[str]] = {}
    if spec.qdevice.net["algorithm"] == "ffsplit":
        wanted["votes"] = "1"
    if spec.profile is not None:
        totem = dataclasses.replace(read.totem_of(tree), nodes=len(spec.nodes))
        wanted["timeout"] = str(timing.qdevice_timeout_for(totem))
    wanted.update({name: value for name, value in spec.qdevice.device.items() if value is not None})
    if wanted.get("timeout") and not wanted.get("sync_timeout"):
        wanted["sync_timeout"] = str(3 * int(wanted["timeout"] or 0))
    return wanted


def _heuristics(device: Section, wanted: Values) -> None:
    values = {name: value for name, value in (wanted or {}).items() if value is not None}
    if not values:
        drop(device, device.sections("heuristics"))
        return
    section = child(device, "heuristics")
    programs = [item.key for item in section.options() if item.key.startswith("exec_")]
    for name in [*HEURISTICS, *programs, *values]:
        put(section, name, values.get(name))
