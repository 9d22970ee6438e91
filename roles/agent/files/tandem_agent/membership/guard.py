# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure: what forbids a change of the membership, each with the remedy. All of these come before the first step."""

from __future__ import annotations

import ipaddress
from typing import List, Mapping, Optional, Sequence

from ..corosync import read
from ..corosync.parse import Section
from ..corosync.runtime import Pending
from ..errors import AgentError
from .host import Snapshot, live_members
from .request import Request


def is_ip(address: str) -> bool:
    """Whether this is an address and not a host name."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def members(request: Request, snapshot: Snapshot, ours: bool) -> List[AgentError]:
    """Nobody leaves unasked: `cluster.member_missing`. Nobody is dropped while still there: `cluster.member_online`, returned, as a
    plan may come before the leaving node was stopped.
    """
    if not ours or snapshot.tree is None:
        return []
    live = live_members(snapshot.running)
    known = {number: name for name, number in read.ids(snapshot.tree).items()}
    present = [name or known.get(number) or f"node {number}" for number, name in live.items()]
    declared = request.spec.names()
    missing = sorted({*read.ids(snapshot.tree), *present} - {*declared, *request.remove})
    if missing:
        raise AgentError(
            "cluster.member_missing",
            f"{', '.join(missing)} {'is a member' if len(missing) == 1 else 'are members'} of {request.spec.name}, but not in `nodes`; "
            "list every member, reachable or not, or name in `remove_nodes` who is to leave",
            {"missing": missing, "online": sorted(set(present) & set(missing))},
        )
    return [_online(name) for name in sorted(set(present) & set(request.remove))]


def _online(name: str) -> AgentError:
    message = (
        f"{name} is to be removed, but it is online: stop it there first (this module with state absent on {name}, or "
        f"`pcs cluster stop {name}`); nothing was changed"
    )
    return AgentError("cluster.member_online", message, {"online": [name]})


def reachable(request: Request, shared: bool) -> None:
    """What all members must do together waits until all can be reached. Errors: `cluster.member_unreached`."""
    absent = [name for name in request.unreached if name in request.spec.names()]
    if shared and absent:
        raise AgentError(
            "cluster.member_unreached",
            f"the configuration of {request.spec.name} is to change, but {', '.join(absent)} can't be reached in this run; "
            "members with different configurations lose each other, so nothing was changed. "
            f"Make {', '.join(absent)} reachable, or name it in `remove_nodes` if it is gone for good",
            {"unreached": absent},
        )


def restarts(request: Request, pending: Pending, running: Optional[Mapping[str, str]]) -> None:
    """Restarts are only made when asked for. Errors: `cluster.restart_needed` naming the options."""
    if pending.stop and running is not None:
        raise AgentError(
            "cluster.restart_needed",
            f"{', '.join(pending.stop)} can only change while no member runs, as members with the old and the new value do not "
            "understand each other; set state stopped on all members, then state started. Nothing was changed",
            {"options": list(pending.stop), "how": "stop"},
        )
    if pending.restart and request.restart != "rolling":
        raise AgentError(
            "cluster.restart_needed",
            f"{', '.join(pending.restart)} can't be changed while Corosync runs; allow it with restart: rolling, which restarts one "
            "member after the other and moves its resources away for that time. Nothing was changed",
            {"options": list(pending.restart), "how": "rolling"},
        )


def keys_missing(cluster: str, names: Sequence[str]) -> AgentError:
    """A member without the cluster's keys can't talk to the others."""
    return AgentError(
        "cluster.keys_missing",
        f"this host has no {' and no '.join(names)} key of the cluster {cluster}, and none came with the request; "
        "run the module tandem.ha.ha_keys on all members before (the role tandem.ha.cluster does)",
        {"missing": list(names)},
    )


def qdevice(request: Request, snapshot: Snapshot, tree: Section) -> List[AgentError]:
    """What keeps the quorum device's client from starting: `tool.missing`, `cluster.certificate_missing`."""
    if not snapshot.service("corosync-qdevice").loaded:
        message = (
            "a quorum device is configured, but corosync-qdevice is not installed; the role tandem.ha.node installs it"
        )
        return [AgentError("tool.missing", message, {"tool": "corosync-qdevice"})]
    device = read.device(tree)
    nets = [] if device is None else device.sections("net")
    tls = next((net.get("tls") for net in nets), None) or "on"
    if tls == "off" or snapshot.certificates:
        return []
    message = (
        "the quorum device's client has no certificate yet; the role tandem.ha.cluster makes one that the witness signs "
        f"(corosync-qdevice-net-certutil), or set tls to off for the cluster {request.spec.name}"
    )
    return [AgentError("cluster.certificate_missing", message, {"directory": "/etc/corosync/qdevice/net/nssdb"})]
