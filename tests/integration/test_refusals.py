# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong input: a message that names what is wrong and what to do, and nothing changed."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Tuple

from harness import Ansible, Step, task

VIP = {"name": "vip", "agent": "ocf:heartbeat:IPaddr2", "params": {"ip": "10.42.0.100"}}
DUMMY = {"id": "a", "agent": "ocf:pacemaker:Dummy"}

# name: module, options, code (of Ansible's own checks: None), what the message says
REFUSALS: Dict[str, Tuple[str, Dict[str, Any], Any, str]] = {
    "no name": ("ha_resource", {"agent": "ocf:pacemaker:Dummy"}, None, r"missing required arguments: name"),
    "misspelt option": ("ha_resource", {**VIP, "parms": {}}, None, r"Unsupported parameters.*parms.*Supported.*params"),
    "misspelt option inside": (
        "ha_config",
        {"resources": [{"id": "vip", "agnet": "x"}]},
        None,
        r"Unsupported parameters.*resources\.agnet",
    ),
    "misspelt option deep inside": (
        "ha_config",
        {
            "constraints": [
                {"kind": "location", "rule": {"expressions": [{"attribute": "x", "operation": "eq", "vlue": 1}]}}
            ]
        },
        None,
        r"constraints\.rule\.expressions\.vlue",
    ),
    "unknown choice": (
        "ha_constraint",
        {"kind": "near"},
        None,
        r"value of kind must be one of: location, colocation, order",
    ),
    "unknown parameter": (
        "ha_resource",
        {**VIP, "params": {"ip": "10.42.0.100", "cidr_netmsk": 24}},
        "document.invalid",
        r"cidr_netmsk.*did you mean cidr_netmask",
    ),
    "missing parameter": (
        "ha_resource",
        {**VIP, "params": {}},
        "document.invalid",
        r"resources\[0\]\.params.*\bip\b.*required",
    ),
    "half an agent": ("ha_resource", {**VIP, "agent": "IPaddr2"}, "document.invalid", r"'IPaddr2' is no agent; write"),
    "no agent": ("ha_resource", {"name": "vip"}, "document.invalid", r"agent: is required: vip does not exist yet"),
    "bad id": ("ha_resource", {**VIP, "name": "1vip"}, "document.invalid", r"resources\[0\]\.id: '1vip' is no id"),
    "fields of another kind": (
        "ha_resource",
        {"name": "g", "kind": "group", "members": ["a"], "agent": "x"},
        "params.invalid",
        r"agent makes no sense with kind=group",
    ),
    "dangling constraint": (
        "ha_constraint",
        {"kind": "colocation", "resource": "b", "with": "a"},
        "document.invalid",
        r"constraints\[0\]\.resource: there is no resource b",
    ),
    "incomplete constraint": (
        "ha_constraint",
        {"kind": "order", "first": "a"},
        "document.invalid",
        r"constraints\[0\]\.then: is required",
    ),
    "bad score": (
        "ha_constraint",
        {"kind": "location", "resource": "a", "node": "c1", "score": "lots"},
        "document.invalid",
        r"'lots' is no score; write an integer, INFINITY or -INFINITY",
    ),
    "twice": ("ha_config", {"resources": [DUMMY, DUMMY]}, "document.invalid", r"declares a a second time"),
    "several at once": (
        "ha_config",
        {
            "resources": [{"id": "x y", "agent": "ocf:pacemaker:Dummy"}, {"id": "z", "agent": "Dummy"}],
            "constraints": [{"kind": "location", "resource": "a", "node": "c1", "score": "?"}],
        },
        "document.invalid",
        r"3 faults.*resources\[0\].*resources\[1\].*constraints\[0\]",
    ),
    "nobody owns": (
        "ha_config",
        {"purge": "owned"},
        None,
        r"purge is owned but all of the following are missing: name",
    ),
    "no such node to clean up": ("ha_cleanup", {"node": "c9"}, "params.invalid", r"there is no node 'c9'.*c1, c2"),
    "no such resource to clean up": (
        "ha_cleanup",
        {"resource": "vipp"},
        "params.invalid",
        r"there is no resource 'vipp'",
    ),
    "no such node": ("ha_node", {"name": "c9", "standby": True}, "document.invalid", r"c9 is no node.*c1, c2"),
    "plain password": (
        "ha_stonith",
        {"name": "f", "agent": "fence_ipmilan", "params": {"ip": "10.42.0.111", "passwd": "geheim-77"}},
        "params.invalid",
        r"params\.passwd would stand in the CIB.*password_script.*allow_password_in_cib=true",
    ),
    "delay alone": ("ha_stonith", {"name": "f", "delay_base": "5s"}, "params.invalid", r"delay_base needs params"),
    "stopped and not": (
        "ha_resource",
        {**VIP, "state": "stopped", "meta": {"target-role": "Started"}},
        "document.invalid",
        r"meta\.target-role speak of the same",
    ),
    "wrong kind": (
        "ha_resource",
        {"name": "a", "kind": "group", "state": "absent"},
        "document.invalid",
        r"a is a primitive",
    ),
}


def test_wrong_input_is_refused_and_nothing_changes(ansible: Ansible) -> None:
    tasks = [task("given", "ha_config", {"resources": [DUMMY]})]
    for number, (name, (module, options, _code, _message)) in enumerate(REFUSALS.items()):
        # One path up to the patch, so each refusal is tried in one of the two modes only.
        tasks.append(task(name, module, options, check=number % 2 == 0, may_fail=True))
    given, *steps = ansible.run(tasks)
    wrong = [f"{step.name}: {fault}" for step in steps for fault in faults_of(step, given)]
    assert not wrong, "\n".join(wrong)
    assert "geheim-77" not in ansible.output
    assert "Traceback" not in ansible.output


def faults_of(step: Step, given: Step) -> List[str]:
    """What a refusal gets wrong."""
    _module, _options, code, message = REFUSALS[step.name]
    said = step.result.get("msg", "")
    found = []
    if not step.failed or step.changed:
        found.append("is not refused")
    if step.cib != given.cib:
        found.append("touched the CIB")
    if step.result.get("code") != code:
        found.append(f"code {step.result.get('code')!r}, not {code!r}: {said}")
    if not re.search(message, said, re.DOTALL):
        found.append(f"says {said!r}, not {message!r}")
    if code == "document.invalid" and not step.result.get("faults"):
        found.append("has no list of faults")
    return found


def test_without_an_agent_a_check_passes_and_a_run_says_what_to_do(ansible: Ansible) -> None:
    nowhere = {"agent_socket": "/nowhere/agent.sock"}
    check, run, look, look_in_check = ansible.run(
        [
            task("check", "ha_resource", {**VIP, **nowhere}, check=True),
            task("run", "ha_resource", {**VIP, **nowhere}, may_fail=True),
            task("look", "ha_info", nowhere, may_fail=True),
            task("look in check", "ha_info", nowhere, check=True),
        ]
    )
    assert check.changed and not check.failed
    for step in (run, look):
        assert step.failed and step.result["code"] == "agent.missing"
        assert "run the role tandem.ha.agent on this host" in step.result["msg"]
    assert not look_in_check.failed and not look_in_check.changed
    for step in (check, look_in_check):
        assert any("role tandem.ha.agent" in str(warning) for warning in step.result["warnings"])
