# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a declared cluster to corosync.conf: smallest change, everything foreign survives, all faults at once."""

from __future__ import annotations

import copy
import difflib
from typing import Any, Dict, List

import pytest
from hypothesis import given, strategies as st

from tandem_agent.corosync import read
from tandem_agent.corosync.parse import Section, parse
from tandem_agent.corosync.plan import configured, fresh, with_ids
from tandem_agent.corosync.render import flat, render
from tandem_agent.corosync.spec import Spec, read_spec
from tandem_agent.errors import Fault
from tandem_agent.model.fields import Fields

PAIR: Dict[str, Any] = {
    "name": "lab",
    "nodes": [
        {"name": "c1", "id": 1, "links": ["10.42.0.11", "10.42.1.11"]},
        {"name": "c2", "id": 2, "links": ["10.42.0.12", "10.42.1.12"]},
    ],
}
FOREIGN = """# kept by hand
totem {
    version: 2
    cluster_name: lab
    my_option: 1
    config_version: 7
    transport: knet
    crypto_cipher: aes256
    crypto_hash: sha256
    token: 4000
    nozzle_like {
        inner: x
    }
}
system {
    sched_rr: yes
}
nodelist {
    node {
        ring0_addr: 10.42.0.11
        ring1_addr: 10.42.1.11
        name: c1
        nodeid: 1
        quorum_votes: 1
    }
    # a remark between members
    node {
        ring0_addr: 10.42.0.12
        ring1_addr: 10.42.1.12
        name: c2
        nodeid: 2
    }
}
quorum {
    provider: corosync_votequorum
    two_node: 1
}
"""


def spec_of(value: Dict[str, Any]) -> Spec:
    faults: List[Fault] = []
    spec = read_spec(Fields(value, "cluster", faults))
    assert faults == []
    return spec


def build(tree: Section, **more: Any) -> Section:
    faults: List[Fault] = []
    spec = with_ids(spec_of({**PAIR, **more}), read.ids(tree), faults)
    assert faults == []
    return configured(tree, spec)


def changed_lines(before: str, after: str) -> List[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")]


def test_what_is_right_already_is_left_letter_by_letter() -> None:
    assert render(build(parse(FOREIGN))) == FOREIGN


def test_a_new_token_changes_one_line() -> None:
    after = render(build(parse(FOREIGN), totem={"token": 5000}))
    assert changed_lines(FOREIGN, after) == ["-    token: 4000", "+    token: 5000"]


def test_a_given_map_is_what_the_file_has_afterwards_for_known_options_only() -> None:
    text = FOREIGN.replace("    token: 4000\n", "    token: 4000\n    join: 60\n")
    assert changed_lines(text, render(build(parse(text), totem={"token": 4000}))) == ["-    join: 60"]
    assert render(build(parse(text))) == text


def test_a_third_member_changes_two_node_and_adds_one_node() -> None:
    third = {"name": "c3", "links": ["10.42.0.13", "10.42.1.13"]}
    after = build(parse(FOREIGN), nodes=[*PAIR["nodes"], third])
    assert changed_lines(FOREIGN, render(after)) == [
        "+    node {", "+        ring0_addr: 10.42.0.13", "+        ring1_addr: 10.42.1.13",
        "+        name: c3", "+        nodeid: 3", "+    }",
        "-    two_node: 1",
    ]  # fmt: skip
    assert render(build(after)).replace("\n\n", "\n") != ""
    assert flat(build(after)) == flat(parse(FOREIGN)), "and back again"


def test_ids_are_kept_by_name_and_free_ones_are_given_out_in_order() -> None:
    faults: List[Fault] = []
    nodes = [{"name": name, "links": [f"10.0.0.{index}"]} for index, name in enumerate(("n", "c2", "m", "c1"), 1)]
    spec = with_ids(spec_of({"name": "lab", "nodes": nodes}), {"c1": 1, "c2": 2, "gone": 3}, faults)
    assert {node.name: node.id for node in spec.nodes} == {"n": 4, "c2": 2, "m": 5, "c1": 1}
    assert faults == []


def test_changing_an_id_or_taking_anothers_is_a_fault() -> None:
    faults: List[Fault] = []
    nodes = [{"name": "c1", "id": 2, "links": ["10.0.0.1"]}, {"name": "c3", "id": 1, "links": ["10.0.0.3"]}]
    with_ids(spec_of({"name": "lab", "nodes": nodes}), {"c1": 1, "c2": 2}, faults)
    assert [fault.path for fault in faults] == ["cluster.nodes[0].id", "cluster.nodes[1].id"]
    assert "member 1" in faults[0].message


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, {"two_node": "1"}),
        ({"qdevice": {"host": "10.42.0.21"}}, {}),
        ({"quorum": {"two_node": False, "wait_for_all": True}}, {"wait_for_all": "1"}),
        ({"quorum": {"auto_tie_breaker": True}}, {"auto_tie_breaker": "1"}),
    ],
)
def test_two_node_only_for_a_pair_that_nobody_else_decides_for(
    request_: Dict[str, Any], expected: Dict[str, str]
) -> None:
    quorum = build(fresh("lab"), **request_).section("quorum")
    assert quorum is not None
    assert {item.key: item.value for item in quorum.options() if item.key != "provider"} == expected


