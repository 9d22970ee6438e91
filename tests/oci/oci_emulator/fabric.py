# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual network between a lab's nodes: an address passes only the port of the card that the cloud gave it to.

Rules of the bridge in the lab's namespace, made anew at every change. An address that a node puts on its card without the
cloud's knowledge is heard by nobody, as in the cloud; so that without the agent the virtual address would not answer.
"""

from __future__ import annotations

import subprocess
from typing import Dict, List

TABLE = "oci"
# Who asks whether an address is free has none; and what is for all.
FROM_ANYBODY = ("0.0.0.0",)
TO_EVERYBODY = ("255.255.255.255", "224.0.0.0/4")


def rules(ports: Dict[str, List[str]], broadcast: str) -> str:
    """The rule set: the addresses of each port. Pure."""
    inward, outward = [], []
    for port, addresses in sorted(ports.items()):
        senders = ", ".join([*FROM_ANYBODY, *addresses])
        receivers = ", ".join([*TO_EVERYBODY, broadcast, *addresses])
        inward += [
            'iifname "%s" arp saddr ip != { %s } drop' % (port, senders),
            'iifname "%s" ip saddr != { %s } drop' % (port, senders),
        ]
        outward.append('oifname "%s" ip daddr != { %s } drop' % (port, receivers))
    chains = {"forward": inward + outward, "input": inward, "output": outward}
    lines = ["table bridge %s" % TABLE, "delete table bridge %s" % TABLE, "table bridge %s {" % TABLE]
    for hook, found in chains.items():
        lines += ["chain %s {" % hook, "type filter hook %s priority 0" % hook, *found, "}"]
    return "\n".join([*lines, "}", ""])


def apply(text: str) -> None:
    """In one step: there is no moment without rules."""
    subprocess.run(["nft", "-f", "-"], input=text, text=True, check=True, capture_output=True)
