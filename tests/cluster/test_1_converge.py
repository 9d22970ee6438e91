# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From bare nodes to a pair: what a check foresees, what a run makes, and that a second run finds nothing to do."""

from __future__ import annotations

import re

import pytest
from pair import CONTROLLERS, Outcome, Pair

HOSTS = {"c1", "c2", "w1"}
MOST_TASKS, MOST_SECONDS = 45, 25  # a run without changes, per controller and as a whole


def test_a_check_of_bare_nodes_passes_and_foresees_a_change_everywhere(checked: Outcome) -> None:
    assert checked.ok, checked.text
    assert set(checked.changed) == HOSTS


def test_the_run_makes_the_pair(converged: Outcome) -> None:
    assert converged.ok, converged.text
    assert set(converged.counts) == HOSTS


def test_what_makes_the_cluster_starts_at_boot(site: Pair) -> None:
    units = dict.fromkeys(CONTROLLERS, "corosync pacemaker pcsd corosync-qdevice")
    for node, names in {**units, "w1": "corosync-qnetd"}.items():
        assert set(site.node(node, f"systemctl is-enabled {names}").split()) == {"enabled"}, node


@pytest.fixture(scope="module")
def second(pair: Pair, converged: Outcome) -> Outcome:
    pair.settle()
    return pair.site()


def test_a_second_run_changes_nothing(second: Outcome) -> None:
    assert second.ok, second.text
    assert second.changed == {}, second.text


def test_a_run_without_changes_is_quick(second: Outcome) -> None:
    """For itself: the matrix asks what runs with what, on a machine that may be busy."""
    tasks = {host: counts["ok"] for host, counts in second.counts.items()}
    print(f"\na run without changes: {second.seconds:.1f} s, tasks {tasks}")
    assert max(tasks.values()) < MOST_TASKS, tasks
    assert second.seconds < MOST_SECONDS * 2, "twice the aim, for a machine that does something else as well"


def test_a_check_afterwards_finds_nothing(site: Pair) -> None:
    run = site.site("--check", "--diff")
    assert run.ok, run.text
    assert run.changed == {}, run.text
    assert not re.search(r"^(\+\+\+|---) ", run.text, re.MULTILINE), run.text


def test_drift_finds_nothing(site: Pair) -> None:
    assert site.drift()["lines"] == ["nothing differs from the inventory"]


@pytest.mark.parametrize("node", CONTROLLERS)
def test_the_distributions_tools_have_no_complaint(site: Pair, node: str) -> None:
    assert site.node(node, "crm_verify --live-check -V") == ""
    status = site.node(node, "pcs status")
    for word in ("WARNING", "Failed", "OFFLINE", "UNCLEAN", "Stopped", "disabled"):
        assert word not in status, status
    assert "partition with quorum" in status
    for daemon in ("corosync", "pacemaker", "pcsd"):
        assert f"{daemon}: active/enabled" in status
    fencing = site.node(node, "pcs stonith status")
    assert fencing.count("Started") == len(CONTROLLERS), fencing
    assert "Online" in site.node(node, "pcs status pcsd")


def test_the_witness_votes(site: Pair) -> None:
    quorum = site.node("c1", "corosync-quorumtool -s")
    assert re.search(r"Expected votes:\s+3", quorum), quorum
    assert re.search(r"Total votes:\s+3", quorum), quorum
    assert quorum.count("A,V,NMW") == len(CONTROLLERS), quorum


def test_no_device_runs_on_its_own_target(site: Pair) -> None:
    for node in CONTROLLERS:
        assert site.node(node, f"crm_resource --resource fence-{node} --locate").strip().split()[-1] != node


def test_the_address_is_on_one_controller_and_the_witness_reaches_it(site: Pair) -> None:
    assert site.holder() in CONTROLLERS
    assert "1 received" in site.node("w1", f"ping -c 1 -W 2 {site.vip}")


def test_the_two_nodes_hold_the_same_keys_and_configuration(site: Pair) -> None:
    for path in ("/etc/corosync/corosync.conf", "/etc/corosync/authkey", "/etc/pacemaker/authkey"):
        sums = {site.node(node, f"sha256sum < {path}") for node in CONTROLLERS}
        assert len(sums) == 1, path
