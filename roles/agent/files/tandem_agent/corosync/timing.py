# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named timing profiles, and how long a failover takes with them. The formulas are explained in docs/timing.md.

Corosync works in milliseconds, people in seconds: options are ints in ms, predictions floats in s.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Dict, List, Optional, Tuple

TOKEN, COEFFICIENT, RETRANSMITS, JOIN = 3000, 650, 4, 50  # Corosync's defaults, ms, ms, count, ms
QDEVICE_TIMEOUT, QDEVICE_SYNC_TIMEOUT = 10000, 30000  # corosync-qdevice's defaults, ms
QDEVICE_LEAST = 1250  # ms; below, the heartbeat is at its floor of 1 s and nothing gets faster

SCHEDULING = (0.1, 0.3)  # s: election, scheduler and launch on an idle machine
VIP_START = (0.08, 0.2)  # s: IPaddr2 start with its first gratuitous ARP


@dataclass(frozen=True)
class Profile:
    """What a name stands for: the token in ms, and the consensus of a pair as a share of it; None: Corosync's own 1.2.

    A member whose token is lost has been silent for that long already. With two members nobody else has to be agreed
    with, and corosync.conf(5) says of consensus: "For two node clusters, a consensus larger than the join timeout but
    less than token is safe."
    """

    token: int
    pair: Optional[float] = None

    def consensus(self, token: int, join: int, nodes: int) -> Optional[int]:
        """The option's value with a token and a join timeout that may be others than the profile's; None: left out."""
        return max(int(self.pair * token), 2 * join) if self.pair is not None and nodes == 2 else None


PROFILES: Dict[str, Profile] = {"default": Profile(3000), "fast": Profile(1500, pair=0.4), "cloud": Profile(10000)}


@dataclass(frozen=True)
class Totem:
    """What decides how fast a lost member is noticed. All in ms; `nodes` counts the node list."""

    token: int = TOKEN
    consensus: Optional[int] = None
    coefficient: int = COEFFICIENT
    retransmits: int = RETRANSMITS
    nodes: int = 2

    @property
    def effective_token(self) -> int:
        """The token timeout Corosync really uses: it grows with the third node."""
        return self.token + max(0, self.nodes - 2) * self.coefficient

    @property
    def effective_consensus(self) -> int:
        """As configured, else 1.2 times the token timeout."""
        return self.consensus if self.consensus is not None else int(1.2 * self.effective_token)

    @property
    def hold(self) -> int:
        """How long the representative holds the token when idle."""
        return max(0, int(int(self.effective_token / (self.retransmits + 0.2)) * 0.8 - 10))

    @property
    def loss(self) -> Tuple[float, float]:
        """Shortest and longest time in s from a death to the new membership."""
        most = self.effective_token + self.effective_consensus
        return (most - 0.15 * self.effective_token) / 1000, most / 1000


@dataclass(frozen=True)
class Fencing:
    """What is assumed about the fence devices: seconds."""

    power_wait: float = 2.0
    delay: float = 0.0
    action: str = "reboot"

    @property
    def seconds(self) -> Tuple[float, float]:
        """At least and at most. An IPMI reboot is off, wait, status, on, wait, status; an off is the first half of it.

        What the device says is off already is not switched off again (fence_action in fencing.py of the fence agents), as
        after a power cut of which it knows.
        """
        one = self.power_wait + 0.3
        least, most = (0.1, one) if self.action == "off" else (one, 2 * self.power_wait + 0.5)
        return self.delay + least, self.delay + most


@dataclass(frozen=True)
class Prediction:
    """Seconds from the power cut of the active node to the virtual IP's answer, worst case and best, and its parts."""

    detection_min: float
    detection_max: float
    quorum: float
    fencing_min: float
    fencing_max: float
    vip: float
    total_min: float
    total_max: float
    warnings: Tuple[str, ...]

    def as_dict(self) -> Dict[str, object]:
        """For the answer to a client; warnings go elsewhere."""
        return {field.name: round(getattr(self, field.name), 2) for field in fields(self) if field.name != "warnings"}


def predict(totem: Totem, qdevice_timeout: Optional[int] = None, fencing: Fencing = Fencing()) -> Prediction:
    """How long a failover takes after a silent death; `qdevice_timeout` is None without a quorum device.

    `quorum` is the part of `detection_max` that the quorum device adds.
    """
    least, most = shortest, longest = totem.loss
    if qdevice_timeout is not None:
        heartbeat = max(1.0, 0.8 * qdevice_timeout / 1000)
        least = max(shortest, 0.5 * heartbeat) + totem.hold / 1000
        most = max(longest, 1.5 * heartbeat) + totem.hold / 1000
    quick, slow = fencing.seconds
    return Prediction(
        least, most, most - longest, quick, slow, VIP_START[1],
        least + quick + SCHEDULING[0] + VIP_START[0], most + slow + SCHEDULING[1] + VIP_START[1],
        tuple(_warnings(totem, qdevice_timeout)),
    )  # fmt: skip


def _warnings(totem: Totem, qdevice_timeout: Optional[int]) -> List[str]:
    found = []
    both = totem.effective_token + totem.effective_consensus
    if qdevice_timeout is not None and 12 * qdevice_timeout > 10 * both:  # 1.5 heartbeats of 0.8 timeouts
        found.append(
            f"the quorum device decides later than the membership: its timeout of {qdevice_timeout} ms makes a silent death "
            f"known after up to {1.2 * qdevice_timeout / 1000:g} s, the token after {both / 1000:g} s; "
            f"use a timeout of at most {qdevice_timeout_for(totem)} ms"
        )
    if totem.nodes > 2 and totem.effective_consensus < totem.effective_token:
        found.append("with three or more nodes consensus should be larger than the token timeout")
    if totem.token < 1000:
        found.append(
            f"a token timeout of {totem.token} ms is below a second: Pacemaker works in whole seconds, "
            "and a busy host can miss it; expect members to be lost without a fault"
        )
    return found


def qdevice_timeout_for(totem: Totem) -> int:
    """The longest timeout of the quorum device that never delays a failover, in ms, rounded down to 50."""
    return max(QDEVICE_LEAST, int((totem.effective_token + totem.effective_consensus) / 1.2) // 50 * 50)
