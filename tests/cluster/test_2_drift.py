# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people do to a running pair: changes of declared things are undone, decisions and foreign objects are left."""

from __future__ import annotations

from typing import Iterator

import pytest
from pair import CONTROLLERS, Pair


def test_a_hand_change_is_named_and_exactly_it_is_undone(site: Pair) -> None:
    before = site.cib()
    site.node("c1", "pcs resource update vip cidr_netmask=25 --wait=30")
    found = site.drift()
    assert any("vip" in change for change in found["changes"]), found
    checked = site.site("--check", "--diff")
    assert list(checked.changed.values()) == [1], checked.text
    assert "cidr_netmask" in checked.text and "25" in checked.text
    run = site.site("--diff")
    assert run.ok and list(run.changed.values()) == [1], run.text
    site.settle()
    assert _plain(site.cib()) == _plain(before)


def _plain(cib: str) -> str:
    """A configuration without what Pacemaker itself writes into it."""
    return "\n".join(sorted(line.strip() for line in cib.splitlines() if "last-lrm-refresh" not in line))


@pytest.fixture
def decided(site: Pair) -> Iterator[Pair]:
    """An operator at work: a node in standby, a resource of their own, disabled, a ban, the address unmanaged."""
    site.node("c1", "pcs resource create handmade ocf:pacemaker:Dummy --wait=30")
    site.node("c1", "pcs resource disable handmade --wait=30")
    site.node("c1", f"pcs resource ban vip {site.other()} --wait=30")
    site.node("c1", "pcs resource unmanage vip")
    standby = site.other()
    site.node("c1", f"pcs node standby {standby} --wait=60")
    yield site
    site.node("c1", f"pcs node unstandby {standby} --wait=60")
    site.node("c1", "pcs resource manage vip")
    site.node("c1", "pcs resource clear vip --wait=30")
    site.node("c1", "pcs resource delete handmade")


def test_decisions_and_foreign_objects_survive_a_run_and_are_listed(decided: Pair) -> None:
    before = _plain(decided.cib())
    run = decided.site()
    assert run.ok and run.changed == {}, run.text
    assert _plain(decided.cib()) == before
    found = decided.drift()
    told = "\n".join(found["decisions"] + found["foreign"])
    for words in (
        "is in standby",
        "handmade is disabled",
        "cli-ban-vip-on-",
        "vip is not managed",
        "resource handmade",
    ):
        assert words in told, told
    assert found["changes"] == []


def test_maintenance_mode_survives_a_run(site: Pair) -> None:
    site.node("c1", "pcs property set maintenance-mode=true")
    try:
        run = site.site()
        assert run.ok and run.changed == {}, run.text
        assert any("maintenance mode" in decision for decision in site.drift()["decisions"])
    finally:
        site.node("c1", "pcs property set maintenance-mode=")


def test_drift_can_fail_a_job(site: Pair) -> None:
    site.node("c1", "pcs resource update vip cidr_netmask=25 --wait=30")
    try:
        run = site.play("drift", "-e", "drift_fail=true")
        assert run.rc != 0 and "the site differs from its inventory" in run.text, run.text
    finally:
        site.node("c1", "pcs resource update vip cidr_netmask=24 --wait=30")


def test_a_controller_that_ssh_cannot_reach_stays_a_member(site: Pair) -> None:
    lost = site.other()
    kept = next(name for name in CONTROLLERS if name != lost)
    before = {name: site.node(name, "cat /etc/corosync/corosync.conf") for name in CONTROLLERS}
    # All of the service, or a connection that is open would go on.
    site.node(
        lost, "systemctl kill --signal=KILL ssh.service; systemctl stop ssh.socket ssh.service 2>/dev/null || true"
    )
    try:
        run = site.site()
        assert run.counts[lost]["unreachable"] == 1, run.text
        assert run.counts[kept]["failed"] == 0 and run.counts[kept]["changed"] == 0, run.text
        assert f"{lost} did not take part in this run" in run.text
    finally:
        site.node(lost, "systemctl start ssh.service")
    assert {name: site.node(name, "cat /etc/corosync/corosync.conf") for name in CONTROLLERS} == before
    assert site.holder() == kept
