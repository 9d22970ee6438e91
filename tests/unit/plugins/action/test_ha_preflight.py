# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control node's half of the preflight: bounds of a clock's lead, who tells the faults, what counts as present."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.tandem.ha.plugins.action.ha_preflight import ActionModule, offset, probes

SITE = {
    "cluster": "lab",
    "controllers": [
        {"host": "c1", "node": "c1", "links": ["10.42.0.11"]},
        {"host": "c2", "node": "c2", "links": ["10.42.0.12"]},
    ],
    "vips": [],
    "fencing": {"enabled": False},
    "password_length": 24,
}


def look(number):
    return {
        "python": [3, 11, 2], "os": {"id": "debian", "version": "12"}, "root": True, "cluster": None, "vips": [], "bmcs": [],
        "nics": {"eth0": {"mac": f"02:00:00:00:00:{number}", "addresses": [f"10.42.0.{number}/24"]}}, "offset": [0.0, 0.1],
    }  # fmt: skip


def judge(monkeypatch, here, site, looks, **arguments):
    action = object.__new__(ActionModule)
    action._task = SimpleNamespace(args={"phase": "judge", "site": site, **arguments})
    monkeypatch.setattr("ansible.plugins.action.ActionBase.run", lambda self, tmp=None, task_vars=None: {})
    hostvars = {host: {"preflight_look": {"look": found}} if found else {} for host, found in looks.items()}
    return action.run(
        task_vars={
            "inventory_hostname": here,
            "hostvars": hostvars,
            "ansible_play_hosts": [host for host in looks if looks[host]],
        }
    )


def test_a_clock_is_bounded_from_both_sides():
    least, greatest = offset({"began": 110.2, "ended": 111.2}, before=100.0, after=101.5)
    assert (least, greatest) == (pytest.approx(9.7), pytest.approx(10.2))


def test_a_good_site_passes(monkeypatch):
    result = judge(monkeypatch, "c2", SITE, {"c1": look(11), "c2": look(12)})
    assert not result.get("failed")
    assert (result["faults"], result["notes"], result["absent"]) == ([], [], [])


def test_one_host_tells_the_faults_and_all_fail(monkeypatch):
    site, looks = {**SITE, "password_length": 3, "cluster": ""}, {"c1": look(11), "c2": look(12)}
    told, pointed = (judge(monkeypatch, host, site, looks) for host in ("c1", "c2"))
    assert told["failed"] and pointed["failed"]
    assert told["msg"].startswith("2 faults in this site; nothing was changed:\n1. the cluster's name ''")
    assert [fault["code"] for fault in told["faults"]] == ["name.cluster", "password.short"]
    assert pointed["msg"] == "this site is not fit to be built; c1 lists why"


def test_accepted_faults_become_notes(monkeypatch):
    result = judge(
        monkeypatch, "c1", {**SITE, "password_length": 3}, {"c1": look(11), "c2": look(12)}, skip=["password.short"]
    )
    assert not result.get("failed")
    assert result["warnings"][0].startswith("accepted by preflight_skip: the password")


def test_a_host_that_left_the_play_is_absent(monkeypatch):
    one = {**look(11), "cluster": {"name": "lab", "nodes": [{"name": "c1", "links": ["10.42.0.11"]}]}}
    result = judge(monkeypatch, "c1", SITE, {"c1": one, "c2": None})
    assert not result.get("failed")
    assert result["absent"] == ["c2"]
    assert "stays a member" in result["warnings"][0]


def test_a_site_that_is_none_is_refused(monkeypatch):
    with pytest.raises(AnsibleActionFail, match="controllers"):
        judge(monkeypatch, "c1", {"controllers": "c1"}, {"c1": look(11)})


def test_a_controller_is_asked_for_what_its_services_need_and_others_for_nothing():
    need = {
        "engine": "docker", "image": "localhost/db:1", "ports": [{"port": "3306", "addresses": ["node"], "option": "x"}],
        "room": [{"path": "/srv/db", "bytes": 1, "option": "x"}],
    }  # fmt: skip
    images = [{"name": "localhost/db:1", "source": "registry/db:1"}, {"name": "x", "archive": "/srv/x.tar"}]
    site = {**SITE, "fencing": {"devices": []}, "services": [need], "images": images}
    assert probes(site, "w1") == {}
    assert probes({**site, "services": []}, "c1") == {"vips": [], "bmcs": []}
    assert probes(site, "c1") == {
        "vips": [], "bmcs": [], "engine": "docker", "ports": [3306], "images": ["localhost/db:1", "registry/db:1"],
        "files": ["/srv/x.tar"], "directories": ["/srv/db"],
    }  # fmt: skip
