# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who falls, when what happened, and that an unhealthy cluster is refused."""

import copy

import pytest
from ansible_collections.tandem.ha.plugins.module_utils import _health as health
from ansible_collections.tandem.ha.plugins.module_utils._drill import (
    Gaps,
    Others,
    Unfit,
    Watch,
    as_before,
    choose,
    control_port,
    expected,
    favoured,
    fencings,
    roles,
)
from ansible_collections.tandem.ha.plugins.module_utils._faults import milestones


def node(name, **other):
    plain = {
        "id": name,
        "online": True,
        "standby": False,
        "maintenance": False,
        "unclean": False,
        "pending": False,
        "type": "member",
    }
    return dict(plain, dc=name == "c1", **other)


def resource(name, nodes, **other):
    plain = {
        "id": name, "agent": "stonith:fence_ipmilan", "role": "Started" if nodes else "Stopped", "nodes": nodes, "group": None,
        "clone": None, "managed": True, "failed": False, "blocked": False, "orphaned": False, "target_role": None,
    }  # fmt: skip
    return dict(plain, **other)


@pytest.fixture
def status():
    return {
        "cluster": {
            "name": "lab",
            "dc": "c1",
            "quorate": True,
            "maintenance": False,
            "stonith_enabled": True,
            "idle": True,
            "cib": "0.9.1",
        },
        "nodes": [node("c1"), node("c2")],
        "resources": [
            resource("vip", ["c1"], agent="ocf:heartbeat:IPaddr2"),
            resource("fence-c1", ["c2"]),
            resource("fence-c2", ["c1"]),
        ],
        "failures": [],
        "fencing": [{"target": "c1", "action": "reboot", "state": "success", "origin": "c2", "at": "yesterday"}],
        "bans": [],
    }


@pytest.mark.parametrize(
    ("wanted", "target", "survivor", "moves"),
    [("standby", "c2", "c1", False), ("holder", "c1", "c2", True), ("c1", "c1", "c2", True), ("c2", "c2", "c1", False)],
)
def test_who_falls(status, wanted, target, survivor, moves):
    choice = choose(status, wanted)
    assert (choice["target"], choice["survivor"], choice["moves"]) == (target, survivor, moves)
    assert (choice["vip"], choice["holder"]) == ("vip", "c1")


def test_a_cluster_without_addresses_has_a_standby_but_no_holder(status):
    del status["resources"][0]
    assert choose(status, "standby")["target"] == "c1"
    with pytest.raises(Unfit, match="name a node"):
        choose(status, "holder")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s["cluster"].update(quorate=False), "no quorum"),
        (lambda s: s["cluster"].update(maintenance=True), "maintenance mode"),
        (lambda s: s["cluster"].update(stonith_enabled=False), "fencing is disabled"),
        (lambda s: s["nodes"][1].update(online=False), "c2 is offline"),
        (lambda s: s["nodes"][1].update(unclean=True), "c2 is unclean"),
        (lambda s: s["nodes"][1].update(standby=True), "c2 is in standby"),
        (lambda s: s["nodes"].pop(), "two members"),
        (lambda s: s["resources"][1].update(nodes=[]), "fence-c1 does not run"),
        (lambda s: s["resources"][1].update(failed=True), "fence-c1 has failed"),
        (lambda s: s["failures"].append({"text": "monitor of vip on c1 failed: no"}), "monitor of vip on c1 failed"),
        (lambda s: s["bans"].append({"id": "cli-ban-vip-on-c2", "resource": "vip", "node": "c2"}), "cli-ban-vip-on-c2"),
    ],
)
def test_an_unhealthy_cluster_is_refused(status, change, words):
    change(status)
    with pytest.raises(Unfit, match=words):
        choose(status, "standby")


def test_unknown_names_are_refused(status):
    with pytest.raises(Unfit, match="the nodes are c1, c2"):
        choose(status, "c9")
    with pytest.raises(Unfit, match="there is vip"):
        choose(status, "holder", "vip9")


def watching(status, target, fault="power", moves=True):
    return Watch(roles(status), target, "vip", milestones(fault, moves), fencings(status, target))


