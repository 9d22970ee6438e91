# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an inventory's words to documents, and no password in any of them."""

from __future__ import annotations

import json

import pytest
from ansible_collections.tandem.ha.plugins.plugin_utils._documents import (
    Invalid,
    fence_devices,
    fence_document,
    vip_document,
)

SECRET = "c4nary-0815"
DECLARED = {
    "h1": [{"params": {"ip": "10.42.0.111", "username": "tandem"}, "password": SECRET}],
    "h2": [
        {"agent": "fence_redfish", "params": {"ip": "10.42.0.112", "username": "tandem"}, "password": SECRET},
        {
            "agent": "fence_apc",
            "name": "pdu-c2",
            "params": {"ip": "10.42.0.200", "plug": 7},
            "password": SECRET,
            "level": 2,
        },
    ],
}
NODES = {"h1": "c1", "h2": "c2"}


def test_devices_are_complete_and_without_passwords():
    devices = fence_devices(DECLARED, NODES)
    assert [device["id"] for device in devices] == ["fence-c1", "fence-c2", "pdu-c2"]
    assert [device["target"] for device in devices] == ["c1", "c2", "c2"]
    assert [device["level"] for device in devices] == [None, 1, 2]
    assert [device["port"] for device in devices] == [623, 623, 623]
    assert all(device["has_password"] for device in devices)
    assert SECRET not in json.dumps(devices)


def test_the_passwords_come_when_asked_for():
    assert [device["password"] for device in fence_devices(DECLARED, NODES, secrets=True)] == [SECRET] * 3


@pytest.mark.parametrize(
    ("entry", "words"), [({"params": {"passwd": "x"}}, "into the CIB"), ({"adress": "x"}, "unknown key 'adress'")]
)
def test_what_cannot_be_meant_is_refused(entry, words):
    with pytest.raises(Invalid, match=words):
        fence_devices({"h1": [entry]}, {})


def test_the_document_of_fencing():
    document = fence_document(
        fence_devices(DECLARED, NODES), "/etc/tandem/fencing", {"stonith-enabled": True}, 1, "10s", {"interval": "60s"}
    )
    first, second, third = document["stonith"]
    assert first["params"] == {
        "ip": "10.42.0.111", "username": "tandem", "lanplus": True, "power_wait": 1,
        "ipmitool_path": "/etc/tandem/fencing/fence-c1", "pcmk_delay_base": "10s",
    }  # fmt: skip
    assert first["targets"] == ["c1"]
    assert first["ops"] == [{"name": "monitor", "interval": "60s"}]
    assert second["params"]["password_script"] == "/etc/tandem/fencing/fence-c2"
    assert "pcmk_delay_base" not in second["params"], "a delay on both sides would decide nothing"
    assert third["params"]["plug"] == 7
    assert document["constraints"][0] == {
        "kind": "location",
        "resource": "fence-c1",
        "node": "c1",
        "score": "-INFINITY",
    }
    assert document["levels"] == [
        {"target": "c2", "level": 1, "devices": ["fence-c2"]},
        {"target": "c2", "level": 2, "devices": ["pdu-c2"]},
    ]
    assert document["properties"] == {"stonith-enabled": True}


def test_what_the_inventory_sets_itself_wins():
    declared = {"h1": [{"params": {"ip": "10.0.0.1", "power_wait": 4, "lanplus": False}, "password": SECRET}]}
    params = fence_document(fence_devices(declared, {}), "/x", power_wait=1)["stonith"][0]["params"]
    assert (params["power_wait"], params["lanplus"]) == (4, False)


def test_no_devices_no_trouble():
    assert fence_document([], "/x", {"stonith-enabled": False}) == {
        "name": "fencing", "properties": {"stonith-enabled": False}, "stonith": [], "constraints": [], "levels": [],
    }  # fmt: skip


def test_the_document_of_virtual_addresses():
    entries = [
        {"address": "192.168.60.100/24", "nic": "eth0", "monitor_interval": "30s"},
        {
            "name": "vip6",
            "address": "fd00::100/64",
            "nic": "eth0",
            "params": {"preferred_lft": 0},
            "meta": {"migration-threshold": 3},
        },
    ]
    document = vip_document(entries, {"interval": "10s", "timeout": "20s"})
    assert document["resources"] == [
        {
            "id": "vip", "agent": "ocf:heartbeat:IPaddr2", "params": {"ip": "192.168.60.100", "cidr_netmask": "24", "nic": "eth0"},
            "ops": [{"name": "monitor", "interval": "30s", "timeout": "20s"}],
        },
        {
            "id": "vip6", "agent": "ocf:heartbeat:IPaddr2",
            "params": {"ip": "fd00::100", "cidr_netmask": "64", "nic": "eth0", "preferred_lft": 0},
            "ops": [{"name": "monitor", "interval": "10s", "timeout": "20s"}], "meta": {"migration-threshold": 3},
        },
    ]  # fmt: skip


def test_an_address_in_a_cloud_is_a_group_of_two():
    entry = {
        "name": "vip",
        "address": "10.0.0.200/24",
        "nic": "ens3",
        "cloud": "oci",
        "cloud_params": {"grace": "10min"},
    }
    follower, address, group = vip_document([entry], {"interval": "10s", "timeout": "20s"})["resources"]
    assert follower["agent"] == "ocf:tandem:oci-private-ip"
    assert follower["params"] == {"ip": "10.0.0.200", "nic": "ens3", "grace": "10min"}
    assert {"name": "monitor", "interval": "10s", "timeout": "30s"} in follower["ops"]
    assert address == vip_document([{**entry, "cloud": None}], {"interval": "10s", "timeout": "20s"})["resources"][0]
    # The cloud first: the address is announced where it is sent to already.
    assert group == {"id": "vip-group", "kind": "group", "members": ["vip-cloud", "vip"]}


def test_a_cloud_that_nobody_knows_is_refused():
    with pytest.raises(Invalid, match="cloud is 'aws' of vip: known are oci"):
        vip_document([{"address": "10.0.0.200/24", "nic": "ens3", "cloud": "aws"}], {})


def test_meta_attributes_of_a_device():
    declared = {"c1": [{"agent": "fence_oci_instance", "unprotected": True, "meta": {"failure-timeout": "2min"}}]}
    device = fence_document(fence_devices(declared, {}), "/etc/tandem/fencing")["stonith"][0]
    assert device["meta"] == {"failure-timeout": "2min"}


def test_an_address_without_prefix_is_refused():
    with pytest.raises(Invalid, match=r"10\.42\.0\.100/24"):
        vip_document([{"address": "10.42.0.100", "nic": "eth0"}], {})
