# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A good site has no faults; each thing that can be wrong has its own, and all are found at once."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.tandem.ha.plugins.plugin_utils._preflight import judge, unchecked


def look(number, **other):
    return {
        "python": [3, 11, 2],
        "os": {"id": "debian", "version": "12"},
        "root": True,
        "nics": {
            "lo": {"mac": "00:00:00:00:00:00", "addresses": ["127.0.0.1/8"]},
            "eth0": {"mac": f"02:00:00:00:00:{number:02x}", "addresses": [f"10.42.0.{number}/24"]},
            "eth1": {"mac": f"02:00:00:00:01:{number:02x}", "addresses": [f"10.42.1.{number}/24"]},
        },
        "cluster": None,
        "vips": [{"address": "10.42.0.100", "nic": "eth0", "held": False, "macs": [], "fault": None}],
        "bmcs": [{"address": f"10.42.0.1{one}", "port": 623, "answers": True} for one in (11, 12)],
        "offset": [-0.2, 0.3],
        **other,
    }


def device(number):
    return {
        "id": f"fence-c{number}", "host": f"c{number}", "target": f"c{number}", "agent": "fence_ipmilan",
        "address": f"10.42.0.11{number}", "port": 623, "has_password": True,
    }  # fmt: skip


SITE = {
    "cluster": "lab",
    "controllers": [
        {"host": "c1", "node": "c1", "links": ["10.42.0.11", "10.42.1.11"]},
        {"host": "c2", "node": "c2", "links": ["10.42.0.12", "10.42.1.12"]},
    ],
    "witness": {"host": "w1", "address": "10.42.0.21"},
    "vips": [{"name": "vip", "address": "10.42.0.100/24", "nic": "eth0"}],
    "fencing": {"enabled": True, "devices": [device(1), device(2)]},
    "password_length": 24,
}
LOOKS = {"c1": look(11), "c2": look(12), "w1": look(21)}
OURS = {"name": "lab", "nodes": [{"name": "c1", "links": ["10.42.0.11"]}, {"name": "c2", "links": ["10.42.0.12"]}]}
PRISTINE = {"name": "debian", "nodes": [{"name": "node1", "links": ["127.0.0.1"]}]}


@pytest.fixture
def site():
    return copy.deepcopy(SITE)


@pytest.fixture
def looks():
    return copy.deepcopy(LOOKS)


def codes(site, looks):
    return [fault.code for fault in judge(site, looks)]