def test_quorum_device_comes_with_the_timing_of_the_profile_and_goes_again() -> None:
    with_device = build(
        parse(FOREIGN),
        timing="fast",
        qdevice={"host": "10.42.0.21", "heuristics": {"mode": "sync", "exec_ping": "/bin/ping -c1 gw"}},
    )
    keys = flat(with_device)
    assert {key[14:]: value for key, value in keys.items() if key.startswith("quorum.device.")} == {
        "model": "net", "timeout": "1750", "sync_timeout": "5250", "votes": "1", "net.host": "10.42.0.21", "net.algorithm": "ffsplit",
        "heuristics.mode": "sync", "heuristics.exec_ping": "/bin/ping -c1 gw",
    }  # fmt: skip
    assert (keys["totem.token"], keys["totem.consensus"]) == ("1500", "600")
    assert "quorum.two_node" not in keys
    assert flat(build(with_device, qdevice=None, totem={"token": 4000})) == flat(parse(FOREIGN))


def test_a_profile_s_consensus_goes_with_the_third_member_and_before_the_one_that_is_given() -> None:
    pair = build(fresh("lab"), timing="fast")
    third = {"name": "c3", "links": ["10.42.0.13", "10.42.1.13"]}
    three = build(pair, nodes=[*PAIR["nodes"], third], timing="fast")
    assert flat(pair)["totem.consensus"] == "600"
    assert "totem.consensus" not in flat(three)
    assert flat(build(three, timing="fast"))["totem.consensus"] == "600"
    assert flat(build(pair, timing="fast", totem={"consensus": 2000}))["totem.consensus"] == "2000"
    assert flat(build(pair, timing="fast", totem={"token": 2000}))["totem.consensus"] == "800"
    assert "totem.consensus" not in flat(build(pair, timing="default"))


def test_a_request_that_does_not_mention_the_device_leaves_it() -> None:
    with_device = build(parse(FOREIGN), qdevice={"host": "10.42.0.21"})
    assert render(build(with_device)) == render(with_device)


def test_lms_leaves_the_votes_to_corosync() -> None:
    assert "quorum.device.votes" not in flat(build(fresh("lab"), qdevice={"host": "w1", "algorithm": "lms"}))


def test_link_options_come_and_go_without_touching_unknown_ones() -> None:
    tree = build(parse(FOREIGN), links=[{"number": 1, "knet_link_priority": 2}])
    assert flat(tree)["totem.interface.1.knet_link_priority"] == "2"
    assert render(build(tree, links=[])) == FOREIGN
    tree = parse(
        FOREIGN.replace(
            "    token",
            "    interface {\n        linknumber: 0\n        hand: made\n        knet_pong_count: 3\n    }\n    token",
        )
    )
    assert {k: v for k, v in flat(build(tree, links=[])).items() if "interface" in k} == {
        "totem.interface.0.hand": "made",
    }


def test_a_link_less_takes_its_addresses_and_its_interface() -> None:
    tree = build(parse(FOREIGN), links=[{"number": 1, "knet_link_priority": 2}])
    nodes = [{**node, "links": node["links"][:1]} for node in PAIR["nodes"]]
    keys = flat(build(tree, nodes=nodes))
    assert not any("ring1_addr" in key or "interface" in key for key in keys)


names = st.sampled_from(["c1", "c2", "c3", "c4", "c5"])


@st.composite
def requests(draw: st.DrawFn) -> Dict[str, Any]:
    members = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    links = draw(st.integers(1, 3))
    value: Dict[str, Any] = {
        "name": "lab",
        "nodes": [{"name": name, "links": [f"10.{link}.0.{name[1]}" for link in range(links)]} for name in members],
    }
    if draw(st.booleans()):
        value["timing"] = draw(st.sampled_from(["default", "fast", "cloud"]))
    if draw(st.booleans()):
        value["totem"] = draw(
            st.dictionaries(st.sampled_from(["token", "join", "window_size"]), st.integers(60, 250), max_size=3)
        )
    if draw(st.booleans()):
        value["links"] = [
            {"number": number, "knet_link_priority": draw(st.integers(0, 9))}
            for number in range(draw(st.integers(0, links)))
        ]
    if draw(st.booleans()):
        value["qdevice"] = draw(
            st.one_of(st.none(), st.fixed_dictionaries({"host": st.just("w1"), "timeout": st.integers(1250, 9000)}))
        )
    return value


