# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why something does not run: in each case the scheduler of each suite agrees that there is nothing left to do."""

from __future__ import annotations

import pathlib
from typing import Callable, Dict, List

import pytest
from clusters import LEFT, Cluster, bundle, clone, group, location, operation, primitive, tools_for

from tandem_agent.cib.tree import parse
from tandem_agent.pacemaker.explain import Unmet, unmet
from tandem_agent.pacemaker.history import under_way
from tandem_agent.pacemaker.simulate import Graph
from tandem_agent.pacemaker.status import read_status

pytestmark = pytest.mark.offline
Look = Callable[[Cluster], List[Unmet]]

A, B = primitive("a"), primitive("b")
AB = '<rsc_order id="ab" first="a" then="b"/>'
WITH = '<rsc_colocation id="b-with-a" rsc="b" with-rsc="a" score="INFINITY"/>'
NEVER = location("n1", "a", "c1") + location("n2", "a", "c2")
EVERYWHERE = {"c1": {"standby": "on"}, "c2": {"standby": "on"}}
PINGED = (
    '<rsc_location id="connected" rsc="a"><rule id="r" score="-INFINITY" boolean-op="or">'
    '<expression id="e1" attribute="pingd" operation="lt" value="1"/>'
    '<expression id="e2" attribute="pingd" operation="not_defined"/></rule></rsc_location>'
)
DEVICE = primitive("fence-c1")


@pytest.fixture
def look(any_suite: str, tmp_path: pathlib.Path) -> Look:
    """What `a` and `b` lack, on a cluster that has nothing to do."""

    def at(cluster: Cluster) -> List[Unmet]:
        tools = tools_for(any_suite, tmp_path / "cib.xml", cluster)
        text = cluster.text().encode()
        root = parse(text)
        graph = Graph(tools.graph(text), root)
        assert graph.idle and not under_way(root), graph.steps()
        return unmet(root, read_status(tools.monitor(), text, idle=True), {"a", "b", "g", "as", "box"})

    return at


def attributes(cluster: Cluster, given: Dict[str, Dict[str, str]]) -> Cluster:
    for node, values in given.items():
        cluster.set(node, **values)
    return cluster.probed_all()


