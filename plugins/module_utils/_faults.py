# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""What a drill can do to a pair, and what is expected of it then. Pure data."""

from typing import Dict, NamedTuple, Optional, Tuple

# Where it happens.
TARGET, LINK, CONTROLLERS, WITNESS, NOWHERE = "target", "link", "controllers", "witness", "nowhere"
# Who does it: the cluster, a command of the site's, this collection's module on the host, the host's own tools.
CLUSTER, COMMAND, MODULE, TOOLS = "cluster", "command", "module", "tools"


class Fault(NamedTuple):
    """One of them."""

    told: str  # what happened to the node, as the second half of a sentence
    where: str = TARGET
    by: str = MODULE
    fenced: bool = False  # whether the cluster has to fence the node
    moves: Optional[bool] = None  # whether the address leaves a holder to which it happens; None: either is right
    processes: Tuple[str, ...] = ()  # the names of what is killed
    dark: bool = False  # whether the node's fence device finds it switched off already


FAULTS: Dict[str, Fault] = {
    "fence": Fault("it was fenced on request", by=CLUSTER, fenced=True, moves=True),
    "power": Fault("its power was cut", by=COMMAND, fenced=True, moves=True, dark=True),
    "freeze": Fault("it hung", by=COMMAND, fenced=True, moves=True),
    "cut": Fault("the link to the other controller was cut", where=LINK, fenced=True, moves=True),
    "cut-one-way": Fault("the other controller heard it no more", where=LINK, fenced=True, moves=True),
    "isolate": Fault("it was cut off from all others", fenced=True, moves=True),
    # systemd starts it again at once: it is back before the others miss it, or it is fenced.
    "kill-corosync": Fault("its corosync was killed", processes=("corosync",)),
    "kill-pacemaker-remoted": Fault(
        "the pacemaker-remoted of a bundle was killed", processes=("pacemaker-remoted", "pacemaker_remoted")
    ),
    "kill-mysqld": Fault("its database was killed", moves=False, processes=("mariadbd", "mysqld")),
    "kill-beam": Fault("its RabbitMQ was killed", moves=False, processes=("beam.smp",)),
    "kill-redis": Fault("its Redis was killed", processes=("redis-server", "valkey-server")),
    "kill-haproxy": Fault("its HAProxy was killed", processes=("haproxy",)),
    "stop": Fault("the cluster was stopped on it, and started again", by=TOOLS, moves=True),
    "blackout": Fault("all controllers lost power at once", where=CONTROLLERS, by=COMMAND),
    "witness": Fault("the witness was restarted", where=WITNESS, by=TOOLS, moves=False),
    "command": Fault("a command of yours ran", where=NOWHERE, by=COMMAND),
}


def milestones(name: str, moves: bool) -> Tuple[str, ...]:
    """What has to happen, in the order in which it is told; `moves`: the address was at the node to which it happens."""
    fault = FAULTS[name]
    told = []
    if fault.fenced or (fault.by == TOOLS and fault.where == TARGET):
        told.append("lost")
    if fault.fenced:
        told.append("fenced")
    if moves and fault.moves:
        told.append("vip")
    if told and told[0] == "lost":
        told.append("back")
    if not told and fault.where == TARGET:
        told.append("noticed")
    return tuple(told + ["serving", "settled"])
