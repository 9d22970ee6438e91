# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair that changes by its inventory alone: address, links, timing, a third controller and back; and its end."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest
from pair import CONTROLLERS, Pair

pytestmark = pytest.mark.slow


def variables(**given: Any) -> str:
    return json.dumps(given)


def started(site: Pair) -> Dict[str, str]:
    """When the daemons of each node were started: what must not change without need."""
    return {
        node: site.node(node, "systemctl show -p ExecMainStartTimestampMonotonic corosync pacemaker")
        for node in CONTROLLERS
    }


def test_another_address_moves_nothing_else(site: Pair) -> None:
    before, other = started(site), site.vip.replace(".100", ".101")
    given = variables(vip_addresses=[{"name": "vip", "address": f"{other}/24", "nic": "eth0"}])
    foreseen = site.site("-e", given, "--check", "--diff")
    assert foreseen.ok and other in foreseen.text, foreseen.text
    run = site.site("-e", given)
    assert run.ok and list(run.changed.values()), run.text
    assert "1 received" in site.node("w1", f"ping -c 1 -W 2 {other}")
    back = site.site()
    assert back.ok, back.text
    assert site.holder() in CONTROLLERS
    assert started(site) == before


def test_a_token_is_changed_while_everything_runs(site: Pair) -> None:
    before = started(site)
    run = site.site("-e", variables(cluster_totem={"token": 2500}))
    assert run.ok, run.text
    for node in CONTROLLERS:
        assert re.search(
            r"runtime.config.totem.token \(u32\) = 2500", site.node(node, "corosync-cmapctl runtime.config.totem.token")
        )
    back = site.site()
    assert back.ok, back.text
    assert started(site) == before


def test_an_option_of_a_link_comes_and_goes(site: Pair) -> None:
    before = started(site)
    run = site.site("-e", variables(cluster_link_options=[{"number": 1, "knet_link_priority": 5}]))
    assert run.ok, run.text
    assert "knet_link_priority: 5" in site.node("c1", "cat /etc/corosync/corosync.conf")
    back = site.site()
    assert back.ok, back.text
    assert "knet_link_priority" not in site.node("c1", "cat /etc/corosync/corosync.conf")
    assert started(site) == before


@pytest.fixture
def larger(site: Pair) -> Iterator[Path]:
    """The inventory with a third controller."""
    path = site.directory / "larger"
    shutil.copytree(site.inventory, path)
    hosts = path / "hosts.yml"
    third = (
        "        c3:\n          lab_addresses: {mgmt: 10.143.0.13, ring1: 10.143.1.13}\n"
        "          lab_bmc: {address: 10.143.0.113}\n    witness:"
    )
    hosts.write_text(hosts.read_text().replace("    witness:", third, 1))
    yield path
    shutil.rmtree(path)


def test_a_third_controller_comes_and_goes(site: Pair, larger: Path) -> None:
    before = started(site)
    up = site.play("lab", inventory=larger)
    assert up.ok, up.text
    run = site.play("site", inventory=larger)
    assert run.ok, run.text
    assert "3 nodes configured" in site.node("c1", "pcs status")
    again = site.play("site", inventory=larger)
    assert again.ok and again.changed == {}, again.text
    assert started(site) == before
    site.node("c3", "pcs cluster stop")
    back = site.site("-e", variables(cluster_remove_nodes=["c3"]))
    assert back.ok, back.text
    assert "2 nodes configured" in site.node("c1", "pcs status")
    settled = site.site()
    assert settled.ok and settled.changed == {}, settled.text
    assert started(site) == before
    down = site.up()  # the lab forgets the third node
    assert down.ok, down.text


def test_the_end(site: Pair) -> None:
    wrong = site.play("teardown", "-e", "tandem_teardown=lab")
    assert wrong.rc != 0 and wrong.changed == {}, wrong.text
    run = site.play("teardown", "-e", f"tandem_teardown={site.name}")
    assert run.ok, run.text
    for node in CONTROLLERS:
        for path in (
            "/etc/corosync/corosync.conf",
            "/etc/corosync/authkey",
            "/etc/tandem/fencing",
            "/usr/local/lib/tandem",
            "/run/tandem",
        ):
            assert site.node(node, f"test -e {path} && echo there", code=None) == "", f"{node}: {path}"
        assert site.node(node, "systemctl is-active corosync pacemaker", code=None).split() == ["inactive", "inactive"]
    made = site.site()
    assert made.ok, made.text