NOWHERE = [
    (Cluster(A, stop_all_resources="true"), "the property stop-all-resources is true"),
    (Cluster(A, stonith_enabled="true"), "fencing is enabled, but there is no fence device: then nothing is started"),
    (Cluster(A, constraints=NEVER), "not on c1: n1 keeps it away; not on c2: n2 keeps it away"),
    (Cluster(A, symmetric_cluster="false"), "not on c1 and c2: no constraint allows it there (symmetric-cluster is false)"),
    (Cluster(primitive("a", is_managed="false")), "it is not managed (is-managed or maintenance)"),
    (attributes(Cluster(A), EVERYWHERE), "not on c1 and c2: it is in standby"),
    (Cluster(A, constraints=location("n1", "a", "c1")).lost("c2", LEFT), "not on c1: n1 keeps it away; not on c2: it is offline"),
    (
        Cluster(A, constraints='<rsc_ticket id="t" rsc="a" ticket="east" loss-policy="stop"/>'),
        "the ticket east is not granted here (t)",
    ),
    (Cluster(A, constraints=PINGED), "not on c1 and c2: connected keeps it away because of a node attribute"),
    (
        attributes(Cluster(A, node_health_strategy="migrate-on-red"), {"c1": {"#health-disk": "red"}, "c2": {"standby": "on"}}),
        "not on c1: it is not healthy (#health-disk is red); not on c2: it is in standby",
    ),
    (
        Cluster(group("g", primitive("x", target_role="Stopped"), A)),
        "it starts after x in its group, which is disabled (target-role)",
    ),
    (
        Cluster(A, primitive("x", target_role="Stopped"), constraints='<rsc_order id="xa" first="x" then="a"/>'),
        "it waits for start of x (xa), which is disabled (target-role)",
    ),
    (
        Cluster(A, primitive("x"), constraints=location("n1", "x", "c1") + location("n2", "x", "c2")
                + '<rsc_colocation id="ax" rsc="a" with-rsc="x" score="INFINITY"/>'),
        "it must be with x (ax), which does not run: not on c1: n1 keeps it away; not on c2: n2 keeps it away",
    ),
    (
        Cluster(A, primitive("x", target_role="Stopped"), constraints='<rsc_order id="set"><resource_set id="s1">'
                '<resource_ref id="x"/><resource_ref id="a"/></resource_set></rsc_order>'),
        "it waits for start of x (set), which is disabled (target-role)",
    ),
    (
        Cluster(A, clone("dbs", primitive("x"), promotable="true"),
                constraints='<rsc_order id="xa" first="dbs" first-action="promote" then="a" then-action="start"/>')
        .ran("x", "c1").ran("x", "c2"),
        "it waits for promote of dbs (xa), which is promoted nowhere: its agent has given no node a promotion score",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("cluster", "reason"), NOWHERE, ids=[reason[:60] for _cluster, reason in NOWHERE])
def test_it_runs_nowhere(look: Look, cluster: Cluster, reason: str) -> None:
    found = look(cluster.probed_all())
    assert [str(one) for one in found] == [f"a runs nowhere: {reason}"]
    assert found[0].why.passing == any(word in reason for word in ("attribute", "healthy", "promotion score"))


def test_without_quorum(look: Look) -> None:
    cluster = Cluster(A).probed_all()
    cluster.quorate = False
    assert [str(one) for one in look(cluster)] == [
        "a runs nowhere: this partition has no quorum (no-quorum-policy stop)"
    ]
    ignoring = Cluster(A, no_quorum_policy="ignore").ran("a", "c1").probed_all()
    ignoring.quorate = False
    assert look(ignoring) == []


def test_what_failed_too_often(look: Look) -> None:
    cluster = Cluster(primitive("a", migration_threshold="3"), constraints=location("n2", "a", "c2"))
    cluster.ran("a", "c1", rc=1, reason="no such nic").ran("a", "c1", "stop").probed_all()
    cluster.set("c1", **{"fail-count-a#start_0": "3"})
    (found,) = look(cluster)
    assert "not on c1: it failed there 3 times (migration-threshold 3): start of a on c1 failed" in found.why.text
    assert "no such nic" in found.why.text and "not on c2: n2 keeps it away" in found.why.text
    assert not found.why.passing


def test_an_agent_that_is_not_installed_or_not_configured(look: Look) -> None:
    absent = Cluster(A).probed("a", "c1", rc=5, reason="no httpd").probed("a", "c2", rc=5, reason="no httpd")
    assert [one.why.text for one in look(absent)] == ["not on c1 and c2: monitor failed there: not installed: no httpd"]
    wrong = Cluster(A).ran("a", "c1", rc=6, reason="ip is missing").ran("a", "c1", "stop").probed_all()
    (found,) = look(wrong)
    assert "its agent says that it is not configured" in found.why.text and "ip is missing" in found.why.text


def test_a_stop_that_failed_blocks(look: Look) -> None:
    stuck = operation("s", "stop", on_fail="block")
    cluster = (
        Cluster(primitive("a", inside=stuck)).ran("a", "c1").ran("a", "c1", "stop", rc=1, reason="busy").probed_all()
    )
    (found,) = look(cluster)
    assert str(found).startswith("a is blocked: stop of a on c1 failed") and "busy" in found.why.text
    assert not found.why.passing


def test_a_place_that_company_takes(look: Look) -> None:
    apart = '<rsc_colocation id="apart" rsc="b" with-rsc="a" score="-INFINITY"/>'
    cluster = Cluster(A, B, constraints=apart + location("n2", "b", "c2") + location("p", "a", "c2"))
    (found,) = look(cluster.ran("a", "c1").probed_all())
    assert (
        str(found)
        == "b runs nowhere: not on c1: a, which it must not be with, is there (apart); not on c2: n2 keeps it away"
    )
    together = Cluster(A, B, constraints=WITH + location("n1", "b", "c1") + location("p", "a", "c2"))
    (found,) = look(together.ran("a", "c1").probed_all())
    assert found.why.text == "not on c1: n1 keeps it away; not on c2: a, which it must be with, is on c1 (b-with-a)"


def test_chains_are_told_to_their_end(look: Look) -> None:
    cluster = Cluster(A, B, constraints=NEVER + AB)
    assert str(look(cluster.probed_all())[1]) == (
        "b runs nowhere: it waits for start of a (ab), which does not run: not on c1: n1 keeps it away; not on c2: n2 keeps it away"
    )
    circle = (
        Cluster(A, B, constraints=AB + '<rsc_order id="ba" first="b" then="a"/>')
        .set("c1", standby="on")
        .set("c2", standby="on")
    )
    assert len(look(circle.probed_all())) == 2  # a circle ends


def test_promotion(look: Look) -> None:
    cluster = Cluster(clone("as", A, promotable="true")).ran("a", "c1").ran("a", "c2")
    (found,) = look(cluster)
    assert str(found) == "a is promoted nowhere: its agent has given no node a promotion score" and found.why.passing
    banned = Cluster(
        clone("as", A, promotable="true"),
        constraints="".join(
            f'<rsc_location id="n{node}" rsc="as" role="Master" node="{node}" score="-INFINITY"/>'
            for node in ("c1", "c2")
        ),
    )
    banned.ran("a", "c1").ran("a", "c2").set("c1", **{"master-a": "10"}).set("c2", **{"master-a": "10"})
    assert [str(one) for one in look(banned)] == ["a is promoted nowhere: nc1 keeps it away"]
    assert look(Cluster(clone("as", A, promotable="true", target_role="Slave")).ran("a", "c1").ran("a", "c2")) == []


def test_what_is_as_it_should_be(look: Look) -> None:
    assert look(Cluster(A, B).ran("a", "c1").ran("b", "c2").probed_all()) == []
    assert look(Cluster(primitive("a", target_role="Stopped")).probed_all()) == []
    assert look(Cluster(group("g", A, target_role="Stopped")).probed_all()) == []
    assert look(Cluster(clone("as", A)).ran("a", "c1").set("c2", standby="on").probed_all()) == []
    assert look(Cluster(A, maintenance_mode="true").probed_all()) == []
    disabled = Cluster(A)
    disabled.defaults["target-role"] = "Stopped"
    assert look(disabled.probed_all()) == []


def test_a_bundle_from_the_outside_in(look: Look) -> None:
    parts = ["box-podman-0", "box-podman-1", "box-0", "box-1"]
    standing = Cluster(bundle("box", A)).probed_all(*parts).set("c1", standby="on").set("c2", standby="on")
    assert [str(one) for one in look(standing)] == [
        "a runs nowhere: no container of the bundle box runs: not on c1 and c2: it is in standby"
    ]
    banned = Cluster(bundle("box", A), constraints=location("n1", "box", "c1") + location("n2", "box", "c2"))
    (found,) = look(banned.probed_all(*parts))
    assert (
        found.why.text
        == "no container of the bundle box runs: not on c1: n1 keeps it away; not on c2: n2 keeps it away"
    )


def test_lost_nodes_and_fence_devices(look: Look) -> None:
    cluster = Cluster(A, DEVICE, constraints=location("n1", "a", "c1"), no_quorum_policy="ignore").lost("c2", LEFT)
    assert "not on c2: it is offline" in look(cluster.ran("fence-c1", "c1").probed_all())[0].why.text
    off = Cluster(DEVICE)  # fencing is disabled: then devices are not started, and that is meant
    text = off.probed_all().text()
    status = {"cluster": {"maintenance": False, "stonith_enabled": False, "quorate": True, "dc": "c1"}, "resources": [],
              "nodes": [], "failures": []}  # fmt: skip
    assert unmet(parse(text.encode()), status, {"fence-c1"}) == []
