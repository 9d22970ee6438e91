# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened against what was foreseen: every contradiction is a sentence, and nothing else is one.

The second half lets the scheduler of each suite foresee and its own simulator act: then all must match.
"""

from __future__ import annotations

import copy
import pathlib
from typing import Any, Dict, List, Sequence

import pytest
from clusters import Cluster, bundle, clone, group, location, operation, primitive, tools_for

from tandem_agent.cib.tree import parse
from tandem_agent.pacemaker.compare import mismatches
from tandem_agent.pacemaker.simulate import Action, Graph

pytestmark = pytest.mark.offline


def differ(before: Cluster, after: Cluster, *actions: Action, **more: Any) -> List[str]:
    trees = [parse(cluster.text().encode()) for cluster in (before, after)]
    return mismatches(actions, trees[0], trees[1], more.get("failures", []), more.get("fenced", []))


def running() -> Cluster:
    return Cluster().ran("a", "c1").ran("b", "c2").ran("db", "c1").ran("db", "c1", "promote").ran("db", "c2")


def later(cluster: Cluster, *steps: Sequence[Any]) -> Cluster:
    made = copy.deepcopy(cluster)
    for step in steps:
        made.ran(*step)
    return made


START, STOP, MOVE = Action("start", "x", "c1"), Action("stop", "a", "c1"), Action("move", "a", "c2", "c1")
RESTART, PROMOTE, DEMOTE = Action("restart", "a", "c1"), Action("promote", "db", "c2"), Action("demote", "db", "c1")


@pytest.mark.parametrize(
    ("actions", "steps"),
    [
        ([], []),
        ([START], [("x", "c1")]),
        ([STOP], [("a", "c1", "stop")]),
        ([MOVE], [("a", "c1", "stop"), ("a", "c2")]),
        (
            [Action("migrate", "a", "c2", "c1")],
            [("a", "c1", "migrate_to"), ("a", "c2", "migrate_from"), ("a", "c1", "stop")],
        ),
        ([RESTART], [("a", "c1", "stop"), ("a", "c1")]),
        ([Action("reload", "a", "c1")], [("a", "c1")]),  # a reload is recorded as a start
        ([PROMOTE, DEMOTE], [("db", "c1", "demote"), ("db", "c2", "promote")]),
        ([START], [("x", "c1"), ("x", "c1", "promote"), ("y", "c2")]),  # what follows from it
        (
            [Action("demote", "db", "c1"), Action("promote", "db", "c1")],
            [("db", "c1", "demote"), ("db", "c1", "promote")],
        ),
    ],
)
def test_all_came_as_foreseen(actions: List[Action], steps: List[Any]) -> None:
    assert differ(running(), later(running(), *steps), *actions) == []


@pytest.mark.parametrize(
    ("actions", "steps", "said"),
    [
        ([START], [], "foreseen: start x on c1; but x runs nowhere"),
        ([START], [("x", "c2")], "foreseen: start x on c1; but x runs on c2"),
        ([STOP], [], "foreseen: stop a on c1; but a still runs there"),
        ([MOVE], [("a", "c1", "stop")], "foreseen: move a from c1 to c2; but a runs nowhere"),
        ([MOVE], [("a", "c2")], "foreseen: move a from c1 to c2; but a runs on c1 as well"),
        ([RESTART], [], "foreseen: restart a on c1; but a was left alone"),
        ([PROMOTE], [], "foreseen: promote db on c2; but db was not promoted there"),
        ([DEMOTE], [], "foreseen: demote db on c1; but db is still promoted there"),
        ([], [("a", "c1", "stop")], "a was stopped on c1, which was not foreseen"),
        ([], [("a", "c1", "stop"), ("a", "c1")], "a was restarted on c1, which was not foreseen"),
        ([], [("db", "c1", "demote")], "db was demoted on c1, which was not foreseen"),
        ([], [("y", "c2")], "y was started on c2, which was not foreseen"),
        ([START], [("x", "c1"), ("b", "c2", "stop"), ("b", "c2")], "b was restarted on c2, which was not foreseen"),
        ([], [("db", "c2", "promote")], "db was promoted on c2, which was not foreseen"),
    ],
)
def test_each_contradiction(actions: List[Action], steps: List[Any], said: str) -> None:
    assert said in differ(running(), later(running(), *steps), *actions)


def test_the_agents_reason_is_told() -> None:
    failure: Dict[str, Any] = {"resource": "a", "node": "c2", "text": "start of a on c2 failed: no such nic"}
    (told,) = differ(running(), later(running(), ("a", "c1", "stop")), MOVE, failures=[failure])
    assert told.endswith("but a runs nowhere (start of a on c2 failed: no such nic)")


def test_fencing() -> None:
    fence, moved = Action("fence", None, "c2"), Action("move", "b", "c1", "c2")
    before, after = running(), later(running(), ("b", "c1"))
    after.history["c2"] = {}  # of a fenced node nothing is remembered
    assert differ(before, after, fence, moved) == []
    assert differ(before, after, fence, moved, fenced=[{"target": "c2"}]) == []
    assert "c2 was fenced, which was not foreseen" in differ(before, after, moved, fenced=[{"target": "c2"}])
    assert "b was stopped on c2, which was not foreseen" not in differ(before, after, moved)
    assert differ(before, later(running(), ("b", "c2", "stop"), ("b", "c1")), fence, moved) == [
        "c2 was to be fenced, but was not"
    ]


DB = clone("dbs", primitive("db"), promotable="true")
SCORES = {"master-db": "10"}
MOVABLE = primitive("a", inside=operation("am", "monitor", "10s"), allow_migrate="true")
FENCES = primitive("fence-c1") + primitive("fence-c2")

PLAYS = {
    "start": Cluster(primitive("a"), clone("pings", primitive("ping"))),
    "stop": Cluster(primitive("a", target_role="Stopped")).ran("a", "c1").probed_all(),
    "move": Cluster(group("g", primitive("a"), primitive("b")), constraints=location("l", "g", "c1"))
    .ran("a", "c1").ran("b", "c1").probed_all(),
    "migrate": Cluster(MOVABLE, constraints=location("l", "a", "c1")).ran("a", "c1").probed_all(),
    "restart": Cluster(primitive("a")).ran("a", "c1", digest="0").probed_all(),
    "standby": Cluster(primitive("a"), clone("pings", primitive("ping"))).ran("a", "c2").ran("ping", "c1").ran("ping", "c2")
    .set("c2", standby="on").probed_all(),
    "promote": Cluster(DB).ran("db", "c1").ran("db", "c2").set("c1", **SCORES),
    "switch": Cluster(DB).ran("db", "c1").ran("db", "c1", "promote").ran("db", "c2").set("c2", **SCORES),
    "bundle": Cluster(bundle("box", primitive("a"))),
    "fence": Cluster(FENCES, primitive("a"), clone("pings", primitive("ping")), stonith_enabled="true", no_quorum_policy="ignore")
    .ran("a", "c2").ran("ping", "c1").ran("ping", "c2").ran("fence-c1", "c2").ran("fence-c2", "c1").lost("c2").probed_all(),
    "nothing": Cluster(primitive("a")).ran("a", "c1").probed_all(),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(PLAYS))
def test_what_the_scheduler_foresees_is_what_its_simulator_does(
    any_suite: str, tmp_path: pathlib.Path, name: str
) -> None:
    cluster = PLAYS[name]
    tools = tools_for(any_suite, tmp_path / "cib.xml", cluster)
    before = parse(cluster.text().encode())
    actions = Graph(tools.graph(cluster.text().encode()), before).actions()
    assert bool(actions) == (name != "nothing")
    text = cluster.text().encode()
    for _transition in range(8):
        if Graph(tools.graph(text)).idle:
            break
        play(any_suite, tmp_path / "in.xml", tmp_path / "out.xml", text)
        text = (tmp_path / "out.xml").read_bytes()
    assert Graph(tools.graph(text)).idle
    assert mismatches(actions, before, parse(text), [], []) == []


def play(suite: str, source: pathlib.Path, target: pathlib.Path, text: bytes) -> None:
    """Let the simulator act out one transition."""
    from tandem_agent.pacemaker.runner import Runner

    source.write_bytes(text)
    done = Runner([suite], {}).run(["crm_simulate", "--simulate", f"--xml-file={source}", f"--save-output={target}"])
    assert done.rc == 0, done.stderr
