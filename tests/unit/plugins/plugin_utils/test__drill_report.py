# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drill's numbers, its table, its picture, and the sum of many."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import fromstring

from ansible_collections.tandem.ha.plugins.plugin_utils._drill_report import drill, summary
from ansible_collections.tandem.ha.plugins.plugin_utils._timeline import svg

TIMING = {
    "token": 1500,
    "consensus": 600,
    "qdevice_timeout": 1750,
    "detection_min": 2.8,
    "detection_max": 3.7,
    "quorum": 0.3,
    "fencing_min": 1.3,
    "fencing_max": 2.5,
    "vip": 0.2,
    "total_min": 4.3,
    "total_max": 6.7,
}
CHOICE = {
    "cluster": "lab",
    "name": "drill-1",
    "fault": "power",
    "told": "its power was cut",
    "where": "target",
    "by": "module",
    "target": "c1",
    "holder": "c1",
    "vip": "vip",
    "moves": True,
    "may_move": True,
    "fenced": True,
    "timing": TIMING,
}
TIMES = {"lost": 103.1, "fenced": 105.6, "vip": 105.9, "back": 135.0, "serving": 140.0, "settled": 140.0}
WATCH = {"began": 98.0, "times": TIMES, "failures": []}
PROBE = {"probes": 400, "gaps": [{"from": 99.9, "to": 106.0, "seconds": 6.1}], "owners": 90, "twice": []}


def account(**other: Any) -> dict[str, Any]:
    return {
        "attempted": 11,
        "acknowledged": 10,
        "unsure": [4],
        "servers": [{"name": "c1", "at": 95.0}, {"name": "c2", "at": 106.5}],
        "errors": {"gone": 1},
        "gaps": [{"from": 99.9, "to": 106.4, "seconds": 6.5, "ended": True}],
        "longest": 6.5,
        "from": 95.0,
        "to": 140.0,
        **other,
    }


def test_what_was_predicted_stands_beside_what_was_measured() -> None:
    report = drill(CHOICE, WATCH, PROBE, at=100.0)
    assert report["measured"] == {
        "lost": 3.1,
        "fenced": 5.6,
        "vip": 5.9,
        "answers": 6.0,
        "back": 35.0,
        "serving": 40.0,
        "settled": 40.0,
    }
    assert report["predicted"] == {"lost": 3.7, "fenced": 6.2, "answers": 6.7}
    assert report["floor"] == {"lost": 2.8, "fenced": 4.1, "answers": 4.3}
    assert (report["silent"], report["silent_at_most"]) == (6.1, 6.7)
    assert report["table"][0] == "drill of lab: c1 (holder of the address), its power was cut"
    assert report["table"][2] == "membership lost                      2.8       3.7       3.1"
    assert "address silent for                     -       6.7       6.1" in report["table"]
    assert report["kept"]


def test_the_silence_is_made_of_parts() -> None:
    report = drill(CHOICE, WATCH, PROBE, at=100.0)
    assert report["timing"] == "1500/600/1750"
    assert report["parts"] == {"noticing": [2.8, 3.7, 3.1], "fencing": [1.3, 2.5, 2.5], "starting": [0.2, 0.5, 0.4]}
    assert report["table"][-1] == "of that starting                     0.2       0.5       0.4"
    never = {"began": 98.0, "times": {"lost": 103.1}}
    assert list(drill(CHOICE, never, None, at=100.0)["parts"]) == ["noticing"]
    assert drill(CHOICE, WATCH, PROBE)["parts"] == {}


def test_nothing_is_told_to_have_been_seen_before_it_happened() -> None:
    report = drill(CHOICE, {"began": 98.0, "times": {**TIMES, "lost": 99.96}}, PROBE, at=100.0)
    assert report["measured"]["lost"] == 0.0


def test_only_a_node_without_power_need_not_be_switched_off() -> None:
    report = drill({**CHOICE, "fault": "freeze"}, WATCH, PROBE, at=100.0)
    assert report["floor"] == {"lost": 2.8, "fenced": 5.3, "answers": 5.5}
    assert report["parts"]["fencing"] == [2.5, 2.5, 2.5]


def test_a_command_has_cut_the_power_before_it_says_so() -> None:
    report = drill({**CHOICE, "by": "command"}, WATCH, PROBE, at=100.7)
    assert report["began"] == 99.9
    assert report["measured"]["answers"] == report["silent"] == 6.1
    assert drill({**CHOICE, "by": "command", "may_move": False}, WATCH, PROBE, at=100.7)["began"] == 100.7


def test_a_fencing_on_request_is_known_when_the_node_is_missed() -> None:
    choice = {
        **CHOICE,
        "fault": "fence",
        "told": "it was fenced on request",
        "holder": "c2",
        "moves": False,
        "may_move": False,
    }
    report = drill(choice, WATCH, {"probes": 9, "gaps": []})
    assert report["began"] == 98.0
    assert report["predicted"] == {"lost": 4.2, "fenced": 4.5}
    assert (report["silent"], report["silent_at_most"]) == (0.0, 0.0)
    assert report["role"] == "standby"
    assert "answers" not in report["measured"]


def test_without_a_prediction_a_probe_or_clients_the_rest_is_told() -> None:
    report = drill({**CHOICE, "timing": None}, WATCH)
    assert report["predicted"] == {}
    assert report["silent"] is None
    assert report["clients"] == {}
    assert report["table"][-1].startswith("and no failed action is left")


