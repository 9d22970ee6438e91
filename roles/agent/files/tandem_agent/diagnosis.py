# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an experienced eye sees in a cluster's configuration and status. Pure: one small rule a finding.

A finding says what is wrong, what that means on the bad day, and what to do about it.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from .model.objects import Key, Primitive, State
from .model.secrets import ELSEWHERE, is_secret
from .model.values import boolean, duration_ms
from .pacemaker.device import Device
from .pacemaker.verdict import Verdict

ERROR, WARNING, INFO = "error", "warning", "info"


class Finding(NamedTuple):
    """One thing to look at."""

    code: str
    severity: str
    message: str
    remedy: str


class Patient(NamedTuple):
    """Everything the rules look at, read once."""

    state: State
    status: Mapping[str, Any]  # as in docs/protocol.md
    verdict: Verdict
    qdevice: Optional[bool]  # None: corosync.conf could not be read
    versions_differ: bool

    @property
    def members(self) -> List[Mapping[str, Any]]:
        return [node for node in self.status["nodes"] if node["type"] == "member"]

    @property
    def primitives(self) -> List[Primitive]:
        return [found for found in self.state.objects.values() if isinstance(found, Primitive)]

    @property
    def devices(self) -> List[Device]:
        return [device_of(found) for found in self.primitives if found.kind == "stonith"]

    def setting(self, kind: str, name: str) -> Optional[str]:
        """A cluster property or default, None when it is not set."""
        return getattr(self.state.objects.get(Key(kind, name)), "value", None)


def device_of(primitive: Primitive) -> Device:
    """A stonith resource as a device that can be asked."""
    params = {name: value or "" for name, value in (primitive.params or {}).items()}
    return Device(primitive.id, primitive.agent.partition(":")[2], params)


def examine(patient: Patient) -> List[Finding]:
    """All findings, the worst first."""
    found = [finding for rule in RULES for finding in rule(patient)]
    return sorted(found, key=lambda finding: (ERROR, WARNING, INFO).index(finding.severity))


# -- fencing


def _fencing(patient: Patient) -> Iterator[Finding]:
    if not patient.status["cluster"]["stonith_enabled"]:
        yield Finding(
            "fencing.disabled",
            ERROR,
            "fencing is switched off: when a node hangs, both nodes may write to the same data or hold the same address",
            "configure fence devices and set the property stonith-enabled to true (role `fencing`)",
        )
    if not patient.devices:
        yield Finding(
            "fencing.none",
            ERROR,
            "there is no fence device: a node that fails cannot be cut off, so its resources stay where they are",
            "configure a device for each node (role `fencing`, module `ha_stonith`)",
        )


def _coverage(patient: Patient) -> Iterator[Finding]:
    devices = patient.devices
    if not devices or any(not device.targets for device in devices):
        return  # none at all is another finding; a device without a list finds its targets by itself
    covered = {target for device in devices for target in device.targets}
    for node in patient.members:
        if node["id"] not in covered:
            yield Finding(
                "fencing.uncovered",
                ERROR,
                f"no fence device is for {node['id']}: it cannot be fenced",
                "add a device with pcmk_host_list or pcmk_host_map for it",
            )


def _started(patient: Patient) -> Iterator[Finding]:
    status = {one["id"]: one for one in patient.status["resources"]}
    for device in patient.devices:
        found = status.get(device.id)
        if found is not None and not found["nodes"]:
            yield Finding(
                "fencing.not_started",
                ERROR,
                f"the fence device {device.id} is not started: it is not monitored, and may not work when it is needed",
                f"look at its failed actions, then clean it up: crm_resource --cleanup --resource {device.id}",
            )


def _race(patient: Patient) -> Iterator[Finding]:
    if len(patient.members) != 2 or patient.qdevice is not False or not patient.devices:
        return
    delays = [
        duration_ms(device.params.get(name, "").partition(";")[0])
        for device in patient.devices
        for name in ("pcmk_delay_base", "pcmk_delay_max", "delay")
    ]
    if not any(delays) and not duration_ms(patient.setting("property", "priority-fencing-delay") or "0"):
        yield Finding(
            "fencing.race",
            WARNING,
            "two nodes without a quorum device and without a delay: when they lose sight of each other, both may fence at once",
            "set pcmk_delay_base on one device, or the property priority-fencing-delay; or add a quorum device",
        )


def _secrets(patient: Patient) -> Iterator[Finding]:
    for primitive in patient.primitives:
        for name, value in (primitive.params or {}).items():
            if not is_secret(name) or value in ("", ELSEWHERE):
                continue
            yield Finding(
                "secret.in_cib",
                WARNING,
                f"{primitive.id} has its {name} in the cluster's configuration: it is in pacemaker.log and in saved"
                " scheduler inputs in clear text",
                "declare it under `secrets` instead of `params`, or use a script for root only (passwd_script; the role"
                " `fencing` does), and change the password",
            )


# -- quorum and nodes


def _quorum(patient: Patient) -> Iterator[Finding]:
    if not patient.status["cluster"]["quorate"]:
        yield Finding(
            "quorum.lost",
            ERROR,
            "this partition has no quorum: nothing is started, and no change is accepted",
            "bring the other members or the quorum device back; corosync-quorumtool shows the votes",
        )
    if len(patient.members) == 2 and patient.qdevice is False:
        yield Finding(
            "quorum.no_witness",
            WARNING,
            "two nodes without a quorum device: who survives a lost link is decided by who shoots first",
            "add a witness host with a quorum device (role `witness`)",
        )


