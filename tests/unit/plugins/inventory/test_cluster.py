# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pure half of the inventory plugin, and how it reads an answer; tests/integration runs it through Ansible."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.tandem.ha.plugins.inventory.cluster import InventoryModule, Silent, read
from ansible_collections.tandem.ha.plugins.plugin_utils._inventory import Groups, hosts

SAID = json.loads(Path(__file__).with_name("cluster.json").read_text(encoding="utf-8"))
STATUS, INFO = SAID["status"], SAID["info"]


def test_hosts_by_role():
    found = {host.name: host for host in hosts(STATUS, INFO, 0, Groups())}
    assert list(found) == ["c1", "c2", "c3", "192.0.2.9"]
    assert found["c1"].groups == ("controllers", "online", "dc", "vip_holder")
    assert found["c2"].groups == ("controllers", "online", "standby", "galera_promoted"), (
        "its container's place is its own"
    )
    assert found["c3"].groups == ("controllers", "offline", "unclean")
    assert found["192.0.2.9"].groups == ("witness",)
    assert found["c1"].variables["ansible_host"] == "192.0.2.1"
    assert [one["id"] for one in found["c2"].variables["tandem_resources"]] == ["galera-bundle-0", "galera"]


@pytest.mark.parametrize(("link", "address"), [(1, "198.51.100.2"), (2, None), (-1, None)])
def test_the_address_is_that_of_a_link(link, address):
    found = {host.name: host for host in hosts(STATUS, INFO, link, Groups())}
    assert found["c2"].variables.get("ansible_host") == address


def test_a_cluster_without_witness_and_without_names():
    info = {"cluster": {"error": "this host is in no cluster"}}
    found = list(hosts(STATUS, info, 0, Groups("pair", "w", "ha_")))
    assert [host.name for host in found] == ["c1", "c2", "c3"]
    assert found[0].groups == ("pair", "ha_online", "ha_dc", "ha_vip_holder")
    assert "ansible_host" not in found[0].variables


def test_an_answer_is_two_objects():
    assert read(0, json.dumps(STATUS) + "\n" + json.dumps(INFO, indent=1) + "\n", "") == (STATUS, INFO)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((0, "Welcome!\n", ""), "it said no JSON: 'Welcome!'"),
        (
            (1, '{"error": {"code": "cib.unavailable", "message": "it is not running here"}}', ""),
            "it is not running here",
        ),
        ((0, "{}", ""), "exit code 0"),
        ((0, "[] []", ""), "exit code 0"),
        ((255, "", "banner\nno route to host\n"), "no route to host"),
    ],
)
def test_anything_else_is_told(answer, reason):
    with pytest.raises(Silent) as silent:
        read(*answer)
    assert str(silent.value) == reason


def test_only_files_that_are_meant_for_it(tmp_path):
    for name, wanted in (("tandem.yml", True), ("lab.tandem.yaml", True), ("hosts.yml", False)):
        (tmp_path / name).write_text("")
        assert InventoryModule().verify_file(str(tmp_path / name)) is wanted
