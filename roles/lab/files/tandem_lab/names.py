# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and numbers derived from the lab's own: pure, stable from run to run.

Everything that lives outside the lab's own network namespace carries ``tandem-<lab>``;
the separator after it is one that lab names cannot hold, so that the lab ``a`` never
takes the lab ``a-b`` for its own.
"""

from __future__ import annotations

import hashlib

INTERFACE_NAME_MAX = 15
"""What the kernel accepts (IFNAMSIZ less the final NUL)."""


def lab_name(lab: str) -> str:
    """The lab's cgroup and network namespace."""
    return "tandem-" + lab


def node_namespace(lab: str, node: str) -> str:
    """The network namespace of one node."""
    return "%s.%s" % (lab_name(lab), node)


def machine(lab: str, node: str) -> str:
    """The name systemd-nspawn gives the container: at most 64 characters."""
    full = "%s-%s" % (lab_name(lab), node)
    return full if len(full) <= 64 else "tandem-" + _digest(full, 20)


def bridge(network: str) -> str:
    """The bridge of a network, in the lab's namespace."""
    return _fit("br-" + network)


def port(node: str, index: int) -> str:
    """The bridge's end of a node's cable to the network with this index."""
    return _fit("%s-%d" % (node, index))


def interface(index: int) -> str:
    """The node's end of that cable; the index is the network's place in the list."""
    return "eth%d" % index


def mac(*parts: str) -> str:
    """A locally administered unicast address, the same for the same parts.

    A bridge without a fixed one takes its lowest port's and changes it when a node
    loses power; clients then talk to a dead address until their ARP entry expires.
    """
    digits = _digest("/".join(parts), 10)
    return "02:" + ":".join(digits[i : i + 2] for i in range(0, 10, 2))


def _fit(name: str) -> str:
    if len(name) <= INTERFACE_NAME_MAX:
        return name
    return name[: INTERFACE_NAME_MAX - 7] + "~" + _digest(name, 6)


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]
