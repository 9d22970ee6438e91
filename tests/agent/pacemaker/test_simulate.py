# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What will happen, as the scheduler of each suite sees it: every kind of action, and the guard that judges them."""

from __future__ import annotations

import pathlib
from typing import Any, Callable, List

import pytest
from clusters import NO_PARAMETERS, Cluster, bundle, clone, group, location, nvset, operation, primitive, tools_for

from tandem_agent.cib.tree import parse
from tandem_agent.pacemaker.simulate import Action, Graph, guard

pytestmark = pytest.mark.offline
Foresee = Callable[[Cluster], Graph]

FENCES = primitive("fence-c1") + primitive("fence-c2")
MOVABLE = primitive("a", inside=operation("am", "monitor", "10s"), allow_migrate="true")


@pytest.fixture
def foresee(any_suite: str, tmp_path: pathlib.Path) -> Foresee:
    def graph(cluster: Cluster) -> Graph:
        tools = tools_for(any_suite, tmp_path / "cib.xml", cluster)
        text = cluster.text().encode()
        return Graph(tools.graph(text), parse(text))

    return graph


def told(graph: Graph) -> List[str]:
    return [str(action) for action in graph.actions()]


def test_start_stop_restart_and_move(foresee: Foresee) -> None:
    assert told(foresee(Cluster(primitive("a"), primitive("b")))) == ["start a on c1", "start b on c2"]
    running = Cluster(primitive("a", target_role="Stopped")).ran("a", "c1")
    assert told(foresee(running)) == ["stop a on c1"]
    away = Cluster(primitive("a"), constraints=location("l", "a", "c1")).ran("a", "c1").probed("a", "c2")
    assert told(foresee(away)) == ["move a from c1 to c2"]
    failed = Cluster(primitive("a")).ran("a", "c1").ran("a", "c1", "monitor", interval=10000, rc=7).probed("a", "c2")
    assert told(foresee(failed)) == ["restart a on c1"]


def test_a_clone_is_told_instance_by_instance(foresee: Foresee) -> None:
    assert told(foresee(Cluster(clone("pings", primitive("ping"))))) == ["start ping on c1", "start ping on c2"]
    leaving = Cluster(clone("pings", primitive("ping"))).ran("ping", "c1").ran("ping", "c2").set("c2", standby="on")
    assert told(foresee(leaving)) == ["stop ping on c2"]


def db(**meta: str) -> Cluster:
    cluster = Cluster(clone("dbs", primitive("db"), promotable="true", **meta))
    return cluster.ran("db", "c1").ran("db", "c1", "promote").ran("db", "c2")


def test_promote_and_demote(foresee: Foresee) -> None:
    scores = {"master-db": "10"}
    assert told(foresee(db(target_role="Slave").set("c1", **scores).set("c2", **scores))) == ["demote db on c1"]
    swap = db().set("c1", **{"master-db": "5"}).set("c2", **{"master-db": "50"})
    assert told(foresee(swap)) == ["demote db on c1", "promote db on c2"]
    fresh = Cluster(clone("dbs", primitive("db"), promotable="true")).ran("db", "c1").ran("db", "c2")
    assert told(foresee(fresh.set("c2", **scores))) == ["promote db on c2"]


def test_a_promoted_instance_that_stops_is_not_told_twice(foresee: Foresee) -> None:
    leaving = db().set("c1", standby="on", **{"master-db": "10"})
    assert told(foresee(leaving)) == ["stop db on c1"]


def test_a_live_migration(foresee: Foresee) -> None:
    cluster = Cluster(MOVABLE, constraints=location("l", "a", "c1")).ran("a", "c1").probed("a", "c2")
    assert told(foresee(cluster)) == ["migrate a from c1 to c2"]


def test_a_reload(foresee: Foresee) -> None:
    """The digest of all parameters differs, that of those which need a restart does not (only `state` would)."""
    reloadable = f' op-force-restart=" state " op-restart-digest="{NO_PARAMETERS}"'
    changed = nvset("instance_attributes", "ai", {"fake": "2"})
    cluster = Cluster(primitive("a", inside=changed)).ran("a", "c1", digest="0", also=reloadable).probed("a", "c2")
    assert told(foresee(cluster)) == ["reload a on c1"]