def test_a_power_cut_of_the_holder_is_followed_to_its_end(status):
    watch = watching(status, "c1")
    watch.see(1.0, status)
    assert watch.times == {}, "the fencing of yesterday is not this one"
    gone = copy.deepcopy(status)
    gone["nodes"][0].update(online=False, unclean=True)
    watch.see(4.0, gone)
    gone["fencing"].append({"target": "c1", "action": "reboot", "state": "pending", "origin": "c2", "at": None})
    watch.see(5.0, gone)
    gone["fencing"][-1].update(state="success", at="now")
    watch.see(6.0, gone)
    gone["resources"][0]["nodes"] = ["c2"]
    gone["resources"][2]["nodes"] = []
    watch.see(6.2, gone)
    back = copy.deepcopy(gone)
    back["nodes"][0].update(online=True, unclean=False, pending=True)
    watch.see(30.0, back)
    back["nodes"][0]["pending"] = False
    watch.see(31.0, back)
    assert not watch.done, "its fence device does not run yet"
    assert watch.missing() == ["serving", "settled"]
    back["resources"][2]["nodes"] = ["c2"]
    back["failures"] = [{"text": "monitor of vip on c2 failed: no"}]
    watch.see(33.0, back)
    assert watch.missing() == ["settled"], "a failed action is left"
    back["failures"] = []
    watch.see(40.0, back)
    assert watch.done
    assert watch.times == {"lost": 4.0, "fenced": 6.0, "vip": 6.2, "back": 31.0, "serving": 33.0, "settled": 40.0}
    assert watch.failures == ["monitor of vip on c2 failed: no"]


def test_the_address_of_a_survivor_is_not_expected_to_move(status):
    watch = watching(status, "c2", moves=False)
    assert watch.missing() == ["lost", "fenced", "back", "serving", "settled"]


def test_a_killed_process_is_noticed_before_all_can_be_well_again(status):
    status["resources"].append(resource("db", ["c1", "c2"], role="Promoted"))
    watch = watching(status, "c1", "kill-mysqld")
    watch.see(1.0, status)
    assert watch.times == {}, "nobody has seen it yet: that all is well means nothing"
    hurt = copy.deepcopy(status)
    hurt["resources"][-1].update(nodes=["c2"])
    hurt["resources"].append(resource("db", ["c1"], role="Unpromoted"))
    watch.see(5.0, hurt)
    assert watch.times == {"noticed": 5.0}
    watch.see(9.0, status)
    assert watch.times == {"noticed": 5.0, "serving": 9.0, "settled": 9.0}


def test_what_came_back_by_itself_is_not_waited_for_for_ever(status):
    watch = watching(status, "c1", "kill-mysqld")
    watch.see(1.0, status)
    watch.see(75.9, status)
    assert not watch.done
    watch.see(76.0, status)
    assert watch.unnoticed and watch.done and watch.times == {}
    other = watching(status, "c1", "power")
    other.see(1.0, status)
    other.see(99.0, status)
    assert not other.done


def test_a_cluster_that_still_works_on_it_does_not_serve_as_before(status):
    before = roles(status)
    assert as_before(before, status)
    status["cluster"]["idle"] = False
    assert not as_before(before, status)
    status["cluster"]["idle"] = True
    status["resources"][1]["nodes"] = []
    assert not as_before(before, status)
    assert not as_before(before, dict(status, nodes=[]))


def test_when_the_link_is_cut_the_quorum_device_decides(status):
    others = Others("c1")
    assert choose(status, "standby", None, "cut", others)["target"] == "c2"
    assert choose(status, "c2", None, "cut-one-way", others)["target"] == "c2"
    with pytest.raises(Unfit, match=r"c1 would not fall.* isolate"):
        choose(status, "holder", None, "cut", others)
    assert choose(status, "holder", None, "isolate", others)["target"] == "c1"
    assert choose(status, "standby", None, "cut", Others("c2"))["moves"] is True


