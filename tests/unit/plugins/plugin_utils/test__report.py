# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of what differs."""

from __future__ import annotations

from ansible_collections.tandem.ha.plugins.plugin_utils._report import drift

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