def _nodes(patient: Patient) -> Iterator[Finding]:
    for node in patient.members:
        name = node["id"]
        if node["unclean"]:
            yield Finding(
                "node.unclean", ERROR, f"{name} is unclean: it must be fenced before its resources can move",
                f"see why fencing fails (stonith_admin --history {name}); only if it is surely off: stonith_admin --confirm {name}",
            )  # fmt: skip
        elif not node["online"]:
            yield Finding(
                "node.offline", ERROR, f"{name} is offline: there is no redundancy left",
                "start it and its cluster stack (systemctl start corosync pacemaker)",
            )  # fmt: skip
        if node["standby"]:
            yield Finding(
                "node.standby", WARNING, f"{name} is in standby: nothing may run on it",
                f"end it when the work is done: crm_attribute --node {name} --name standby --delete",
            )  # fmt: skip
        if node["maintenance"] and not patient.status["cluster"]["maintenance"]:
            yield Finding(
                "node.maintenance", WARNING, f"{name} is in maintenance: nothing on it is watched",
                f"end it when the work is done: crm_attribute --node {name} --name maintenance --delete",
            )  # fmt: skip


def _cluster(patient: Patient) -> Iterator[Finding]:
    if patient.status["cluster"]["maintenance"]:
        yield Finding(
            "cluster.maintenance",
            WARNING,
            "the cluster is in maintenance mode: nothing is watched, nothing fails over",
            "end it when the work is done: crm_attribute --name maintenance-mode --delete",
        )
    if patient.versions_differ:
        yield Finding(
            "version.mixed",
            WARNING,
            "the nodes run different versions of Pacemaker: fine during a rolling upgrade, not for longer",
            "finish the upgrade on all nodes",
        )


# -- resources


def _defaults(patient: Patient) -> Iterator[Finding]:
    if patient.setting("resource_default", "resource-stickiness") is None and patient.primitives:
        yield Finding(
            "stickiness.none",
            WARNING,
            "there is no default stickiness: resources may move back when a node returns, a second interruption for nothing",
            "set the resource default resource-stickiness, for example to 100",
        )


def _monitors(patient: Patient) -> Iterator[Finding]:
    for primitive in patient.primitives:
        watched = any(
            operation.name == "monitor"
            and duration_ms(operation.interval)
            and boolean(operation.options.get("enabled") or "true") is not False
            for operation in primitive.ops or ()
        )
        if not watched and primitive.kind == "primitive" and primitive.template is None:
            yield Finding(
                "monitor.missing",
                WARNING,
                f"{primitive.id} has no recurring monitor: when it dies, nobody notices",
                f"give it one: ops: [{{name: monitor, interval: 10s}}] on {primitive.id}",
            )


def _failed(patient: Patient) -> Iterator[Finding]:
    for failure in patient.status["failures"]:
        yield Finding(
            "action.failed",
            WARNING,
            failure["text"] + (f" (at {failure['at']})" if failure.get("at") else ""),
            f"repair the cause, then: crm_resource --cleanup --resource {failure['resource']}",
        )


def _bans(patient: Patient) -> Iterator[Finding]:
    for ban in patient.status["bans"]:
        word = "banned from" if ban["id"].startswith("cli-ban-") else "pinned to"
        yield Finding(
            "ban.left",
            WARNING,
            f"{ban['resource']} is {word} {ban['node']} by {ban['id']}, left by a move or ban by hand",
            f"remove it when it is not needed any more: crm_resource --clear --resource {ban['resource']}",
        )


def _resources(patient: Patient) -> Iterator[Finding]:
    for resource in patient.status["resources"]:
        name = resource["id"]
        if resource["blocked"]:
            yield Finding(
                "resource.blocked", ERROR, f"{name} is blocked: it failed to stop and nothing may touch it",
                f"see its failed actions; clean up when it is surely stopped: crm_resource --cleanup --resource {name}",
            )  # fmt: skip
        if resource["orphaned"]:
            yield Finding(
                "resource.orphaned", WARNING, f"{name} runs or has a history but is not configured any more",
                f"crm_resource --cleanup --resource {name}",
            )  # fmt: skip
        elif resource["target_role"] == "Stopped":
            yield Finding(
                "resource.disabled", INFO, f"{name} is disabled (target-role=Stopped)",
                f"enable it when that is over: crm_resource --resource {name} --meta --delete-parameter target-role",
            )  # fmt: skip
        elif not resource["managed"] and not patient.status["cluster"]["maintenance"]:
            yield Finding(
                "resource.unmanaged", WARNING, f"{name} is not managed: the cluster neither starts nor stops it",
                f"hand it back when the work is done: crm_resource --resource {name} --meta --delete-parameter is-managed",
            )  # fmt: skip


def _verdict(patient: Patient) -> Iterator[Finding]:
    lines: Iterable[Tuple[str, str]] = [(ERROR, line) for line in patient.verdict.errors]
    for severity, line in [*lines, *((WARNING, line) for line in patient.verdict.warnings)]:
        yield Finding(
            "configuration", severity, f"crm_verify: {line}", "correct it; `crm_verify -LV` repeats the check"
        )


RULES: Tuple[Callable[[Patient], Iterator[Finding]], ...] = (
    _quorum, _nodes, _fencing, _coverage, _started, _race, _cluster, _resources, _failed, _bans, _monitors, _defaults,
    _secrets, _verdict,
)  # fmt: skip


def as_json(findings: Iterable[Finding]) -> List[Dict[str, str]]:
    """For the answer to a client."""
    return [finding._asdict() for finding in findings]
