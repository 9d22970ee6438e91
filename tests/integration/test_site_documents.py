# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role documents: each document of an inventory in one transaction, its own and no other's, and no secret in any result."""

from __future__ import annotations

import copy

from harness import Ansible, task

SECRET = "canary-0815"
WEB = {
    "name": "web",
    "properties": {"stonith-enabled": False},
    "resources": [
        {"id": "vip", "agent": "ocf:heartbeat:IPaddr2", "params": {"ip": "10.42.0.100"}},
        {"id": "ping", "agent": "ocf:pacemaker:ping", "params": {"host_list": "10.42.0.1"}},
        {"id": "ping-clone", "kind": "clone", "resource": "ping"},
    ],
    "constraints": [
        {
            "kind": "location",
            "resource": "vip",
            "rule": {
                "score": "-INFINITY",
                "operator": "or",
                "expressions": [
                    {"attribute": "pingd", "operation": "lt", "value": 1, "type": "number"},
                    {"attribute": "pingd", "operation": "not_defined"},
                ],
            },
        }
    ],
}
DUMMY = {"name": "other", "resources": [{"id": "other", "agent": "ocf:pacemaker:Dummy"}]}


def plans(step):
    """What each document changes, but the tags that say what is whose."""
    found = [result["plan"] for result in step.result["results"]]
    return [[(change["action"], change["id"]) for change in plan if change["kind"] != "tag"] for plan in found]


def test_create_again_change_again_remove(ansible: Ansible) -> None:
    documents = {"site_documents": [copy.deepcopy(WEB), DUMMY]}
    foreseen = ansible.role("documents", documents, check=True)["Declare the documents"]
    made = ansible.role("documents", documents)["Declare the documents"]
    assert made.changed and plans(made) == plans(foreseen)
    assert [len(plan) for plan in plans(made)] == [5, 1]
    assert not ansible.role("documents", documents)["Declare the documents"].changed

    del documents["site_documents"][0]["constraints"]
    documents["site_documents"][0]["resources"][0]["params"]["ip"] = "10.42.0.101"
    changed = ansible.role("documents", documents)["Declare the documents"]
    assert sorted(action for action, _id in plans(changed)[0]) == ["remove", "update"]
    assert plans(changed)[1] == []

    documents["site_documents"][1] = {"name": "other"}  # its name alone: what it made goes
    gone = ansible.role("documents", documents)["Declare the documents"]
    assert plans(gone) == [[], [("remove", "other")]]


def test_what_others_made_stays(ansible: Ansible) -> None:
    ansible.run([task("by hand", "ha_resource", {"name": "hand", "agent": "ocf:pacemaker:Dummy"})])
    ansible.role("documents", {"site_documents": [DUMMY]})
    step = ansible.role("documents", {"site_documents": [{"name": "other"}]})["Declare the documents"]
    assert plans(step) == [[("remove", "other")]]
    assert '<primitive id="hand"' in step.configuration


def test_secrets_come_first_and_are_shown_nowhere(ansible: Ansible) -> None:
    secret = {
        "id": "s",
        "agent": "ocf:heartbeat:IPaddr2",
        "params": {"ip": "10.42.0.9"},
        "secrets": {"iflabel": SECRET},
    }
    steps = ansible.role("documents", {"site_documents": [DUMMY, {"name": "keeping", "resources": [secret]}]})
    assert list(steps)[-2:] == ["Keep the secrets of the documents", "Declare the documents"]
    assert [bool(one.get("skipped")) for one in steps["Keep the secrets of the documents"].result["results"]] == [
        True,
        False,
    ]
    assert SECRET not in ansible.output
    assert SECRET not in str([step.result for step in steps.values()])
    assert "lrm://" in steps["Declare the documents"].configuration


def test_no_documents_are_no_change(ansible: Ansible) -> None:
    assert not any(step.changed for step in ansible.role("documents", {}).values())
