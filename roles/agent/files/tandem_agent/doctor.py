# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation `doctor`: look at everything on this node, then let the rules of `diagnosis` speak. Changes nothing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Optional
from xml.etree.ElementTree import Element

from .cib.read import read
from .cib.tree import parse, without_events
from .context import Context
from .corosync import parse as corosync, read as corosync_read, timing
from .corosync.parse import Section
from .corosync.render import nodes_of
from .diagnosis import ERROR, INFO, WARNING, Finding, Patient, as_json, device_of, examine, tally, worst_first
from .errors import AgentError
from .journal import KEPT
from .membership.strays import listed, read_nodes, strays
from .model.fields import Fields
from .model.objects import Primitive, State
from .model.values import duration_ms
from .pacemaker.clocks import skews
from .pacemaker.rules import attributes_of
from .pacemaker.status import read_status
from .pacemaker.structure import Structure
from .plan.secrets import elsewhere
from .proofs import proofs

COROSYNC_CONF = Path("/etc/corosync/corosync.conf")
AT_BOOT = ("corosync", "pacemaker", "tandem-agent.socket")


def doctor(context: Context, params: Fields) -> Dict[str, Any]:
    """Everything that deserves attention, the worst first."""
    params.conclude()
    live = not context.tools.offline
    tree = _corosync() if live else None
    changes = context.journal.history(KEPT)
    boot = _boot(context, tree) if live else []
    try:
        cib = context.tools.query_cib()
        monitor = context.tools.monitor()
    except AgentError as error:
        if error.code != "cib.unavailable" or not live:
            raise
        return {"findings": as_json([_stopped(error), *boot]), "previews": tally(changes)}
    root, now = parse(cib), time.time()
    state, status = read(root), read_status(monitor, cib)
    patient = Patient(
        state=state,
        structure=Structure(root),
        status=status,
        verdict=context.tools.verify(without_events(root)),
        qdevice=None if tree is None else corosync_read.device(tree) is not None,
        strays=_strays(root, tree),
        versions=_versions(root, status),
        skews=skews(root, context.node, now) if live else (),
        synchronized=_synchronized(context) if live else None,
        proofs=proofs(context.journal),
        changes=changes,
        now=now,
    )
    findings = examine(patient) + boot + _secrets(context, state)
    if tree is not None and not patient.alone:  # one node alone is replaced by nobody
        findings += _timing(tree, state)
    return {"findings": as_json(worst_first(findings)), "previews": tally(changes)}


def _stopped(error: AgentError) -> Finding:
    return Finding(
        "cluster.stopped",
        ERROR,
        "the cluster does not run on this node",
        "start it: systemctl start corosync pacemaker; " + error.message,
    )


def _versions(root: Element, status: Dict[str, Any]) -> Dict[str, str]:
    """The feature sets of the members that are online; nodes have told theirs since Pacemaker 2.1.5."""
    attributes = attributes_of(root)
    online = [node["id"] for node in status["nodes"] if node["online"] and node["type"] == "member"]
    known = {node: attributes.get(node, {}).get("#feature-set", "") for node in online}
    return {node: version or "before 3.15.1" for node, version in known.items()} if any(known.values()) else {}


def _strays(root: Element, tree: Optional[Section]) -> FrozenSet[str]:
    """Nodes that have left and were not forgotten. A list without names, as Corosync 2 had, tells nobody apart."""
    nodes = [] if tree is None else nodes_of(tree)
    if tree is None or not nodes or not all(node.get("name") for node in nodes):
        return frozenset()
    return frozenset(strays(read_nodes(root), listed(tree, {})))


def _synchronized(context: Context) -> Optional[bool]:
    """Whether this host's clock follows a time source; None where nobody says."""
    if not context.runner.has("timedatectl"):
        return None
    said = context.runner.run(["timedatectl", "show", "--property=NTPSynchronized", "--value"], timeout=10)
    return {b"yes": True, b"no": False}.get(said.stdout.strip())


def _corosync() -> Optional[Section]:
    try:
        return corosync.parse(COROSYNC_CONF.read_text(encoding="utf-8"))
    except (OSError, ValueError, AgentError):
        return None


def _boot(context: Context, tree: Optional[Section]) -> List[Finding]:
    """Services that systemd does not start at boot."""
    if not context.runner.has("systemctl"):
        return []
    units = list(AT_BOOT)
    if tree is not None and corosync_read.device(tree) is not None:
        units.append("corosync-qdevice")
    found = []
    for unit in units:
        # 0: enabled in one way or another; anything else: not, or there is no such unit.
        said = (
            context.runner.run(["systemctl", "is-enabled", unit], timeout=10).stdout.decode("ascii", "replace").strip()
        )
        if said not in ("enabled", "enabled-runtime", "static", "indirect", "generated", "alias", "linked"):
            found.append(
                Finding(
                    "boot.disabled",
                    WARNING,
                    f"{unit} is not started at boot ({said or 'unknown'}): after a reset this node stays out of the cluster",
                    f"systemctl enable {unit}, unless that is how you want it",
                )
            )
    return found


def _secrets(context: Context, state: State) -> List[Finding]:
    """Secrets that Pacemaker will look for in this node's files and not find."""
    files = context.secrets
    found = []
    for resource in state.objects.values() if files is not None else ():
        needed = elsewhere(resource)
        missing = sorted(needed - set(files.values(resource.key.id))) if files is not None and needed else []
        if missing:
            message = (
                f"this node has no usable file with {', '.join(missing)} of {resource.key.id}, so it cannot run here, and"
                " an attempt makes the cluster give it up everywhere"
            )
            found.append(
                Finding(
                    "secret.missing",
                    ERROR,
                    message,
                    "apply the document that declares it with its secrets on this node, then `tandem cleanup`",
                )
            )
    return found


def _timing(tree: Section, state: State) -> List[Finding]:
    prediction = corosync_read.prediction_of(tree, _assumed(state))
    said = (
        f"a failover after a power cut takes {prediction.total_min:.1f} to {prediction.total_max:.1f} s by these settings:"
        f" noticed after at most {prediction.detection_max:.1f} s, fenced in {prediction.fencing_min:.1f} to {prediction.fencing_max:.1f} s"
    )
    findings = [Finding("timing.prediction", INFO, said, "a timing profile of the role `cluster` changes it")]
    return findings + [
        Finding("timing", WARNING, line, "see the timing profiles of the role `cluster`")
        for line in prediction.warnings
    ]


def _assumed(state: State) -> timing.Fencing:
    """What the devices' parameters say about how long fencing takes; the slowest counts."""
    devices = [
        device_of(found) for found in state.objects.values() if isinstance(found, Primitive) and found.kind == "stonith"
    ]
    waits = [_seconds(device.params.get("power_wait")) for device in devices if device.params.get("power_wait")]
    delays = [_seconds(device.params.get("pcmk_delay_base", "").partition(";")[0]) for device in devices]
    default = timing.Fencing()
    return timing.Fencing(power_wait=max(waits, default=default.power_wait), delay=max(delays, default=default.delay))


def _seconds(text: Optional[str]) -> float:
    return (duration_ms(text or "") or 0) / 1000