@given(requests(), requests())
def test_planning_a_result_again_changes_nothing_and_order_of_history_does_not_matter(
    first: Dict[str, Any], second: Dict[str, Any]
) -> None:
    tree = parse(FOREIGN)
    for value in (first, second):
        faults: List[Fault] = []
        spec = with_ids(spec_of(value), read.ids(tree), faults)
        assert faults == []
        before = copy.deepcopy(tree)
        tree = configured(tree, spec)
        assert render(configured(tree, spec)) == render(tree)
        assert render(configured(before, spec)) == render(tree), "the tree that was given is not touched"
        parse(render(tree))
    keys = flat(tree)
    assert keys["totem.my_option"] == "1"
    assert keys["totem.config_version"] == "7"
    assert keys["totem.nozzle_like.inner"] == "x"
    assert "# kept by hand" in render(tree)
    assert {read.name_of(node): read.links_of(node) for node in tree.section("nodelist").sections("node")} == {  # type: ignore[union-attr]
        node["name"]: node["links"] for node in second["nodes"]
    }


def faults_of(value: Any) -> Dict[str, str]:
    faults: List[Fault] = []
    read_spec(Fields(value, "cluster", faults))
    return {fault.path: fault.message for fault in faults}


def test_all_faults_at_once() -> None:
    found = faults_of(
        {
            "name": "la b",
            "nodes": [
                {"name": "c1", "id": 0, "links": ["10.0.0.1", "10.0.0.1"]},
                {"name": "C1", "id": 2, "links": ["300.1.1.1"]},
                {"name": "-x", "id": 2, "links": [], "adress": "1"},
            ],
            "transport": "knet",
            "crypto": {"cipher": "aes512", "hash": "none"},
            "totem": {"tokn": 1000, "token": "fast", "join": 5, "knet_compression_model": "a\nb"},
            "quorum": {"wait_for_al": 1, "two_node": 1},
            "links": [{"number": 9}, {"number": 5}],
            "qdevice": {"algorithm": "vote", "timeout": 10, "tie_breaker": "me"},
            "timing": "faster",
        }
    )
    assert set(found) == {
        "cluster.name", "cluster.nodes[0].id", "cluster.nodes[0].links[1]", "cluster.nodes[1].name", "cluster.nodes[1].links",
        "cluster.nodes[1].links[0]", "cluster.nodes[2].name", "cluster.nodes[2].links", "cluster.nodes[2].id", "cluster.nodes[2].adress",
        "cluster.crypto.cipher", "cluster.crypto.hash", "cluster.totem.tokn", "cluster.totem.token", "cluster.totem.join",
        "cluster.totem.knet_compression_model", "cluster.quorum.wait_for_al", "cluster.quorum.two_node", "cluster.links[0].number",
        "cluster.links", "cluster.qdevice.algorithm", "cluster.qdevice.timeout", "cluster.qdevice.tie_breaker", "cluster.qdevice.host",
        "cluster.timing",
    }  # fmt: skip
    assert "did you mean token?" in found["cluster.totem.tokn"]
    assert "did you mean wait_for_all?" in found["cluster.quorum.wait_for_al"]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"totem": {"consensus": 3000}, "nodes": 3}, "cluster.totem.consensus"),
        ({"totem": {"consensus": 40, "join": 50}}, "cluster.totem.consensus"),
        ({"transport": "udpu", "crypto": {"cipher": "aes256"}}, "cluster.crypto.cipher"),
        ({"qdevice": {"host": "w1"}, "quorum": {"last_man_standing": 1}}, "cluster.quorum.last_man_standing"),
        ({"qdevice": {"host": "w 1"}}, "cluster.qdevice.host"),
        ({"links": [{"number": 0, "knet_link_prio": 1}]}, "cluster.links[0].knet_link_prio"),
        ({"nodes": []}, "cluster.nodes"),
    ],
)
def test_single_faults(value: Dict[str, Any], path: str) -> None:
    if value.get("nodes") == 3:
        value = {**value, "nodes": [{"name": f"c{i}", "links": [f"10.0.0.{i}"]} for i in (1, 2, 3)]}
    value = {"name": "lab", "nodes": [{"name": f"c{i}", "links": [f"10.0.0.{i}"]} for i in (1, 2)], **value}
    assert path in faults_of(value)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "0.0.0.0", "fe80::1", "224.0.0.1", "10.0.0", "1.2.3.4.5", "a_b", "x y", "::g", "", "$(id)"]
)
def test_addresses_that_cannot_be_a_members(address: str) -> None:
    assert "cluster.nodes[0].links[0]" in faults_of({"name": "lab", "nodes": [{"name": "c1", "links": [address]}]})


def test_mixed_families_on_one_link() -> None:
    nodes = [{"name": "c1", "links": ["10.0.0.1"]}, {"name": "c2", "links": ["fd00::2"]}]
    assert "cluster.nodes" in faults_of({"name": "lab", "nodes": nodes})


def test_description_of_a_file_is_the_request_that_makes_it() -> None:
    value = {
        **PAIR,
        "timing": "fast",
        "links": [{"number": 1, "knet_link_priority": 2}],
        "qdevice": {"host": "10.42.0.21", "tls": "required"},
    }
    tree = configured(fresh("lab"), spec_of(value))
    told = read.describe(tree)
    assert told["crypto"].pop("model") is None
    again = configured(fresh("lab"), spec_of({key: value for key, value in told.items() if value is not None}))
    assert render(again) == render(tree)
