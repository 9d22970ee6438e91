# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One status, whatever the version of Pacemaker calls things."""

from __future__ import annotations

import pathlib
from typing import Any, Dict

import pytest

from tandem_agent.errors import AgentError
from tandem_agent.pacemaker.runner import Runner
from tandem_agent.pacemaker.status import failures, read_status, resources
from tandem_agent.pacemaker.tools import Tools

DATA = pathlib.Path(__file__).parent / "data"
BUSY = DATA / "busy-cib.xml"


@pytest.fixture
def status(any_suite: str) -> Dict[str, Any]:
    tools = Tools(Runner([any_suite], {"CIB_file": str(BUSY)}))
    return read_status(tools.monitor(), tools.query_cib())


def find(status: Dict[str, Any], id: str) -> Dict[str, Any]:
    found = [resource for resource in status["resources"] if resource["id"] == id]
    assert len(found) == 1, found
    return found[0]


def test_cluster(status: Dict[str, Any]) -> None:
    assert status["cluster"] == {
        "name": "lab",
        "dc": "c1",
        "quorate": True,
        "maintenance": False,
        "stonith_enabled": True,
        "idle": None,
        "cib": "0.12.3",
    }


def test_nodes(status: Dict[str, Any]) -> None:
    assert [(node["id"], node["online"], node["dc"], node["type"]) for node in status["nodes"]] == [
        ("c1", True, True, "member"),
        ("c2", True, False, "member"),
        ("hb-0", False, False, "remote"),
        ("hb-1", False, False, "remote"),
    ]


def test_a_member_of_a_group(status: Dict[str, Any]) -> None:
    assert find(status, "vip") == {
        "id": "vip",
        "agent": "ocf:heartbeat:IPaddr2",
        "role": "Started",
        "nodes": ["c1"],
        "group": "site",
        "clone": None,
        "bundle": None,
        "managed": True,
        "failed": False,
        "blocked": False,
        "orphaned": False,
        "target_role": None,
        "pending": None,
    }


def test_clones(status: Dict[str, Any]) -> None:
    ping = find(status, "ping")
    assert ping["clone"] == "ping-clone"
    assert ping["nodes"] == ["c1", "c2"]
    roles = {one["role"]: one["nodes"] for one in status["resources"] if one["id"] == "db"}
    assert roles == {"Promoted": ["c1"], "Unpromoted": ["c2"]}


def test_the_odd_ones(status: Dict[str, Any]) -> None:
    assert find(status, "off")["target_role"] == "Stopped"
    assert find(status, "gone")["orphaned"]
    assert find(status, "bad")["failed"]
    assert find(status, "fence-c1")["agent"] == "stonith:fence_ipmilan"
    assert find(status, "hb-podman-0")["bundle"] == "hb"


def test_failures_carry_the_agents_own_reason(status: Dict[str, Any]) -> None:
    bad = next(failure for failure in status["failures"] if failure["resource"] == "bad")
    text = bad.pop("text")
    assert bad == {
        "resource": "bad",
        "node": "c1",
        "operation": "start",
        "interval_ms": 0,
        "rc": 1,
        "status": "complete",
        "reason": "cannot open /x: it's gone",
        "at": "2025-11-21 10:11:12Z",
    }
    assert text.startswith("start of bad on c1 failed: error")
    assert text.endswith(": cannot open /x: it's gone")
    db = next(failure for failure in status["failures"] if failure["resource"] == "db")
    assert (db["operation"], db["interval_ms"], db["rc"], db["reason"]) == ("monitor", 10000, 8, db["reason"])


def test_how_often_what_has_failed(status: Dict[str, Any]) -> None:
    (bad,) = (one for one in status["fail_counts"] if one["resource"] == "bad")
    assert (bad["node"], bad["count"], bad["threshold"]) == ("c1", 1000000, 1000000)


