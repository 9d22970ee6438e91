# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: may change in any release.
"""From what an inventory says about fence devices and virtual addresses to the documents of docs/model.md. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# Agents that run ipmitool: it takes the password on its command line unless it is told to look in its environment.
IPMITOOL_AGENTS = (
    "fence_ipmilan",
    "fence_ipmilanplus",
    "fence_ilo3",
    "fence_ilo4",
    "fence_ilo5",
    "fence_imm",
    "fence_idrac",
)
IPMI_PORT = 623
CLOUD_AGENTS = {"oci": "ocf:tandem:oci-private-ip"}
# An API that is ill when the address must start is asked again when it may be well, without anybody's help.
CLOUD_META = {"failure-timeout": "2min"}
CLOUD_PATIENCE = "30s"  # of one look at the API
KEYS = ("agent", "level", "meta", "name", "params", "password", "unprotected")


class Invalid(ValueError):
    """What the inventory says cannot be understood; the message names the variable and the remedy."""


def fence_devices(
    declared: Mapping[str, Iterable[Mapping[str, Any]]], nodes: Mapping[str, str], secrets: bool = False
) -> list[dict[str, Any]]:
    """The devices of all hosts, complete: `declared` maps a host to its `fencing_devices`, `nodes` to its node name.

    Without `secrets` a password is replaced by whether there is one, so that the result may be shown.
    """
    devices = []
    for host, given in declared.items():
        entries = list(given)
        for index, entry in enumerate(entries, 1):
            devices.append(_device(host, nodes.get(host, host), entry, index if len(entries) > 1 else None, secrets))
    return devices


def _device(host: str, node: str, entry: Mapping[str, Any], number: int | None, secrets: bool) -> dict[str, Any]:
    for key in entry:
        if key not in KEYS:
            raise Invalid(f"fencing_devices of {host}: unknown key {key!r}; known are {', '.join(KEYS)}")
    agent, params = str(entry.get("agent", "fence_ipmilan")), dict(entry.get("params") or {})
    for name in ("passwd", "password"):
        if name in params:
            raise Invalid(
                f"fencing_devices of {host}: params.{name} would put the password into the CIB and its logs; "
                "write it as `password` beside params"
            )
    password = entry.get("password")
    device = {
        "id": str(entry.get("name") or "-".join(["fence", node] + ([str(number)] if number and number > 1 else []))),
        "host": host,
        "target": node,
        "agent": agent,
        "params": params,
        "level": entry.get("level") or number,
        "address": params.get("ip") or params.get("ipaddr"),
        "port": int(params.get("ipport") or IPMI_PORT),
        "plug": params.get("plug") or params.get("port") or params.get("pcmk_host_map"),
        "ipmi": agent in IPMITOOL_AGENTS,
        "has_password": bool(password),
        "unprotected": bool(entry.get("unprotected") or params.get("identity_file")),
    }
    if entry.get("meta") is not None:
        device["meta"] = dict(entry["meta"])
    if secrets:
        device["password"] = password
    return device


def fence_document(
    devices: Iterable[Mapping[str, Any]],
    directory: str,
    properties: Mapping[str, Any] | None = None,
    power_wait: int | None = None,
    delay: str | None = None,
    monitor: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The document of all devices: where they may run, in which order they are tried, how they get their password.

    `delay` goes to the devices of the first target only: in a race that node survives, because who wants to fence it
    waits. Give none where a third vote decides.
    """
    devices = list(devices)
    first = devices[0]["target"] if devices else None
    document: dict[str, Any] = {"name": "fencing", "properties": dict(properties or {})}
    document["stonith"] = [
        _stonith(device, directory, power_wait, delay if device["target"] == first else None, monitor)
        for device in devices
    ]
    document["constraints"] = [
        {"kind": "location", "resource": device["id"], "node": device["target"], "score": "-INFINITY"}
        for device in devices
    ]
    document["levels"] = _levels(devices)
    return document


def _stonith(
    device: Mapping[str, Any],
    directory: str,
    power_wait: int | None,
    delay: str | None,
    monitor: Mapping[str, Any] | None,
) -> dict[str, Any]:
    params = dict(device["params"])
    secret = f"{directory}/{device['id']}"
    if device["ipmi"]:
        params.setdefault("lanplus", True)
        if power_wait is not None:
            params.setdefault("power_wait", power_wait)
        if device["has_password"]:
            params.setdefault("ipmitool_path", secret)
    elif device["has_password"]:
        params.setdefault("password_script", secret)
    if delay:
        params.setdefault("pcmk_delay_base", delay)
    entry = {"id": device["id"], "agent": device["agent"], "targets": [device["target"]], "params": params}
    if "meta" in device:
        entry["meta"] = dict(device["meta"])
    if monitor:
        entry["ops"] = [{"name": "monitor", **monitor}]
    return entry


def _levels(devices: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Levels for the targets that have more than one device; devices of one level are all needed."""
    by_target: dict[str, dict[int, list[str]]] = {}
    for device in devices:
        if device["level"]:
            by_target.setdefault(device["target"], {}).setdefault(int(device["level"]), []).append(device["id"])
    return [
        {"target": target, "level": level, "devices": by_level[level]}
        for target, by_level in by_target.items()
        for level in sorted(by_level)
    ]


def vip_document(addresses: Iterable[Mapping[str, Any]], monitor: Mapping[str, Any]) -> dict[str, Any]:
    """The document of all virtual addresses; `monitor` is the operation of those that bring no interval or timeout."""
    return {"name": "vip", "resources": [resource for entry in addresses for resource in _resources(entry, monitor)]}


def _resources(entry: Mapping[str, Any], monitor: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The address, and in a cloud before it, in one group, what makes the cloud send it here."""
    address, cloud = _vip(entry, monitor), entry.get("cloud")
    if not cloud:
        return [address]
    if cloud not in CLOUD_AGENTS:
        raise Invalid(f"vip_addresses: cloud is {cloud!r} of {address['id']}: known are {', '.join(CLOUD_AGENTS)}")
    follower = {
        "id": f"{address['id']}-cloud",
        "agent": CLOUD_AGENTS[cloud],
        "params": {key: address["params"][key] for key in ("ip", "nic")} | dict(entry.get("cloud_params") or {}),
        "meta": CLOUD_META,
        "ops": [
            {"name": "start", "timeout": "120s"},
            {"name": "stop", "timeout": "20s"},
            {**address["ops"][0], "timeout": CLOUD_PATIENCE},
        ],
    }
    members = [follower["id"], address["id"]]
    return [follower, address, {"id": f"{address['id']}-group", "kind": "group", "members": members}]


def _vip(entry: Mapping[str, Any], monitor: Mapping[str, Any]) -> dict[str, Any]:
    address, _slash, prefix = str(entry["address"]).partition("/")
    if not prefix:
        raise Invalid(f"vip_addresses: {entry['address']!r} has no prefix length: write it as {entry['address']}/24")
    operation = {"name": "monitor", **monitor}
    operation.update(
        {
            key: entry[option]
            for key, option in (("interval", "monitor_interval"), ("timeout", "monitor_timeout"))
            if entry.get(option)
        }
    )
    resource = {
        "id": str(entry.get("name", "vip")),
        "agent": "ocf:heartbeat:IPaddr2",
        "params": {"ip": address, "cidr_netmask": prefix, "nic": entry["nic"], **(entry.get("params") or {})},
        "ops": [operation],
    }
    if entry.get("meta") is not None:
        resource["meta"] = dict(entry["meta"])
    return resource
