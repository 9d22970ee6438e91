# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fencing that is proven: ask every device for the power of its target, and power-cycle a node on request.

`fence.verify` runs the fence agent itself, as the cluster would, with `action=status`. That proves address, password
and plug without switching anything, and does not depend on where the device runs.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .cib.read import read
from .cib.tree import parse
from .context import Context
from .diagnosis import device_of
from .errors import AgentError, Fault, invalid
from .model.document import read_document
from .model.fields import Fields
from .model.objects import Primitive
from .pacemaker.device import Device, Power, duplicates
from .pacemaker.history import under_way
from .pacemaker.simulate import Graph
from .pacemaker.status import read_status
from .plan.declare import declare
from .proofs import remember_answers, remember_fencing

AT_ONCE = 4  # devices asked in parallel
FENCE_SECONDS = 120.0

Json = Dict[str, Any]


def verify(context: Context, params: Fields) -> Json:
    """Ask each device for the power of each of its targets, and compare the answers with the membership.

    `stonith`: entries as in a document, asked as if they were configured already.
    """
    wanted, proposed = params.texts("devices"), params.raw("stonith")
    params.conclude()
    devices = _devices(context, proposed)
    unknown = sorted(set(wanted) - {device.id for device in devices})
    if unknown:
        known = ", ".join(device.id for device in devices) or "none"
        raise AgentError(
            "params.invalid",
            f"devices: there is no fence device {', '.join(unknown)}; the devices are: {known}",
            {"devices": unknown},
        )
    chosen = [device for device in devices if not wanted or device.id in wanted]
    twice = duplicates(devices)
    members = _members(context)
    work = [(device, target) for device in chosen for target in device.targets or (None,)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda one: _ask(context, one[0], one[1], members, twice), work))
    remember_answers(context.journal, devices, found)
    return {"devices": found}


def _devices(context: Context, proposed: Any = None) -> List[Device]:
    """Those of the CIB, or those that are proposed for it."""
    state = read(parse(context.tools.query_cib()))
    found = list(state.objects.values())
    if proposed is not None:
        faults: List[Fault] = []
        document = read_document({"stonith": proposed}, faults, "params")
        wanted = declare(state, document)
        faults += [doubt for entry in document.entries for doubt in entry.doubts] + wanted.faults
        if faults:
            raise invalid("params.invalid", "the request", faults)
        found = [wanted.state.objects[key] for key in sorted(wanted.named) if key in wanted.state.objects]
    return [
        device_of(one).knowing(context.secrets) for one in found if isinstance(one, Primitive) and one.kind == "stonith"
    ]


def _members(context: Context) -> Dict[str, bool]:
    """Whether each member is online, by name."""
    nodes = read_status(context.tools.monitor())["nodes"]
    return {node["id"]: node["online"] for node in nodes if node["type"] == "member"}


def _ask(
    context: Context, device: Device, target: Optional[str], members: Mapping[str, bool], twice: Mapping[str, str]
) -> Json:
    started = time.monotonic()
    power, message = device.status(context.runner, context.metadata.of(f"stonith:{device.agent}"), target)
    ok = power != Power.FAILED
    if ok and target is not None:
        fault = _contradiction(target, power, members) or twice.get(device.id)
        ok, message = (False, fault) if fault else (True, message)
    return {
        "id": device.id,
        "agent": device.agent,
        "target": target,
        "ok": ok,
        "power": power.value if power in (Power.ON, Power.OFF) else "unknown",
        "message": message,
        "seconds": round(time.monotonic() - started, 3),
    }


def _contradiction(target: str, power: Power, members: Mapping[str, bool]) -> Optional[str]:
    """What is wrong with the device's answer, seen from the membership."""
    if target not in members:
        known = ", ".join(sorted(members))
        return (
            f"its target {target} is no node of this cluster ({known}): correct pcmk_host_list or pcmk_host_map"
            " (NODE:PLUG;NODE:PLUG)"
        )
    if power is Power.OFF and members[target]:
        return (
            f"it says that {target} is off, but {target} is a member of the cluster right now: the device lies, or it"
            f" switches another host; check its address, plug and pcmk_host_map before you trust it"
        )
    return None


# -- fence.reboot


def reboot(context: Context, params: Fields) -> Json:
    """Power-cycle one other node through the cluster's fencing. Refused unless all is well before."""
    node = params.text("node", required=True)
    wait = params.number("wait", FENCE_SECONDS, 1, 3600)
    params.conclude()
    reasons = _against(context, node)
    if reasons:
        raise AgentError(
            "fence.refused", f"{node} is not fenced: " + "; ".join(reasons), {"node": node, "reasons": reasons}
        )
    context.emit("fencing", {"node": node})
    started = time.monotonic()
    context.tools.fence_reboot(node, min(wait, max(1.0, context.deadline.remaining())))
    remember_fencing(context.journal, node)
    return {"node": node, "seconds": round(time.monotonic() - started, 3)}


def _against(context: Context, node: str) -> List[str]:
    """Everything that speaks against fencing `node` now."""
    if context.tools.offline:
        return ["this is a CIB file, not a running cluster"]
    cib = context.tools.query_cib()
    status = read_status(context.tools.monitor(), cib)
    cluster, nodes = status["cluster"], {one["id"]: one for one in status["nodes"] if one["type"] == "member"}
    reasons = []
    if node not in nodes:
        reasons.append(f"it is no node of this cluster ({', '.join(sorted(nodes))})")
    elif not nodes[node]["online"]:
        reasons.append("it is not online")
    if node == context.node:
        reasons.append("it is the node this agent runs on; ask the agent of another node")
    if not cluster["stonith_enabled"]:
        reasons.append("stonith-enabled is false")
    if not cluster["quorate"]:
        reasons.append("the cluster has no quorum")
    if cluster["maintenance"]:
        reasons.append("the cluster is in maintenance mode")
    reasons += _unhealthy(list(nodes.values()))
    if not reasons and not _idle(context, cib):
        reasons.append("the cluster is busy with something else; wait until it is idle")
    return reasons


def _unhealthy(nodes: Sequence[Mapping[str, Any]]) -> List[str]:
    reasons = []
    for state, words in (("unclean", "is unclean"), ("pending", "is pending"), ("maintenance", "is in maintenance")):
        reasons += [f"{node['id']} {words}" for node in nodes if node[state]]
    reasons += [f"{node['id']} is offline" for node in nodes if not node["online"]]
    return reasons


def _idle(context: Context, cib: bytes) -> bool:
    return Graph(context.tools.graph(cib)).idle and not under_way(parse(cib))
