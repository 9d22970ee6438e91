# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: may change in any release.
"""Checks of virtual addresses and fence devices against what the hosts see of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.tandem.ha.plugins.plugin_utils._preflight_base import (
    NAME,
    Fault,
    Look,
    Looks,
    Site,
    absent,
    cards,
    links_of,
    networks_of,
    parse_network,
    shared,
)

Entry = Mapping[str, Any]


def vips(site: Site, looks: Looks) -> Iterator[Fault]:
    declared = site.get("vips") or []
    for vip in declared:
        yield from _itself(vip, site)
        for node in site["controllers"]:
            if looks.get(node["host"], {}).get("nics"):
                yield from _on_host(vip, node["host"], looks[node["host"]])
        yield from _in_use(vip, site, looks)
    for field in ("name", "address"):
        for value, holders in shared((str(vip.get(field)).partition("/")[0], _name(vip)) for vip in declared):
            message = f"vip_addresses: {len(holders)} entries have the same {field} {value}: each needs its own"
            yield Fault("vip.shared", [], message)


def _name(vip: Entry) -> str:
    return str(vip.get("name", "vip"))


def _itself(vip: Entry, site: Site) -> Iterator[Fault]:
    name, network = _name(vip), parse_network(str(vip["address"]))
    if not NAME.match(name):
        message = f"vip_addresses: {name!r} is no name for a resource: begin with a letter and use letters, digits, '_', '.' and '-'"
        yield Fault("vip.name", [], message)
    if network is None:
        message = (
            f"vip_addresses: {vip['address']!r} of {name} is no address with a prefix length: write it as 192.0.2.10/24"
        )
        yield Fault("vip.invalid", [], message)
        return
    if network.size > 2 and network.version == 4 and network.ip in (network.network, network.broadcast):
        message = (
            f"vip_addresses: {network.ip} of {name} is the network's own or broadcast address: choose one between them"
        )
        yield Fault("vip.invalid", [], message)
    for node in site["controllers"]:
        if str(network.ip) in links_of(node):
            message = f"vip_addresses: {network.ip} of {name} is the address of {node['host']} itself: choose one that no host has"
            yield Fault("vip.taken", [node["host"]], message)


def _on_host(vip: Entry, host: str, look: Look) -> Iterator[Fault]:
    network, card = parse_network(str(vip["address"])), look["nics"].get(vip["nic"])
    if card is None:
        there = ", ".join(sorted(cards(look))) or "none"
        message = f"vip_addresses: {_name(vip)} belongs on the network card {vip['nic']}, but {host} has only {there}: correct nic"
        yield Fault("vip.nic", [host], message)
    elif network is not None:
        around = [own for own in networks_of(card) if own.ip != network.ip]
        if not any(network.ip in own for own in around if own.version == network.version):
            there = ", ".join(str(own) for own in around) or "no address"
            message = (
                f"vip_addresses: {network.ip} of {_name(vip)} is outside the subnet of {vip['nic']} on {host} ({there}): "
                "correct address or nic"
            )
            yield Fault("vip.subnet", [host], message)


def _in_use(vip: Entry, site: Site, looks: Looks) -> Iterator[Fault]:
    """Somebody answers for the address who is not one of the controllers."""
    if absent(site, looks):
        return  # it may be held by the controller that nobody could ask for its MAC
    controllers = [node["host"] for node in site["controllers"]]
    ours = {card["mac"] for host in controllers for card in cards(looks[host]).values()}
    wanted = str(vip["address"]).partition("/")[0]
    strangers: dict[str, list[str]] = {}
    for host in controllers:
        for seen in looks[host].get("vips", []):
            for mac in seen["macs"] if seen["address"] == wanted else []:
                if mac not in ours:
                    strangers.setdefault(mac, []).append(host)
    for mac, witnesses in sorted(strangers.items()):
        message = (
            f"vip_addresses: {wanted} of {_name(vip)} is in use by another host (MAC {mac}, seen from {', '.join(witnesses)}): "
            "choose a free one, or release it there"
        )
        yield Fault("vip.taken", witnesses, message)


def fencing(site: Site, looks: Looks) -> Iterator[Fault]:
    plan = site.get("fencing") or {}
    if not plan.get("enabled", True):
        return
    devices = plan.get("devices") or []
    for node in site["controllers"]:
        if not any(device["target"] == node["node"] for device in devices):
            message = (
                f"{node['host']} has no fence device: set fencing_devices for it, "
                "or fencing_enabled: false for the site if you accept to lose data"
            )
            yield Fault("fence.none", [node["host"]], message)
    for device in devices:
        if not device.get("has_password") and not device.get("unprotected"):
            message = f"the fence device {device['id']} has no password: set password in its entry of fencing_devices, from your vault"
            yield Fault("fence.password", [device["host"]], message)
    yield from _doubles(devices)
    for device in devices:
        yield from _silent(device, site, looks)


def _doubles(devices: Iterable[Entry]) -> Iterator[Fault]:
    for name, holders in shared((device["id"], device["host"]) for device in devices):
        yield Fault("fence.name", holders, f"two fence devices are called {name}: set name in fencing_devices")
    # Devices with a plug are outlets of one and the same power switch.
    addresses = (
        (f"{device['address']}:{device['port']}", device["id"])
        for device in devices
        if device.get("address") and not device.get("plug")
    )
    for address, holders in shared(addresses):
        message = f"the fence devices {' and '.join(holders)} have the same address {address}: one of them would power off the wrong host"
        yield Fault("fence.shared", [], message)


def _silent(device: Entry, site: Site, looks: Looks) -> Iterator[Fault]:
    """A BMC that does not answer a host which may have to use it. Its own host often cannot reach it, and need not."""
    where = (device.get("address"), device.get("port"))
    silent = [
        node["host"]
        for node in site["controllers"]
        for seen in looks.get(node["host"], {}).get("bmcs", [])
        if node["node"] != device["target"] and (seen["address"], seen["port"]) == where and not seen["answers"]
    ]
    if silent:
        message = (
            f"the BMC of {device['target']} at {where[0]} (UDP port {where[1]}) does not answer {', '.join(silent)}: "
            "check the address, the cable, and that IPMI over LAN is enabled"
        )
        yield Fault("fence.silent", silent, message)