@pytest.mark.parametrize(("written", "count"), [("3", 3), ("1000000", 1000000), ("INFINITY", 1000000)])
def test_a_fail_count_as_each_release_writes_it(written: str, count: int) -> None:
    monitor = (
        '<pacemaker-result><node_history><node name="c1"><resource_history id="web:0" fail-count="%s" migration-threshold="3"'
        ' last-failure="2026-11-21 10:11:12Z"/><resource_history id="vip" migration-threshold="3"/></node></node_history>'
        "</pacemaker-result>" % written
    ).encode()
    assert read_status(monitor)["fail_counts"] == [{"resource": "web", "node": "c1", "count": count, "threshold": 3}]


def test_bans_of_an_operator(status: Dict[str, Any]) -> None:
    assert status["bans"] == [{"id": "cli-ban-vip-on-c2", "resource": "vip", "node": "c2", "until": None}]


def test_a_ban_with_a_life_time() -> None:
    rule = (
        '<rsc_location id="cli-prefer-vip" rsc="vip"><rule id="r" score="INFINITY"><expression id="e" attribute="#uname"'
        ' operation="eq" value="c2"/><date_expression id="d" operation="lt" end="2030-01-01"/></rule></rsc_location>'
    )
    cib = f"<cib><configuration><constraints>{rule}</constraints></configuration></cib>".encode()
    assert read_status(b"<pacemaker-result/>", cib)["bans"] == [
        {"id": "cli-prefer-vip", "resource": "vip", "node": "c2", "until": "2030-01-01"}
    ]


def test_fencing_history() -> None:
    monitor = (
        b'<pacemaker-result><fence_history status="0"><fence_event action="reboot" target="c2" client="pacemaker-controld.7"'
        b' origin="c1" status="success" delegate="c1" completed="2026-11-21 10:11:12Z"/></fence_history></pacemaker-result>'
    )
    assert read_status(monitor, b"<cib/>")["fencing"] == [
        {"target": "c2", "action": "reboot", "state": "success", "origin": "c1", "at": "2026-11-21 10:11:12Z"}
    ]


def test_an_empty_answer_is_no_crash() -> None:
    status = read_status(b"<pacemaker-result/>", b"<cib/>", idle=True)
    assert status["nodes"] == status["resources"] == status["failures"] == status["bans"] == []
    assert status["cluster"]["dc"] is None
    assert status["cluster"]["idle"] is True


@pytest.mark.parametrize("data", [b"", b"crm_mon: Error", b"<cib"])
def test_what_is_not_xml_is_a_tool_failure(data: bytes) -> None:
    for read in (failures, resources):
        with pytest.raises(AgentError) as caught:
            read(data)
        assert caught.value.code == "tool.failed"


def test_an_instance_without_a_node_is_left_out_when_others_run() -> None:
    instance = '<resource id="p" resource_agent="x" role="{}">{}</resource>'
    running = instance.format("Started", '<node name="c1"/>')
    text = f'<r><resources><clone id="pc">{running}{instance.format("Stopped", "")}</clone></resources></r>'
    assert [one["nodes"] for one in resources(text.encode())] == [["c1"]]
    assert (
        len(resources(b'<r><resources><clone id="pc"><resource id="p" role="Stopped"/></clone></resources></r>')) == 1
    )


@pytest.mark.parametrize("path", sorted(DATA.glob("live-*.xml")), ids=lambda path: path.stem)
def test_what_running_clusters_said(path: pathlib.Path) -> None:
    status = read_status(path.read_bytes())
    assert status["cluster"]["dc"] in [node["id"] for node in status["nodes"]]
    assert status["cluster"]["quorate"]
    assert all(node["online"] and node["type"] == "member" for node in status["nodes"])
    vip = find(status, "vip")
    assert (vip["agent"], vip["role"], len(vip["nodes"])) == ("ocf:heartbeat:IPaddr2", "Started", 1)
    if path.stem == "live-2.1.5":
        fenced = {"target": "c1", "action": "reboot", "state": "success", "origin": "c2", "at": "2026-11-21 13:43:54Z"}
        assert status["fencing"] == [fenced]