def test_a_good_site_has_no_faults(site, looks):
    assert judge(site, looks) == []
    assert unchecked(site, looks) == []


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda s: s.update(cluster="x=y"), "name.cluster", "cluster_name"),
        (lambda s: s.update(cluster="debian"), "name.cluster", "one-node cluster"),
        (lambda s: s.update(controllers=[]), "site.empty", "tandem_controllers"),
        (lambda s: s["controllers"][0].update(node="addr=1"), "name.node", "no node name"),
        (lambda s: s["controllers"][0].update(node="C2"), "name.node", "same node name 'c2'"),
        (lambda s: s["controllers"][0].update(links=[]), "link.none", "no link address"),
        (lambda s: s["controllers"][0].update(links=["10.42.0.11"] * 9), "link.many", "at most 8"),
        (lambda s: s["controllers"][0]["links"].pop(), "link.count", "c1 1, c2 2"),
        (lambda s: s["controllers"][0].update(links=["10.42.0.11", "::1"]), "link.invalid", "cannot reach"),
        (
            lambda s: s["controllers"][0].update(links=["10.42.0.11", "10.42.0 .11"]),
            "link.invalid",
            "neither an address",
        ),
        (
            lambda s: s["controllers"][0].update(links=["10.42.0.99", "10.42.1.11"]),
            "link.elsewhere",
            "10.42.0.11, 10.42.1.11",
        ),
        (lambda s: s["controllers"][0].update(links=["10.42.0.11", "fd00::11"]), "link.family", "link 1 mixes"),
        (lambda s: s["controllers"][1].update(links=["10.42.0.11", "10.42.1.12"]), "link.shared", "c1 and c2"),
        (lambda s: s["witness"].update(host="c1"), "witness.controller", "third host"),
        (lambda s: s["witness"].update(address="10.42.1.12"), "witness.controller", "third host"),
        (lambda s: s["witness"].update(address=""), "witness.address", "witness_address"),
        (lambda s: s["vips"][0].update(address="10.42.0.100"), "vip.invalid", "192.0.2.10/24"),
        (lambda s: s["vips"][0].update(address="10.42.0.300/24"), "vip.invalid", "192.0.2.10/24"),
        (lambda s: s["vips"][0].update(address="10.42.0.255/24"), "vip.invalid", "broadcast"),
        (
            lambda s: s["vips"][0].update(address="10.43.0.100/24"),
            "vip.subnet",
            "outside the subnet of eth0 on c1 (10.42.0.11/24)",
        ),
        (lambda s: s["vips"][0].update(nic="br300"), "vip.nic", "c1 has only eth0, eth1"),
        (lambda s: s["vips"][0].update(address="10.42.0.12/24"), "vip.taken", "address of c2 itself"),
        (lambda s: s["vips"][0].update(name="1vip"), "vip.name", "begin with a letter"),
        (lambda s: s["vips"].append(dict(s["vips"][0], name="vip2")), "vip.shared", "same address 10.42.0.100"),
        (lambda s: s["fencing"]["devices"].pop(), "fence.none", "c2 has no fence device"),
        (lambda s: s["fencing"]["devices"][0].update(has_password=False), "fence.password", "fence-c1"),
        (lambda s: s["fencing"]["devices"][1].update(id="fence-c1"), "fence.name", "called fence-c1"),
        (lambda s: s["fencing"]["devices"][1].update(address="10.42.0.111"), "fence.shared", "wrong host"),
        (lambda s: s.update(documents={"web": {}}), "document.invalid", "no list"),
        (lambda s: s.update(documents=["web"]), "document.invalid", "site_documents[0] is 'web'"),
        (lambda s: s.update(documents=[{"resources": []}]), "document.name", "site_documents[0].name is None"),
        (lambda s: s.update(documents=[{"name": "a b"}]), "document.name", "is 'a b'"),
        (lambda s: s.update(documents=[{"name": "vip"}]), "document.name", "another role"),
        (
            lambda s: s.update(documents=[{"name": "web"}, {"name": "web"}]),
            "document.name",
            "[0] and site_documents[1]",
        ),
        (lambda s: s.update(documents=[{"name": "web", "resource": []}]), "document.option", "[0].resource is unknown"),
        (lambda s: s.update(password_length=0), "password.none", "node_hacluster_password"),
        (lambda s: s.update(password_length=7), "password.short", "at least 8"),
    ],
)
def test_what_the_inventory_says_wrongly(site, looks, change, code, words):
    change(site)
    found = [fault.message for fault in judge(site, looks) if fault.code == code]
    assert found, codes(site, looks)
    assert words in found[0]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda h: h["c1"].update(root=False), "host.root", "become: true"),
        (lambda h: h["c1"].update(python=[3, 7, 3]), "host.python", "3.7.3, but the agent needs 3.8"),
        (lambda h: h["w1"].update(python=[3, 5, 3]), "host.python", "Ansible's modules needs 3.6"),
        (lambda h: h["c1"].update(os={"id": "debian", "version": "13"}), "host.release", "c1 debian 13, c2 debian 12"),
        (lambda h: h["c1"]["nics"]["eth0"].update(mac="02:00:00:00:00:0c"), "host.same", "one machine"),
        (lambda h: h["c1"].update(offset=[3.0, 3.4]), "host.clock", "at least 2.7 s apart"),
        (lambda h: h["c1"].update(cluster={"name": "web", "nodes": []}), "cluster.foreign", "web (no nodes)"),
        (
            lambda h: h["c2"].update(cluster={**OURS, "nodes": [{"name": "x9", "links": ["10.9.9.9"]}]}),
            "cluster.foreign",
            "lab (x9)",
        ),
        (
            lambda h: h["c1"]["vips"][0].update(macs=["02:00:00:00:00:99"]),
            "vip.taken",
            "02:00:00:00:00:99, seen from c1",
        ),
        (lambda h: h["c1"]["bmcs"][1].update(answers=False), "fence.silent", "BMC of c2 at 10.42.0.112"),
        (lambda h: h.pop("c2"), "cluster.incomplete", "c2 did not answer"),
    ],
)
def test_what_the_hosts_show_wrongly(site, looks, change, code, words):
    change(looks)
    found = [fault.message for fault in judge(site, looks) if fault.code == code]
    assert found, codes(site, looks)
    assert words in found[0]


def test_documents_that_are_well_are_no_faults(site, looks):
    site["documents"] = [
        {"name": "web", "resources": [], "wait": 60},
        {"name": "dns", "allow": ["stop"], "purge": "none"},
    ]
    assert judge(site, looks) == []


def test_all_faults_are_found_at_once(site, looks):
    site["cluster"], site["password_length"] = "x=y", 3
    site["vips"][0]["address"] = "10.43.0.100/24"
    looks["c1"]["bmcs"][1]["answers"] = False
    assert codes(site, looks) == ["name.cluster", "vip.subnet", "vip.subnet", "fence.silent", "password.short"]


@pytest.mark.parametrize("cluster", [OURS, PRISTINE])
def test_our_own_cluster_and_the_packages_default_are_no_faults(site, looks, cluster):
    for host in ("c1", "c2"):
        looks[host]["cluster"] = cluster
    assert judge(site, looks) == []


def test_an_absent_member_of_a_formed_cluster_is_left_alone(site, looks):
    del looks["c2"]
    looks["c1"]["cluster"] = OURS
    looks["c1"]["vips"][0]["macs"] = ["02:00:00:00:00:0c"]  # c2's, which nobody can know here
    assert judge(site, looks) == []
    assert unchecked(site, looks) == [
        "c2 is not part of this run: nothing is changed there, and it stays a member of the cluster"
    ]


def test_the_address_may_be_held_by_a_controller(site, looks):
    looks["c1"]["vips"][0]["macs"] = [looks["c2"]["nics"]["eth0"]["mac"]]
    looks["c2"]["nics"]["eth0"]["addresses"].append("10.42.0.100/24")
    assert judge(site, looks) == []


def test_its_own_bmc_need_not_answer_a_host(site, looks):
    looks["c2"]["bmcs"][1]["answers"] = False
    assert judge(site, looks) == []


def test_without_fencing_nothing_is_asked_of_devices(site, looks):
    site["fencing"] = {"enabled": False, "devices": []}
    assert judge(site, looks) == []


def test_what_could_not_be_checked_is_said(site, looks):
    looks["c1"]["nics"] = {}
    looks["c2"]["vips"][0]["fault"] = "Operation not permitted"
    told = unchecked(site, looks)
    assert "the tool `ip`" in told[0]
    assert told[1] == "c2: whether 10.42.0.100 is in use was not checked: Operation not permitted"
