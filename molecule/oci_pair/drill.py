# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drills of the OCI pair, seen from a third host in the subnet: the API is away for a minute, then the holder loses its power.

    drill.py LAB STATE_DIR RUN_DIR HOLDER

The third host is the lab's control side. It asks the virtual address five times a second; what the API was asked is in the
emulated cloud's own record. Ends with a sentence when something is not as it must be.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Callable, List, Optional

from tandem_lab import names, netns, panel
from tandem_lab.paths import Paths

VIP = "10.0.0.200"
OUTAGE = 60.0
TAKEN = 150.0
BACK = 240.0  # a POST of 25 s, the boot, and the cluster's own time
QUIET = 20.0  # how long after the return nothing may move


class Pings:
    """One connection to the address's SSH port after the other, five a second; the moments that were answered."""

    def __init__(self, lab: str) -> None:
        self._namespace = names.lab_name(lab)
        self._ended = threading.Event()
        self.answered: List[float] = []
        threading.Thread(target=self._ask, daemon=True).start()

    def _ask(self) -> None:
        while not self._ended.wait(0.2):
            with netns.socket_in(self._namespace, socket.AF_INET, socket.SOCK_STREAM) as stream:
                stream.settimeout(1)
                if stream.connect_ex((VIP, 22)) == 0:
                    self.answered.append(time.monotonic())

    def longest_gap(self, since: float) -> float:
        moments = [since, *(moment for moment in self.answered if moment > since), time.monotonic()]
        return max(later - sooner for sooner, later in zip(moments, moments[1:]))

    def close(self) -> None:
        self._ended.set()


class Pair:
    """The lab, and the cloud's record of it."""

    def __init__(self, lab: str, state: str, run: str) -> None:
        self.lab, self._paths = lab, Paths.of(lab, state, run)
        self._where = ["--name", lab, "--state-dir", state, "--run-dir", run]
        self.cloud = Path(run) / "oci"

    def on(self, node: str, *argv: str) -> str:
        command = [sys.executable, "-m", "tandem_lab", "exec", *self._where, node, "--", *argv]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout

    def points_to(self) -> Optional[str]:
        return json.loads((self.cloud / "state.json").read_text()).get(VIP)

    def on_card(self, node: str) -> bool:
        return VIP in self.on(node, "ip", "-4", "-o", "address", "show")

    def moves(self) -> int:
        """How often the cloud was told to send the address elsewhere, and did."""
        lines = map(json.loads, (self.cloud / "calls.jsonl").read_text().splitlines())
        return len(
            [
                one
                for one in lines
                if one["operation"] in ("UpdatePrivateIp", "CreatePrivateIp") and one["status"] == 200
            ]
        )

    def spoil(self, text: str) -> None:
        (self.cloud / "faults.jsonl").write_text(text)

    def cut(self, node: str) -> None:
        panel.press(self._paths, node, "cut")


def until(what: str, limit: float, true: Callable[[], bool]) -> float:
    begun = time.monotonic()
    while not true():
        if time.monotonic() - begun > limit:
            sys.exit("after %.0f s it is still not so: %s" % (limit, what))
        time.sleep(0.5)
    return time.monotonic() - begun


def must(what: str, true: bool) -> None:
    if not true:
        sys.exit("it is not so: " + what)


def agree(pair: Pair, there: str, not_there: str) -> None:
    must("the cloud sends the address to %s" % there, pair.points_to() == there)
    must("%s has it on its card" % there, pair.on_card(there))
    must("%s does not have it" % not_there, not pair.on_card(not_there))


def nobody_hears(pair: Pair, pings: Pings, holder: str, other: str) -> None:
    """What the agent is for: an address that a card has without the cloud's knowledge reaches nobody."""
    begun = time.monotonic()
    for verb in ("add", "del"):
        pair.on(other, "ip", "address", verb, VIP + "/32", "dev", "eth0")
        if verb == "add":
            pair.on(other, "arping", "-c", "3", "-U", "-I", "eth0", VIP)
            time.sleep(3)
    must("an address that was only put on a card took nothing away from %s" % holder, pings.longest_gap(begun) < 2)
    print("put on the card of %s alone, the address was heard of by nobody" % other)


def outage(pair: Pair, pings: Pings, holder: str, other: str) -> None:
    """S4.08: for a minute nobody can ask the API; nothing moves, and the address answers."""
    before, begun = pair.moves(), time.monotonic()
    pair.spoil('{"operation": "*", "drop": true}\n')
    time.sleep(OUTAGE)
    pair.spoil("")
    time.sleep(15)
    agree(pair, holder, other)
    must("nothing moved while the API was away", pair.moves() == before)
    must("the address answered all the time", pings.longest_gap(begun) < 2)
    failed = pair.on(holder, "crm_mon", "--one-shot", "--failcounts")
    must("the address has no failure: %s" % failed, not re.search(r"Cluster_VIP[^\n]*fail-count", failed))
    print("API away for %.0f s: nothing moved, longest silence %.1f s" % (OUTAGE, pings.longest_gap(begun)))


def power_cut(pair: Pair, pings: Pings, holder: str, other: str) -> None:
    """S4.11, S4.12: the holder loses its power; the other takes the address over, once, and keeps it when the holder is back."""
    before, begun = pair.moves(), time.monotonic()
    pair.cut(holder)
    until("%s answers for the address" % other, TAKEN, lambda: pings.answered[-1] > begun + 3 and pair.on_card(other))
    print("%s cut off: the address was silent for %.1f s" % (holder, pings.longest_gap(begun)))
    must("the cloud sends it to %s" % other, pair.points_to() == other)
    online = r"Online: \[ node1 node2 \]"
    took = until("%s is back" % holder, BACK, lambda: bool(re.search(online, pair.on(other, "crm_mon", "--one-shot"))))
    returned = time.monotonic()
    time.sleep(QUIET)
    agree(pair, other, holder)
    must("the address moved once", pair.moves() == before + 1)
    must("no flap when the node returned", pings.longest_gap(returned) < 2)
    print("%s back after %.0f s more: the address stayed on %s, moved once" % (holder, took, other))


def main(lab: str, state: str, run: str, holder: str) -> None:
    other = "node2" if holder == "node1" else "node1"
    pair, pings = Pair(lab, state, run), Pings(lab)
    try:
        time.sleep(2)
        agree(pair, holder, other)
        nobody_hears(pair, pings, holder, other)
        outage(pair, pings, holder, other)
        power_cut(pair, pings, holder, other)
    finally:
        pair.spoil("")
        pings.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
