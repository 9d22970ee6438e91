# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill's table and the report of what differs."""

from __future__ import annotations

from ansible_collections.tandem.ha.plugins.plugin_utils._report import drift, drill

TIMING = {
    "detection_min": 2.8,
    "detection_max": 3.7,
    "quorum": 0.3,
    "fencing": 2.5,
    "vip": 0.2,
    "total_min": 5.5,
    "total_max": 6.7,
}
CHOICE = {"cluster": "lab", "target": "c1", "survivor": "c2", "vip": "vip", "moves": True, "timing": TIMING}
WATCH = {"began": 100.0, "times": {"lost": 103.1, "fenced": 105.6, "vip": 105.9, "back": 135.0, "settled": 140.0}}
PROBE = {"probes": 400, "gaps": [{"from": 99.9, "to": 106.0, "seconds": 6.1}]}


def test_a_power_cut_counts_from_the_cut():
    report = drill(CHOICE, {**WATCH, "began": 98.0}, PROBE, cut=100.0)
    assert report["measured"] == {"lost": 3.1, "fenced": 5.6, "vip": 5.9, "back": 35.0, "settled": 40.0, "answers": 6.0}
    assert report["predicted"] == {"lost": 3.7, "fenced": 6.2, "answers": 6.7}
    assert report["silent"] == 6.1
    assert report["table"][0] == "drill of lab: c1 (holder of the address), its power was cut"
    assert report["table"][2] == "membership lost                   <= 3.7         3.1"
    assert report["table"][-1] == "address silent for                <= 6.7         6.1"


def test_a_fencing_on_request_is_known_when_the_node_is_missed():
    report = drill({**CHOICE, "moves": False}, WATCH, {"probes": 9, "gaps": []})
    assert report["predicted"] == {"lost": 4.2, "fenced": 4.5}
    assert (report["silent"], report["silent_at_most"]) == (0.0, 0.0)
    assert "answers" not in report["measured"]


def test_without_a_prediction_or_a_probe_the_rest_is_told():
    report = drill({**CHOICE, "timing": None}, WATCH)
    assert report["predicted"] == {}
    assert report["silent"] is None
    assert report["table"][-1].startswith("everything as before")


STATUS = {
    "cluster": {"name": "lab", "dc": "c1", "quorate": True, "maintenance": True, "stonith_enabled": True},
    "nodes": [
        {
            "id": "c1",
            "online": True,
            "standby": True,
            "maintenance": False,
            "unclean": False,
            "pending": False,
            "type": "member",
        }
    ],
    "resources": [],
    "failures": [],
    "bans": [{"id": "cli-ban-vip-on-c1", "resource": "vip", "node": "c1"}],
}
DOCUMENT = {
    "resources": [{"id": "vip"}, {"id": "handmade"}],
    "stonith": [{"id": "fence-c1"}],
    "constraints": [{"id": "location-fence-c1-c1--INFINITY"}, {"id": "cli-ban-vip-on-c1"}],
}


def test_drift_tells_changes_decisions_and_what_is_foreign():
    declared = [
        {"kind": "primitive", "id": "vip"},
        {"kind": "primitive", "id": "fence-c1"},
        {"kind": "location", "id": "location-fence-c1-c1--INFINITY"},
    ]
    changes = [
        {"host": "c1", "task": "vip : Declare the virtual addresses", "details": ["update vip"]},
        {"host": "c2", "task": "x", "details": []},
    ]
    found = drift(changes, {"status": STATUS, "document": DOCUMENT}, declared)
    assert found["changes"] == ["c1: vip : Declare the virtual addresses: update vip", "c2: x"]
    assert found["foreign"] == ["resource handmade"]
    assert len(found["decisions"]) == 3
    assert found["lines"][0] == "a run of the site would change:"


def test_no_drift_is_said_too():
    assert drift([], {}, [])["lines"] == ["nothing differs from the inventory"]


def writes(**audit):
    return {
        "acknowledged": 10,
        "unsure": [4],
        "servers": ["c1", "c2"],
        "errors": {"gone": 1},
        "gaps": [{"from": 1.0, "to": 7.5, "seconds": 6.5}, {"from": 9.0, "to": 9.1, "seconds": 0.1}],
        "audit": audit,
    }


def test_what_became_of_writes_stands_below_the_table() -> None:
    choice = {"cluster": "lab", "target": "c1", "moves": True, "timing": None}
    watch = {"began": 100.0, "times": {"lost": 101.0}}
    found = drill(choice, watch, writes=writes(c1={"rows": 11, "lost": []}, c2={"rows": 9, "lost": [7, 8]}))
    assert found["sql"]["kept"] is False
    assert found["sql"]["lost"] == {"c1": 0, "c2": 2}
    assert found["table"][-4].split() == ["SQL", "writes", "silent", "for", "-", "6.5"]
    assert found["table"][-3:] == [
        "SQL: 10 acknowledged, 1 unanswered, taken by c1, then c2",
        "SQL: on c1 11 rows, 0 of them lost",
        "SQL: on c2 9 rows, 2 of them lost",
    ]


def test_a_server_that_could_not_be_asked_has_not_kept_anything() -> None:
    choice = {"cluster": "lab", "target": "c1", "moves": True, "timing": None}
    silent = {"rows": None, "lost": None, "error": "refused"}
    found = drill(choice, {"began": 1.0, "times": {}}, writes=writes(c1=silent))
    assert found["sql"]["kept"] is False
    assert found["table"][-1] == "SQL: on c1 0 rows, not known: refused"