def test_what_was_acknowledged_and_is_gone_is_wrong() -> None:
    audit = {"SQL": {"c1": {"found": 10, "lost": []}, "c2": {"found": 8, "lost": [7, 8]}}}
    report = drill(CHOICE, WATCH, PROBE, 100.0, {"accounts": {"SQL": account()}, "audit": audit, "apart": []})
    assert report["clients"]["SQL"]["lost"] == 2
    assert report["faults"] == ["SQL: 2 acknowledged requests are not at c2"]
    assert not report["kept"]
    assert "SQL                           6.50 s            10           1      2  c1, then c2" in report["table"]
    assert report["table"][-1] == "WRONG: SQL: 2 acknowledged requests are not at c2"


def test_a_place_that_could_not_be_asked_is_wrong_too() -> None:
    audit = {"SQL": {"c2": {"found": None, "lost": None, "error": "refused"}}}
    report = drill(CHOICE, WATCH, None, 100.0, {"accounts": {"SQL": account()}, "audit": audit})
    assert report["faults"] == ["SQL: c2 could not be asked: refused"]


def test_one_copy_may_be_lost_with_it_two_may_not() -> None:
    lost = {"c1": {"found": 9, "lost": [5]}}
    accounts = {"Redis": account(), "Redis+wait": account(acknowledged=9)}
    report = drill(
        CHOICE,
        WATCH,
        None,
        100.0,
        {"accounts": accounts, "audit": {"Redis": lost, "Redis+wait": {"c1": {"found": 9, "lost": []}}}},
    )
    assert report["clients"]["Redis"]["lost"] == 1
    assert report["faults"] == []
    report = drill(CHOICE, WATCH, None, 100.0, {"accounts": accounts, "audit": {"Redis": lost, "Redis+wait": lost}})
    assert report["faults"] == ["Redis+wait: 1 acknowledged requests are not at c1"]


def test_two_addresses_or_two_writers_are_wrong() -> None:
    probe = {**PROBE, "twice": [{"at": 103.0, "owners": ["aa", "bb"]}]}
    load = {"accounts": {}, "primaries": [{"at": 104.0, "members": ["c1", "c2"]}], "apart": ["SQL"]}
    assert drill(CHOICE, WATCH, probe, 100.0, load)["faults"] == [
        "3.0 s: the address was at aa and at bb",
        "4.0 s: c1 and c2 were primaries of Redis",
        "SQL: two members took what the other has not",
    ]


def test_behind_a_balancer_nobody_is_told_each_turn() -> None:
    servers = [{"name": name, "at": 95.0} for name in ("c2", "c1") * 9]
    report = drill(CHOICE, WATCH, PROBE, 100.0, {"accounts": {"HTTP": account(servers=servers)}, "audit": {}})
    assert any(line.endswith("  c1, c2 by turns") for line in report["table"])


def test_a_page_loses_nothing() -> None:
    report = drill(CHOICE, WATCH, PROBE, 100.0, {"accounts": {"HTTP": account()}, "audit": {}})
    assert report["clients"]["HTTP"]["lost"] is None
    assert report["kept"]


def test_the_picture_is_xml_with_a_lane_for_each_and_a_line_for_each_step() -> None:
    accounts = {"SQL <1>": account(), "never": account(gaps=[], longest=0.0, servers=[], **{"from": None, "to": None})}
    report = drill(CHOICE, WATCH, PROBE, 100.0, {"accounts": accounts, "audit": {}})
    picture = svg(report)
    root = fromstring(picture)
    words = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for word in ("address", "SQL <1>", "never", "fenced 5.6", "beginning 0.0", "6.5 s; 10", "silent for 6.1 s"):
        assert word in words, word
    red = [box for box in root.iter("{http://www.w3.org/2000/svg}rect") if box.get("fill") == "#c8402f"]
    assert len(red) == 2
    assert all(float(box.get("width", "0")) > 0 for box in red)


def test_drills_of_a_kind_are_one_row() -> None:
    reports = [
        drill(CHOICE, WATCH, PROBE, at, {"accounts": {"SQL": account(longest=gap)}, "audit": {}})
        for at, gap in ((100.0, 6.5), (99.0, 8.5), (100.5, 7.0))
    ]
    reports.append(drill({**CHOICE, "fault": "stop", "fenced": False}, WATCH, None, 100.0))
    found = summary([*reports, {"old": "report"}])
    assert [(row["fault"], row["drills"]) for row in found["rows"]] == [("power", 3), ("stop", 1)]
    first = found["rows"][0]
    assert first["measured"]["fenced"] == 5.6
    assert first["clients"]["SQL"] == {"longest": 7.0, "worst": 8.5, "acknowledged": 30, "lost": None}
    assert found["lines"][2].startswith(
        "| 1500/600/1750 | power | holder of the address | 3 | 3.1 | 5.6 | 6.0 | 35.0 |"
    )
    assert found["lines"][3].rstrip().endswith("| - | 0 |")
    assert found["lines"][-1] == (
        "| 1500/600/1750 | power | holder of the address | 3 | 2.8, 3.7, 3.1 | 1.3, 2.5, 2.5 | 0.2, 0.5, 0.4 |"
    )


def test_drills_with_other_timeouts_are_another_row() -> None:
    slow = {**CHOICE, "timing": {**TIMING, "token": 3000}}
    found = summary([drill(choice, WATCH, PROBE, at=100.0) for choice in (CHOICE, slow)])
    assert [row["timing"] for row in found["rows"]] == ["1500/600/1750", "3000/600/1750"]
    assert summary([drill({**CHOICE, "timing": None}, WATCH, None, at=100.0)])["lines"][-1].startswith("| - | power |")
