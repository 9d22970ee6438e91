# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters that are more than a call: changes with and without the callback, nodes from host variables."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.tandem.ha.plugins.callback.ha_changes import details
from ansible_collections.tandem.ha.plugins.filter.changes import changes
from ansible_collections.tandem.ha.plugins.filter.drill_report import drill_report
from ansible_collections.tandem.ha.plugins.filter.fencing_devices import fencing_devices
from ansible_collections.tandem.ha.plugins.filter.site_nodes import site_nodes

HOSTVARS = {
    "h1": {"ansible_host": "10.0.0.1", "fencing_devices": [{"params": {"ip": "10.0.0.9"}, "password": "s3cret-0"}]},
    "h2": {"cluster_node_name": "c2", "cluster_links": ["10.0.0.2", "10.1.0.2"]},
}


def test_changes_come_from_the_callbacks_file(tmp_path):
    path = tmp_path / "changes"
    path.write_text(json.dumps({"host": "c1", "task": "x", "details": []}) + "\n")
    assert changes(str(path), [{"host": "c9", "task": "y", "result": {"changed": True}}]) == [
        {"host": "c1", "task": "x", "details": []}
    ]


def test_without_the_callback_what_was_registered_has_to_do():
    results = [
        {"host": "c1", "task": "vip", "result": {"changed": True, "plan": [{"summary": "update vip"}]}},
        {"host": "c1", "task": "fencing", "result": {"changed": False, "plan": []}},
        {"host": "c1", "task": "membership", "result": {}},
    ]
    assert changes("", results) == [{"host": "c1", "task": "vip", "details": ["update vip"]}]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ({"plan": [{"summary": "update vip"}]}, ["update vip"]),
        ({"dest": "/etc/hosts"}, []),
        ({"changed": True, "dest": "/etc/hosts"}, ["/etc/hosts"]),
        (
            {
                "results": [
                    {"changed": True, "path": "/a"},
                    {"changed": False, "path": "/b"},
                    {"changed": True, "item": "x", "path": "/a"},
                ]
            },
            ["/a", "x"],
        ),
        ({"results": [{"changed": True, "plan": [{"summary": "remove web"}]}, {"plan": []}]}, ["remove web"]),
    ],
)
def test_a_change_is_told_in_words(outcome, expected):
    assert details(outcome) == expected


def test_nodes_are_what_the_inventory_says():
    assert site_nodes(HOSTVARS, ["h1", "h2"]) == [
        {"host": "h1", "node": "h1", "links": ["10.0.0.1"]},
        {"host": "h2", "node": "c2", "links": ["10.0.0.2", "10.1.0.2"]},
    ]


def test_devices_of_hosts_without_any_are_none():
    assert [device["id"] for device in fencing_devices(HOSTVARS, ["h1", "h2"])] == ["fence-h1"]
    with pytest.raises(AnsibleFilterError, match="unknown key"):
        fencing_devices({"h1": {"fencing_devices": [{"adress": "x"}]}}, ["h1"])


def test_a_moment_is_told_as_a_command_tells_it_or_in_seconds():
    choice = {
        "fault": "power",
        "told": "",
        "target": "c1",
        "where": "target",
        "by": "module",
        "holder": "c1",
        "moves": False,
        "may_move": False,
        "fenced": True,
    }
    watch = {"began": 0.0, "times": {}}
    assert drill_report(choice, watch, None, "1970-01-02 00:00:00.500000")["began"] % 1 == 0.5
    assert drill_report(choice, watch, None, 12.25)["began"] == 12.25
    assert drill_report(choice, watch)["began"] == 0.0
