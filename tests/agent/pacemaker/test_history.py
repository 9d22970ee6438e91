# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of the nodes: what runs where by them, what is under way, what happened between two looks."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import pytest
from clusters import Cluster, primitive

from tandem_agent.cib.tree import parse
from tandem_agent.pacemaker.history import done_since, places, records, under_way

pytestmark = pytest.mark.offline


def tree(cluster: Cluster) -> Element:
    return parse(cluster.text().encode())


def test_where_things_run_by_the_records() -> None:
    cluster = (
        Cluster()
        .ran("a", "c1")
        .probed("a", "c2")
        .probed("found", "c2", rc=0)
        .ran("gone", "c1")
        .ran("gone", "c1", "stop")
    )
    cluster.ran("db", "c1").ran("db", "c1", "promote").ran("db", "c2").ran("db", "c2", "demote")
    assert places(tree(cluster)) == {
        "c1": {"a": "Started", "db": "Promoted"},
        "c2": {"found": "Started", "db": "Started"},
    }


def test_what_failed_counts_as_running_until_it_is_stopped() -> None:
    cluster = Cluster().ran("a", "c1", rc=1).ran("b", "c1").ran("b", "c1", "monitor", interval=10000, rc=7)
    cluster.ran("c", "c1").ran("c", "c1", "stop", rc=1).probed("d", "c1", rc=5).ran("e", "c1", status=-1)
    assert places(tree(cluster)) == {"c1": dict.fromkeys("abce", "Started")}


def test_instances_that_are_told_apart() -> None:
    cluster = Cluster().ran("u:0", "c1").probed("u:1", "c1").ran("u:1", "c2").ran("u:1", "c2", "promote")
    assert places(tree(cluster)) == {"c1": {"u": "Started"}, "c2": {"u": "Promoted"}}


def test_a_migration_leaves_one_node_for_the_other() -> None:
    cluster = Cluster().ran("a", "c1").ran("a", "c1", "migrate_to").ran("a", "c2", "migrate_from")
    assert places(tree(cluster)) == {"c2": {"a": "Started"}}


@pytest.mark.parametrize(
    "state",
    [
        {"in_ccm": "true", "crmd": "offline"},
        {"in_ccm": "1763719200", "crmd": "0"},
        {"in_ccm": "false", "crmd": "online"},
    ],
)
def test_what_a_lost_node_began_will_never_end(state: dict) -> None:  # type: ignore[type-arg]
    cluster = Cluster().ran("a", "c1", status=-1).ran("a", "c2", status=-1).lost("c2", state)
    assert [(record.node, record.operation) for record in under_way(tree(cluster))] == [("c1", "start")]
    newer = Cluster().ran("a", "c1", status=-1).lost("c1", {"in_ccm": "1763719200", "crmd": "1763719201"})
    assert len(under_way(tree(newer))) == 1


def test_failed_means_otherwise_than_expected() -> None:
    cluster = (
        Cluster()
        .probed("a", "c1")
        .probed("b", "c1", rc=0)
        .ran("c", "c1", rc=1, reason="no disk")
        .ran("d", "c1", status=2)
    )
    assert {record.resource: record.failed for record in records(tree(cluster))} == {
        "a": False,
        "b": True,
        "c": True,
        "d": True,
    }


def test_what_was_done_since() -> None:
    cluster = Cluster(primitive("a")).ran("a", "c1").ran("b", "c1")
    before = tree(cluster)
    cluster.ran("a", "c1", "stop").ran("a", "c2").probed("c", "c2").ran("b", "c1", "monitor", interval=10000)
    cluster.ran("d", "c2", status=-1)
    assert done_since(before, tree(cluster)) == {("a", "c1", "stop"), ("a", "c2", "start")}
    assert done_since(before, before) == frozenset()