def test_a_fault_of_the_witness_or_of_all_has_a_survivor_that_watches(status):
    with pytest.raises(Unfit, match="no witness"):
        choose(status, "standby", None, "witness")
    found = choose(status, "standby", None, "witness", Others(None, "w1"))
    assert (found["target"], found["survivor"], found["may_move"]) == ("w1", "c1", False)
    found = choose(status, "standby", None, "blackout")
    assert (found["target"], found["moves"], found["may_move"]) == ("all controllers", False, True)
    found = choose(status, "standby", None, "command")
    assert (found["target"], found["survivor"], found["moves"], found["may_move"]) == ("nobody", "c1", False, True)


def test_who_is_favoured_is_what_the_file_says():
    nodes = [{"id": 2, "name": "c1"}, {"id": "1", "name": "c2"}]
    assert favoured({"nodes": nodes, "qdevice": {"model": "net"}}) == "c2"
    assert favoured({"nodes": nodes, "qdevice": {"tie_breaker": "highest"}}) == "c1"
    assert favoured({"nodes": nodes, "qdevice": {"tie_breaker": "2"}}) == "c1"
    assert favoured({"nodes": nodes, "qdevice": None}) is None


def test_a_bundle_is_found_by_its_control_port():
    document = {
        "resources": [
            {"id": "web", "kind": "bundle"},
            {"id": "db", "kind": "bundle", "network": {"control_port": 3123}},
            {"id": "kv", "kind": "bundle", "network": {"control_port": "3124"}},
        ]
    }
    assert control_port(document, None) == 3123
    assert control_port(document, "kv") == 3124
    assert control_port({}, None) is None
    with pytest.raises(Unfit, match="there is db, kv"):
        control_port(document, "web")


def test_a_gap_is_from_the_last_answer_to_the_next():
    gaps = Gaps()
    for now, answered in [
        (0.0, False),
        (0.1, True),
        (0.2, True),
        (0.4, False),
        (2.0, False),
        (6.5, True),
        (6.6, True),
        (7.0, False),
    ]:
        gaps.see(now, answered)
    report = gaps.report()
    assert report["gaps"] == [{"from": 0.2, "to": 6.5, "seconds": 6.3}]
    assert (report["probes"], report["answering"], report["ever"]) == (8, False, True)


def test_decisions_are_no_problems(status):
    status["nodes"][1]["standby"] = True
    status["resources"][0].update(nodes=[], role="Stopped", target_role="Stopped")
    assert health.problems(status) == []
    assert health.decisions(status) == ["c2 is in standby", "vip is disabled (target-role=Stopped)"]


def test_the_summary_names_everything(status):
    assert health.summary(status) == [
        "cluster lab: quorate, coordinated by c1",
        "node c1: online",
        "node c2: online",
        "vip (ocf:heartbeat:IPaddr2): Started on c1",
        "fence-c1 (stonith:fence_ipmilan): Started on c2",
        "fence-c2 (stonith:fence_ipmilan): Started on c1",
    ]


def test_the_prediction_knows_the_device_that_will_be_used():
    timing = {"detection_max": 3.7, "fencing_min": 2.3, "fencing_max": 4.5, "total_min": 5.3, "total_max": 8.7}
    devices = [
        {"targets": ["c1"], "params": {"power_wait": "1"}},
        {"targets": ["c2"], "params": {"pcmk_delay_base": "10s"}},
    ]
    assert expected(timing, devices, "c1") == {
        "detection_max": 3.7,
        "fencing_min": 1.3,
        "fencing_max": 2.5,
        "total_min": 4.3,
        "total_max": 6.7,
    }
    assert expected(timing, devices, "c2")["fencing_max"] == 14.5
    exported = [
        {"params": {"pcmk_host_list": "c3 c1", "power_wait": "1"}},
        {"params": {"pcmk_host_map": "c2:7;c4:8", "power_wait": 4}},
    ]
    assert expected(timing, exported, "c1")["fencing_max"] == 2.5
    assert expected(timing, exported, "c4")["fencing_max"] == 8.5
    assert expected(timing, [], "c1") == timing
    assert expected(None, devices, "c1") is None
