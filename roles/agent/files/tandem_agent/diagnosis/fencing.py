# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about fencing: is there a device for each node, does it work, who wins a race. Pure."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Optional

from ..model.secrets import ELSEWHERE, is_secret
from ..model.values import duration_ms
from ..pacemaker.device import Device
from ..proofs import identity
from .patient import ERROR, INFO, WARNING, Finding, Patient


def _fencing(patient: Patient) -> Iterator[Finding]:
    if patient.alone and not patient.status["cluster"]["stonith_enabled"]:
        yield Finding(
            "cluster.single",
            INFO,
            "one node alone: what fails on it is started again; when the node fails, nothing takes over, and nobody has to fence it",
            "add a second node, and fencing with it, if that is too little",
        )
        return
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
                f"look at its failed actions, then clean it up: tandem cleanup {device.id}",
            )


def _unproven(patient: Patient) -> Iterator[Finding]:
    if patient.proofs is None or not patient.status["cluster"]["stonith_enabled"]:
        return
    shot = {event["target"] for event in patient.status["fencing"] if event["state"] == "success"}
    shot.update(patient.proofs["fenced"])
    for device in patient.devices:
        for target in device.targets or (None,):
            if target not in shot and not _answered(device, target, patient.proofs["devices"].get(device.id, {})):
                yield Finding(
                    "fencing.unproven",
                    WARNING,
                    f"from this node {device.id} was never asked for the power of {target or 'anything'} as it is configured now,"
                    f" nor was {target or 'a node'} ever fenced: whether it works is not known",
                    "ask it: module ha_info with gather: [fencing] (the role `fencing` does); the playbook `drill` fences for real",
                )


def _answered(device: Device, target: Optional[str], proof: Mapping[str, Any]) -> bool:
    return proof.get("what") == identity(device) and target in proof.get("targets", ())


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
                "declare it under `secrets` instead of `params`, or use a script for root only (password_script; the role"
                " `fencing` does), and change the password",
            )


RULES = (_fencing, _coverage, _started, _unproven, _race, _secrets)
