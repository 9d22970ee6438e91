# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of a site, and two ways to look for them: in what is kept, and in what processes were told."""

from __future__ import annotations

import base64
import threading
import time
from pathlib import Path
from typing import Dict, Self, Set

from pair import CONTROLLERS, Pair

STATE = Path("/var/lib/tandem-lab")
# Everything a node writes that somebody may read: journal, logs, saved scheduler inputs, the CIB, what processes left.
KEPT = (
    "{ journalctl --no-pager -o cat; cat /var/log/*.log /var/log/*/*.log /var/log/syslog;"
    " bzcat /var/lib/pacemaker/pengine/*.bz2; cat /var/lib/pacemaker/cib/*.xml /var/lib/pacemaker/cib/*.raw;"
    " find /var/lib/tandem /tmp /var/tmp /root/.ansible /root/.ansible_async -type f -exec cat {} +; } 2>/dev/null"
    " | grep -caF -f /run/canaries"
)


def secrets_of(site: Pair) -> Dict[str, bytes]:
    """Passwords as they are, keys as base64: as they would travel."""
    state = STATE / site.name
    found = {f"BMC of {name}": (state / "bmc" / f"{name}.password").read_bytes().strip() for name in CONTROLLERS}
    found["hacluster"] = (state / "hacluster.password").read_bytes().split()[0]
    for key in ("corosync", "pacemaker"):
        found[f"key of {key}"] = site.node("c1", f"base64 -w 0 < /etc/{key}/authkey").strip().encode()
    return found


def spellings(secret: bytes) -> Set[str]:
    """A secret as it is, and as base64 of it alone."""
    return {secret.decode(), base64.b64encode(secret).decode()}


def kept(site: Pair, node: str, words: Set[str]) -> int:
    """In how many lines of everything that the node keeps one of the words stands. They go there by standard input."""
    site.node(node, "umask 077; cat > /run/canaries", stdin="\n".join(words) + "\n")
    try:
        return int(site.node(node, KEPT, code=None).strip())
    finally:
        site.node(node, "rm /run/canaries")


class Watcher(threading.Thread):
    """Reads the command lines of all processes of this machine, the nodes' included, again and again."""

    def __init__(self, canaries: Dict[str, bytes]) -> None:
        super().__init__(daemon=True)
        self.canaries = canaries
        self.seen: Set[str] = set()
        self.ending = threading.Event()

    def run(self) -> None:
        while not self.ending.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    line = path.read_bytes()
                except OSError:
                    continue  # it has ended meanwhile
                self.seen.update(f"{name}: {line[:60]!r}" for name, secret in self.canaries.items() if secret in line)
            time.sleep(0.005)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_fault: object) -> None:
        self.ending.set()
        self.join()
