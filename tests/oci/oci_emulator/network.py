# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenancy: subnets, network cards, private IPs, instances, and what the service refuses. No wire, no clock."""

from __future__ import annotations

import ipaddress
import itertools
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from .errors import conflict, invalid, not_found
from .power import Power

CREATED = "2026-01-01T00:00:00.000Z"


@dataclass
class Instance:
    id: str
    name: str
    compartment: str


@dataclass
class Vnic:
    id: str
    subnet: str
    instance: str
    address: str
    mac: str


@dataclass
class PrivateIp:
    id: str
    address: str
    vnic: Optional[str]
    subnet: str
    primary: bool
    etag: int = 1


@dataclass
class Tenancy:
    id: str
    region: str
    compartment: str
    subnets: Dict[str, str]  # OCID to block of addresses
    power: Power
    instances: Dict[str, Instance] = field(default_factory=dict)
    vnics: Dict[str, Vnic] = field(default_factory=dict)
    addresses: Dict[str, PrivateIp] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def add_instance(self, name: str, cards: List[Dict[str, str]]) -> Instance:
        made = Instance("ocid1.instance.oc1.test.%s" % name, name, self.compartment)
        self.instances[made.id] = made
        for index, card in enumerate(cards):
            vnic = Vnic(
                "ocid1.vnic.oc1.test.%s-%d" % (name, index), card["subnet"], made.id, card["address"], card["mac"]
            )
            self.vnics[vnic.id] = vnic
            self._add_address(card["address"], vnic, primary=True)
        return made

    def _add_address(self, address: str, vnic: Vnic, primary: bool = False) -> PrivateIp:
        ocid = "ocid1.privateip.oc1.test.%d" % next(self.numbers)
        self.addresses[ocid] = PrivateIp(ocid, address, vnic.id, vnic.subnet, primary)
        return self.addresses[ocid]

    # VirtualNetwork

    def get_vnic(self, ocid: str) -> Vnic:
        if ocid not in self.vnics:
            raise not_found()
        return self.vnics[ocid]

    def list_private_ips(self, subnet: str, vnic: str, address: str) -> List[PrivateIp]:
        if not subnet and not vnic:
            raise invalid("subnetId or vnicId or vlanId is required")
        if (subnet and subnet not in self.subnets) or (vnic and vnic not in self.vnics):
            raise not_found()
        return [
            one
            for one in self.addresses.values()
            if subnet in ("", one.subnet) and vnic in ("", one.vnic) and address in ("", one.address)
        ]

    def get_private_ip(self, ocid: str) -> PrivateIp:
        if ocid not in self.addresses:
            raise not_found()
        return self.addresses[ocid]

    def create_private_ip(self, vnic: str, address: str) -> PrivateIp:
        card = self.get_vnic(vnic)
        if ipaddress.ip_address(address) not in ipaddress.ip_network(self.subnets[card.subnet]):
            raise invalid("The requested ipAddress %s is not in the range of the VNIC's subnet" % address)
        for one in self.list_private_ips(card.subnet, "", address):
            raise conflict("Conflict", "IP address %s is already in use by private IP %s" % (address, one.id))
        return self._add_address(address, card)

    def update_private_ip(self, ocid: str, vnic: Optional[str], etag: str = "") -> PrivateIp:
        found = self.get_private_ip(ocid)
        if etag and etag != str(found.etag):
            raise conflict("NoEtagMatch", "The object has been changed")
        if found.primary:
            raise invalid("Primary private IPs cannot be updated: use UpdateVnic")
        if vnic:
            card = self.get_vnic(vnic)
            if card.subnet != found.subnet:
                raise invalid("The VNIC %s is not in the subnet of the private IP" % vnic)
            found.vnic = vnic
        found.etag += 1
        return found

    # Compute

    def get_instance(self, ocid: str) -> Instance:
        if ocid not in self.instances:
            raise not_found()
        return self.instances[ocid]

    def list_instances(self, compartment: str) -> List[Instance]:
        if compartment != self.compartment:
            raise not_found()
        return list(self.instances.values())

    def instance_action(self, ocid: str, action: str) -> Instance:
        found = self.get_instance(ocid)
        state = self.power.state(found.name)
        allowed = {
            "STOP": ("RUNNING", "STOPPING"),
            "SOFTSTOP": ("RUNNING",),
            "RESET": ("RUNNING",),
            "START": ("STOPPED",),
        }
        if action not in allowed:
            raise invalid("Unsupported instance action %s" % action)
        if state not in allowed[action]:
            raise conflict("IncorrectState", "The instance %s is in state %s: cannot %s" % (ocid, state, action))
        self.power.act(found.name, action)
        return found

    # As JSON

    def private_ip_json(self, one: PrivateIp) -> Dict[str, Any]:
        return {
            "id": one.id,
            "ipAddress": one.address,
            "vnicId": one.vnic,
            "subnetId": one.subnet,
            "isPrimary": one.primary,
            "compartmentId": self.compartment,
            "displayName": one.address,
            "timeCreated": CREATED,
        }

    def vnic_json(self, one: Vnic) -> Dict[str, Any]:
        return {
            "id": one.id,
            "subnetId": one.subnet,
            "privateIp": one.address,
            "macAddress": one.mac,
            "isPrimary": True,
            "lifecycleState": "AVAILABLE",
            "availabilityDomain": "TEST:AD-1",
            "compartmentId": self.compartment,
            "timeCreated": CREATED,
        }

    def instance_json(self, one: Instance) -> Dict[str, Any]:
        return {
            "id": one.id,
            "displayName": one.name,
            "lifecycleState": self.power.state(one.name),
            "compartmentId": one.compartment,
            "availabilityDomain": "TEST:AD-1",
            "shape": "VM.Standard.E5.Flex",
            "region": self.region,
            "timeCreated": CREATED,
        }

    def metadata_json(self, one: Instance) -> Dict[str, Any]:
        return {
            "id": one.id,
            "displayName": one.name,
            "compartmentId": one.compartment,
            "tenantId": self.id,
            "region": self.region,
            "canonicalRegionName": self.region,
            "state": "Running",
        }

    def metadata_vnics(self, one: Instance) -> List[Dict[str, Any]]:
        return [
            {
                "vnicId": card.id,
                "privateIp": card.address,
                "subnetCidrBlock": self.subnets[card.subnet],
                "macAddr": card.mac,
                "vlanTag": 100,
                "virtualRouterIp": str(ipaddress.ip_network(self.subnets[card.subnet])[1]),
            }
            for card in self.vnics.values()
            if card.instance == one.id
        ]
