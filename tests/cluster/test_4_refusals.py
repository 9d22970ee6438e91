# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong input and what cannot work: a clear sentence, and nothing is changed."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest
from pair import CONTROLLERS, Pair

VIP = {"name": "vip", "nic": "eth0"}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (
            {"vip_addresses": [{**VIP, "address": "192.0.2.5/24"}]},
            ["outside the subnet of eth0 on c1", "correct address or nic"],
        ),
        ({"vip_addresses": [{**VIP, "address": "10.143.0.21/24"}]}, ["10.143.0.21 of vip is in use by another host"]),
        ({"node_hacluster_password": "short"}, ["at least 8"]),
        ({"cluster_name": "other"}, ["belongs to another cluster", "correct the inventory"]),
        # S0.07: what stands for a name is a name.
        ({"cluster_name": "a=b", "node_hacluster_password": ""}, ["must begin with a letter", "no password"]),
    ],
)
def test_the_preflight_refuses(site: Pair, variables: Dict[str, Any], words: List[str]) -> None:
    before = site.cib()
    run = site.site("-e", json.dumps(variables))
    assert run.rc != 0 and run.changed == {}, run.text
    for word in words:
        assert word in run.text, run.text
    assert site.cib() == before


def test_a_wrong_password_of_a_bmc_is_refused_and_the_right_one_stays(site: Pair) -> None:
    secrets = "cd /etc/tandem/fencing && sha256sum *"
    before = site.cib(), [site.node(name, secrets) for name in CONTROLLERS]
    run = site.site("-e", "tandem_bmc_password=no-such-password")
    assert run.rc != 0 and "fence-c1 (for c1)" in run.text and "fence-c2 (for c2)" in run.text, run.text
    for words in ("check address, user, password", "The cluster was told nothing", "correct fencing_devices"):
        assert words in run.text, run.text
    assert "no-such-password" not in run.text
    assert (site.cib(), [site.node(name, secrets) for name in CONTROLLERS]) == before


def resource(**options: Any) -> Dict[str, Any]:
    return {"name": "Declare", "tandem.ha.ha_resource": {"name": "addr", "agent": "ocf:heartbeat:IPaddr2", **options}}


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (resource(params={"ip": "10.143.0.101", "cidr_netmsk": 24}), "cidr_netmsk"),
        (resource(params={"cidr_netmask": 24}), "ip"),
        (
            {"name": "Declare", "tandem.ha.ha_constraint": {"kind": "colocation", "resource": "vip", "with": "nobody"}},
            "nobody",
        ),
        (
            {
                "name": "Declare",
                "tandem.ha.ha_config": {"resources": [{"id": "x", "agent": "ocf:pacemaker:Dummy"}] * 2},
            },
            "x",
        ),
    ],
)
def test_the_modules_refuse(site: Pair, task: Dict[str, Any], words: str) -> None:
    before = site.cib()
    run = site.tasks(task)
    assert run.rc != 0 and words in run.text, run.text
    assert "Traceback" not in run.text
    assert site.cib() == before


def test_a_resource_that_cannot_start_fails_the_run_with_its_reason(site: Pair) -> None:
    try:
        run = site.tasks(resource(params={"ip": "10.143.0.101", "cidr_netmask": 24, "nic": "nonesuch0"}, wait=60))
        assert run.rc != 0, run.text
        assert "[findif] failed" in run.text, "what the resource agent said of it"
    finally:
        site.node("c1", "pcs resource delete addr --force", code=None)
        site.node("c1", "pcs resource cleanup", code=None)
