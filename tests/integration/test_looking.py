# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ha_info, and that what it returns can be given back."""

from __future__ import annotations

import pytest
from harness import Agent, Ansible, task

SITE = {
    "name": "site",
    "properties": {"stonith-enabled": False, "cluster-recheck-interval": "5min"},
    "resource_defaults": {"resource-stickiness": 100},
    "nodes": [{"id": "c1", "attributes": {"site": "north"}}],
    "resources": [
        {
            "id": "vip",
            "agent": "ocf:heartbeat:IPaddr2",
            "params": {"ip": "10.42.0.100"},
            "ops": [{"name": "monitor", "interval": "10s", "start_delay": "1s", "on_fail": "restart"}],
            "state": "stopped",
        },
        {"id": "s", "agent": "ocf:pacemaker:Stateful"},
        {
            "id": "s-clone",
            "kind": "clone",
            "resource": "s",
            "promotable": True,
            "meta": {"promotable": True, "notify": True},
        },
        {"id": "g", "kind": "group", "members": ["vip"]},
    ],
    "stonith": [
        {
            "id": "f",
            "agent": "fence_ipmilan",
            "targets": ["c1"],
            "params": {"ip": "10.42.0.111", "password_script": "/etc/f"},
        }
    ],
    "levels": [{"target": "c1", "level": 1, "devices": ["f"]}],
    "constraints": [
        {"kind": "colocation", "resource": "g", "with": "s-clone", "with_role": "Promoted", "score": "INFINITY"},
        {"kind": "order", "first": "s-clone", "first_action": "promote", "then": "g", "then_action": "start"},
        {
            "kind": "location",
            "resource": "g",
            "rule": {"score": -100, "expressions": [{"attribute": "#uname", "operation": "eq", "value": "c2"}]},
        },
    ],
}


def test_everything_that_is_gathered_is_returned(ansible: Ansible) -> None:
    _given, look, in_check = ansible.run(
        [
            task("given", "ha_config", SITE),
            task("look", "ha_info", {"gather": ["status", "document", "doctor", "history"], "history_limit": 5}),
            task("look in check", "ha_info", {"gather": ["status", "document", "doctor", "history"]}, check=True),
        ]
    )
    result = look.result
    assert not look.changed and not in_check.changed
    assert [node["id"] for node in result["status"]["nodes"]] == ["c1", "c2"]
    assert {"vip", "f"} <= {resource["id"] for resource in result["status"]["resources"]}
    assert result["document"]["properties"]["cluster-recheck-interval"] == "5min"
    assert result["cib"] == result["status"]["cluster"]["cib"]
    assert {"code", "severity", "message", "remedy"} <= set(result["findings"][0])
    assert isinstance(result["transactions"], list)
    assert set(in_check.result) == set(result)


def test_by_default_it_is_the_status(ansible: Ansible) -> None:
    (look,) = ansible.run([task("look", "ha_info", {})])
    assert {"status", "changed"} == set(look.result) - {"invocation"}


def test_a_device_is_asked_that_is_not_configured(ansible: Ansible) -> None:
    device = {"id": "f-new", "agent": "fence_none_such", "targets": ["c1"], "params": {"ip": "192.0.2.1"}}
    _given, look, after = ansible.run(
        [
            task("given", "ha_config", SITE),
            task("look", "ha_info", {"gather": ["fencing"], "stonith": [device]}),
            task("after", "ha_info", {"gather": ["document"]}),
        ]
    )
    (answer,) = look.result["fencing"]
    assert (answer["id"], answer["target"], answer["ok"]) == ("f-new", "c1", False)
    assert "fence_none_such is not installed" in answer["message"]
    assert "f-new" not in str(after.result["document"])


FAILED = """<lrm_rsc_op id="vip_last_failure_0" operation_key="vip_start_0" operation="start" transition-key="1:1:0:x"
 transition-magic="0:1;1:1:0:x" exit-reason="no such card" call-id="3" rc-code="1" op-status="0" interval="0"
 last-rc-change="1763719872"/>"""


def test_a_task_of_a_resource_tells_what_failed_of_it(ansible: Ansible, agent: Agent) -> None:
    ansible.run([task("given", "ha_config", SITE)])
    text = agent.cib.read_text()
    history = f'<lrm_resource id="vip" type="IPaddr2" class="ocf" provider="heartbeat">{FAILED}</lrm_resource>'
    agent.cib.write_text(text.replace("<lrm_resources/>", f"<lrm_resources>{history}</lrm_resources>", 1))
    same, in_check, other = ansible.run(
        [
            task("same", "ha_resource", {"name": "vip"}),
            task("in check", "ha_resource", {"name": "vip", "meta": {"priority": 2}}, check=True),
            task("other", "ha_stonith", {"name": "f"}),
        ]
    )
    for one in (same, in_check):
        (failure,) = one.result["failures"]
        assert (failure["resource"], failure["node"], failure["reason"]) == ("vip", "c1", "no such card")
        assert isinstance(one.result["fail_counts"], list)
    assert not same.changed and in_check.changed
    assert other.result["failures"] == other.result["fail_counts"] == []


def test_where_nothing_has_failed_nothing_is_cleaned_up(ansible: Ansible) -> None:
    _given, *cleanups = ansible.run(
        [
            task("given", "ha_config", SITE),
            task("clean up", "ha_cleanup", {"resource": "vip", "node": "c1"}),
            task("clean up in check", "ha_cleanup", {}, check=True),
        ]
    )
    assert [(one.changed, one.result["cleaned"]) for one in cleanups] == [(False, []), (False, [])]


def test_a_saved_document_declares_the_same_cluster(ansible: Ansible) -> None:
    given, look = ansible.run([task("given", "ha_config", SITE), task("look", "ha_info", {"gather": ["document"]})])
    again, all_of_it = ansible.run(
        [
            task("again", "ha_config", look.result["document"]),
            task("all of it", "ha_config", {**look.result["document"], "purge": "all"}),
        ]
    )
    assert given.changed
    assert not again.changed, again.result["plan"]
    assert not all_of_it.changed, all_of_it.result["plan"]


@pytest.mark.parametrize("gather", ["status", "document"])
def test_secrets_are_never_returned(ansible: Ansible, gather: str) -> None:
    secret = "canary-4711"
    device = {"name": "f", "agent": "fence_ipmilan", "params": {"ip": "10.42.0.111", "passwd": secret}}
    changed = {**device, "params": {"ip": "10.42.0.111", "passwd": "other-" + secret}}
    given, again, change, _look = ansible.run(
        [
            task("given", "ha_stonith", {**device, "allow_password_in_cib": True}),
            task("again", "ha_stonith", {**device, "allow_password_in_cib": True}),
            task("change", "ha_stonith", {**changed, "allow_password_in_cib": True}, check=True),
            task("look", "ha_info", {"gather": [gather]}),
        ],
        None,
        "-vvvv",
    )
    assert secret in given.configuration  # it is there, and was asked to be
    assert given.changed and not again.changed and change.changed
    assert change.result["diff"], "a secret that changes shows as changed"
    for step in (given, again, change, _look):
        assert secret not in str(step.result)
    assert secret not in ansible.output.replace(str(ansible.directory / "playbook.yml"), "")