def test_fencing_and_what_stops_by_it(foresee: Foresee) -> None:
    cluster = Cluster(FENCES, primitive("a"), clone("pings", primitive("ping")), stonith_enabled="true").lost("c2")
    cluster.ran("a", "c2").ran("ping", "c1").ran("ping", "c2").ran("fence-c1", "c2").ran("fence-c2", "c1")
    graph = foresee(cluster)
    assert graph.fences == ["c2"]
    assert told(graph) == ["fence c2", "move a from c2 to c1", "move fence-c1 from c2 to c1", "stop ping on c2"]


def test_a_promoted_instance_of_a_fenced_node_is_taken_over(foresee: Foresee) -> None:
    cluster = db().set("c2", **{"master-db": "5"}).lost("c1").ran("fence-c1", "c2")
    cluster.resources += FENCES
    cluster.properties["stonith-enabled"] = "true"
    assert told(foresee(cluster)) == ["fence c1", "stop db on c1", "promote db on c2", "start fence-c2 on c2"]


def test_unfencing_is_no_fencing(foresee: Foresee) -> None:
    scsi = primitive("fence-scsi", 'class="stonith" type="fence_scsi"', provides="unfencing")
    graph = foresee(Cluster(scsi, stonith_enabled="true"))
    assert graph.fences == []
    assert told(graph) == ["unfence c1", "unfence c2", "start fence-scsi on c1"]


def test_a_bundle_with_its_containers_and_what_is_in_them(foresee: Foresee) -> None:
    cluster = Cluster(bundle("hb", primitive("inner")))
    assert told(foresee(cluster)) == [
        "start hb-0 on c1", "start hb-1 on c2", "start hb-podman-0 on c1", "start hb-podman-1 on c2",
        "start inner on hb-0", "start inner on hb-1",
    ]  # fmt: skip


def test_each_step_with_what_it_waits_for(foresee: Foresee) -> None:
    cluster = Cluster(group("g", primitive("a"), primitive("b")), constraints=location("l", "g", "c2"))
    for node in ("c1", "c2"):
        cluster.probed("a", node).probed("b", node)
    assert sorted(foresee(cluster).steps()) == ["start a on c1", "start b on c1 (after start a on c1)"]
    cluster.ran("a", "c1").ran("b", "c1")
    assert foresee(cluster).idle and foresee(cluster).steps() == []
    unseen = Cluster(primitive("a", target_role="Stopped"))
    assert not foresee(unseen).idle and foresee(unseen).steps() == ["2 probes and monitors"]


# -- the guard


def judged(*actions: Action, resources: Any = (), nodes: Any = (), allow: Any = ()) -> List[str]:
    return guard(actions, set(resources), set(nodes), set(allow))


def test_the_guard() -> None:
    stop, fence = Action("stop", "a", "c1"), Action("fence", None, "c2")
    assert judged(stop) == ["it would stop a on c1 although the request does not name it (allow: stop)"]
    assert judged(fence) == ["it would fence c2 (allow: fence)"]
    assert judged(stop, fence, allow=["stop", "fence"]) == []
    assert judged(stop, resources=["a"]) == judged(stop, nodes=["c1"]) == []
    assert judged(stop, Action("start", "a", "c2")) == []  # another instance takes over
    assert judged(Action("demote", "a", "c1"), Action("promote", "a", "c2")) == []
    assert judged(Action("move", "a", "c2", "c1"), Action("restart", "b", "c1"), Action("unfence", None, "c1")) == []
    assert guard((stop,), set(), set(), set(), already=(stop,)) == []


def test_the_guard_blames_the_fencing_not_what_stops_by_it() -> None:
    actions = Action("fence", None, "c2"), Action("stop", "ping", "c2")
    assert judged(*actions) == ["it would fence c2 (allow: fence)"]
    assert judged(*actions, allow=["fence"]) == []


def test_what_is_inside_a_container_is_judged_by_the_container() -> None:
    inside, container = Action("stop", "inner", "box-0"), Action("stop", "box-podman-0", "c2")
    guests = {"box-0": "box-podman-0"}
    assert guard((inside, container), set(), {"c2"}, set(), guests=guests) == []
    assert guard((inside, container), set(), set(), set(), guests=guests) == [
        "it would stop box-podman-0 on c2 although the request does not name it (allow: stop)"
    ]
    assert guard((inside,), set(), set(), set(), guests=guests) != []  # the container stays: it was meant
