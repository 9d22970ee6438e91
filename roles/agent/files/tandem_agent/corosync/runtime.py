# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running Corosync holds, against what its file says.

A reload copies the file into Corosync's map (`corosync-cmapctl`), so what differs was not reloaded yet. Two kinds of
change leave no such trace: options of votequorum that are only read at the start, and the quorum device's options, which
its client reads when it starts. For those a mark is set in the map before the file is written. The map lives and dies
with the Corosync process, and so does the mark.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Dict, List, Mapping, Tuple

from .options import LINK, QDEVICE, QUORUM, RELOAD, RESTART, STOP, TOTEM, cost_of

RESTART_MARK, QDEVICE_MARK = "tandem.restart", "tandem.qdevice"
_LINE = re.compile(r"(\S+) \((\w+)\) = (.*)\Z")
_NODE_KEYS = re.compile(r"nodelist\.node\.\d+\.(ring\d_addr|nodeid|name|quorum_votes)\Z")


def read_map(text: str) -> Dict[str, str]:
    """The output of `corosync-cmapctl`: `key (type) = value` on each line."""
    found = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        if match:
            found[match.group(1)] = match.group(3)
    return found


def differences(wanted: Mapping[str, str], running: Mapping[str, str]) -> List[str]:
    """Keys of the file that are not in effect, and keys in effect that the file has no more. Sorted."""
    found = {key for key, value in wanted.items() if key not in _IGNORED and running.get(key) != value}
    found.update(key for key in running if key not in wanted and _removable(key))
    return sorted(found)


_IGNORED = ("totem.keyfile", "totem.key")


def _removable(key: str) -> bool:
    """Whether this key of the map comes from the file. Corosync adds some of its own (`nodelist.local_node_pos`)."""
    parts = key.split(".")
    if parts[0] == "totem":
        return (len(parts) == 2 and (parts[1] in TOTEM or parts[1] == "crypto_model")) or (
            parts[1] == "interface" and parts[-1] in LINK and parts[-1].startswith("knet_")
        )
    if parts[0] == "quorum":
        return parts[1] in QUORUM or parts[1] == "device"
    return bool(_NODE_KEYS.match(key))


@dataclass(frozen=True)
class Pending:
    """Changes by what they cost. Each a sorted tuple of run-time keys."""

    reload: Tuple[str, ...] = ()
    qdevice: Tuple[str, ...] = ()
    restart: Tuple[str, ...] = ()
    stop: Tuple[str, ...] = ()

    def any(self) -> bool:
        """Whether anything at all is not in effect."""
        return bool(self.reload or self.qdevice or self.restart or self.stop)


def classify(keys: List[str]) -> Pending:
    """Sort keys by their cost."""
    by_cost: Dict[str, List[str]] = {RELOAD: [], QDEVICE: [], RESTART: [], STOP: []}
    for key in keys:
        by_cost[cost_of(key)].append(key)
    return Pending(*(tuple(by_cost[cost]) for cost in (RELOAD, QDEVICE, RESTART, STOP)))


def mark(wanted: Mapping[str, str], cost: str) -> str:
    """What a mark of this cost holds: a digest of the options of that cost, so that a mark for a file that was never
    written, or was changed back, counts for nothing.
    """
    lines = [f"{key}={value}" for key, value in sorted(wanted.items()) if cost_of(key) == cost]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def marked(wanted: Mapping[str, str], running: Mapping[str, str], key: str, cost: str) -> bool:
    """Whether the mark `key` is set for the options as the file has them."""
    return running.get(key) == mark(wanted, cost)
