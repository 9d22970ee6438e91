# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The twelve steps of every module: create, again, modify, again, delete, again; each also in check mode.

Check mode must foresee exactly what the run then does and leave the CIB's file alone to the byte; the second time
nothing changes; after the deletion the configuration is what it was; nobody warns.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from typing import Any, Dict, List, Tuple

import pytest
from harness import TOP, Ansible, Step, Task, task

IPADDR = {"agent": "ocf:heartbeat:IPaddr2", "params": {"ip": "10.42.0.100", "cidr_netmask": 24}}
DUMMY = {"agent": "ocf:pacemaker:Dummy"}
IPMI = {"ip": "10.42.0.111", "username": "tandem", "password_script": "/etc/tandem/fencing/fence-c1", "lanplus": True}


@dataclass(frozen=True)
class Case:
    """The same object three times: as it is created, modified and deleted. `given` is there before."""

    name: str
    module: str
    create: Dict[str, Any]
    modify: Dict[str, Any]
    delete: Dict[str, Any]
    given: Dict[str, Any] = field(default_factory=dict)
    gone: Tuple[str, ...] = ()  # what of `given` goes with the object
    schema: str = "pacemaker-3.4"


UNFENCED = {"stonith-enabled": False}  # without it Pacemaker refuses to be left without a fence device
TWO = {"resources": [{"id": "a", **DUMMY, "ops": []}, {"id": "b", **DUMMY, "ops": []}]}
PROMOTABLE = {
    "resources": [
        {"id": "a", **DUMMY, "ops": []},
        {"id": "s", "agent": "ocf:pacemaker:Stateful", "ops": []},
        {"id": "s-clone", "kind": "clone", "resource": "s", "promotable": True},
    ]
}

TEMPLATED = (("p", "primitive"), ("t", "template"))
TICKETED = [{"resources": ["a"]}, {"resources": ["s-clone"], "role": "Promoted"}]
NIGHT = {"score": 0, "expressions": [{"date": {"operation": "date_spec", "spec": {"hours": "0-5"}}}]}

CASES = [
    Case(
        "primitive",
        "ha_resource",
        create={"name": "vip", **IPADDR},
        modify={  # S0.13: another card is a change, not a new resource
            "name": "vip",
            "params": {"ip": "10.42.0.101", "nic": "eth0"},
            "meta": {"migration-threshold": 3},
            "ops": [{"name": "monitor", "interval": "5s", "timeout": "20s", "on_fail": "restart"}],
        },
        delete={"name": "vip", "state": "absent"},
    ),
    Case(
        "group",
        "ha_resource",
        create={"name": "g", "kind": "group", "members": ["a", "b"]},
        modify={"name": "g", "kind": "group", "members": ["b", "a"], "meta": {"priority": 5}},
        delete={"name": "g", "kind": "group", "state": "absent"},
        given=TWO,
        gone=("a", "b"),
    ),
    Case(
        "member",
        "ha_resource",
        create={"name": "vip", **IPADDR, "group": "g"},
        modify={"name": "vip", **IPADDR, "group": "h"},
        delete={"name": "vip", "state": "absent"},
        given={"resources": [*TWO["resources"], {"id": "g", "kind": "group", "members": ["a"]}]},
    ),
    Case(
        "clone",
        "ha_resource",
        create={"name": "c", "kind": "clone", "resource": "a"},
        modify={"name": "c", "kind": "clone", "promotable": False, "meta": {"interleave": True, "clone-max": 2}},
        delete={"name": "c", "kind": "clone", "state": "absent"},
        given=TWO,
        gone=("a",),
    ),
    Case(
        "switches",
        "ha_resource",
        create={"name": "a", "state": "stopped", "managed": False},
        modify={"name": "a", "state": "stopped", "managed": True},
        delete={"name": "a", "state": "started"},
        given=TWO,
    ),
    Case(
        "location",
        "ha_constraint",
        create={"kind": "location", "resource": "a", "node": "c1", "score": 50},
        modify={"kind": "location", "resource": "a", "node": "c1", "score": "-INFINITY"},
        delete={"kind": "location", "resource": "a", "node": "c1", "state": "absent"},
        given=TWO,
    ),
    Case(
        "rule",
        "ha_constraint",
        create={
            "kind": "location",
            "resource": "a",
            "rule": {
                "score": "-INFINITY",
                "operator": "or",
                "expressions": [
                    {"attribute": "pingd", "operation": "lt", "value": 1, "type": "number"},
                    {"attribute": "pingd", "operation": "not_defined"},
                ],
            },
        },
        modify={
            "kind": "location",
            "resource": "a",
            "rule": {
                "score": -1000,
                "operator": "or",
                "expressions": [
                    {"attribute": "pingd", "operation": "lt", "value": 1, "type": "number"},
                    {"attribute": "pingd", "operation": "not_defined"},
                ],
            },
        },
        delete={"kind": "location", "id": "location-a", "state": "absent"},
        given=TWO,
    ),
    Case(
        "colocation",
        "ha_constraint",
        create={"kind": "colocation", "resource": "a", "with": "s-clone", "with_role": "Promoted"},
        modify={"kind": "colocation", "resource": "a", "with": "s-clone", "with_role": "Promoted", "score": 10},
        delete={"kind": "colocation", "resource": "a", "with": "s-clone", "with_role": "Promoted", "state": "absent"},
        given=PROMOTABLE,
    ),
    Case(
        "order",
        "ha_constraint",
        create={"kind": "order", "first": "a", "then": "b"},
        modify={"kind": "order", "first": "a", "then": "b", "mode": "Optional", "symmetrical": False},
        delete={"kind": "order", "first": "a", "then": "b", "state": "absent"},
        given=TWO,
    ),
    Case(
        "bundle",
        "ha_resource",
        create={
            "name": "galera-bundle",
            "kind": "bundle",
            "container": {
                "image": "localhost/galera:pcmklatest",
                "replicas": 2,
                "promoted_max": 2,
                "run_command": "/usr/sbin/pacemaker_remoted",
                "network": "host",
                "options": "--user=root",
            },
            "network": {"control_port": 3123},
            "storage": [{"source_dir": "/srv/mysql", "target_dir": "/var/lib/mysql", "options": "rw"}],
            "resource": "a",
        },
        modify={
            "name": "galera-bundle",
            "kind": "bundle",
            "container": {"type": "podman", "image": "localhost/galera:pcmklatest", "replicas": 2, "promoted_max": 1},
            "storage": [
                {"source_dir": "/srv/mysql", "target_dir": "/var/lib/mysql", "options": "rw"},
                {"source_dir_root": "/var/log/pacemaker/bundles", "target_dir": "/var/log"},
            ],
            "meta": {"priority": 5},
        },
        delete={"name": "galera-bundle", "kind": "bundle", "state": "absent"},
        given=TWO,
        gone=("a",),
    ),
    Case(
        "template",
        "ha_config",
        create={
            "resources": [
                {"id": "t", "kind": "template", **DUMMY, "ops": [{"name": "monitor", "interval": "10s"}]},
                {"id": "p", "template": "t", "params": {"fake": "p"}, "ops": []},
            ],
        },
        modify={
            "resources": [
                {"id": "t", "kind": "template", "ops": [{"name": "monitor", "interval": "20s", "on-fail": "block"}]},
                {
                    "id": "p",
                    "utilization": {"cpu": 2},
                    "param_sets": [
                        {
                            "score": 2,
                            "rule": {"expressions": [{"attribute": "#uname", "operation": "eq", "value": "c1"}]},
                            "options": {"fake": "on c1"},
                        },
                        "plain",
                    ],
                },
            ],
        },
        delete={"resources": [{"id": name, "kind": kind, "state": "absent"} for name, kind in TEMPLATED]},
        given=TWO,
        schema="pacemaker-3.9",
    ),
    Case(
        "ticket",
        "ha_constraint",
        create={"kind": "ticket", "ticket": "T", "sets": TICKETED, "loss_policy": "stop"},
        modify={"kind": "ticket", "ticket": "T", "sets": TICKETED, "loss_policy": "freeze"},
        delete={"kind": "ticket", "ticket": "T", "sets": TICKETED, "state": "absent"},
        given=PROMOTABLE,
    ),
    Case(
        "alert",
        "ha_config",
        create={
            "alerts": [
                {
                    "id": "mail",
                    "path": "/usr/share/pacemaker/alerts/alert_smtp.sh",
                    "select": {"nodes": True, "attributes": ["pingd"]},
                    "recipients": [{"id": "oncall", "value": "oncall@example.com", "params": {"mta": "x"}}],
                },
            ],
        },
        modify={
            "alerts": [
                {
                    "id": "mail",
                    "meta": {"timeout": "15s"},
                    "select": {"fencing": True},
                    "recipients": [
                        {"id": "oncall", "value": "nights@example.com", "params": {"mta": "x"}},
                        {"value": "log", "description": "all of it"},
                    ],
                },
            ],
        },
        delete={"alerts": [{"id": "mail", "state": "absent"}]},
    ),
    Case(
        "acls",
        "ha_config",
        create={
            "name": "people",
            "acls": [
                {"id": "observer", "permissions": [{"kind": "read", "xpath": "/cib"}]},
                {"id": "eva", "kind": "user", "roles": ["observer"]},
            ],
        },
        modify={
            "name": "people",
            "purge": "owned",
            "acls": [
                {
                    "id": "observer",
                    "permissions": [
                        {"kind": "deny", "object_type": "nvpair", "attribute": "secret"},
                        {"kind": "read", "xpath": "/cib"},
                    ],
                },
                {"id": "ops", "kind": "group", "roles": ["observer"]},
                {"id": "eva", "kind": "user", "state": "absent"},
            ],
        },
        delete={"name": "people", "purge": "owned"},
    ),
    Case(
        "settings-by-rule",
        "ha_config",
        create={"property_sets": [{"id": "night", "rule": NIGHT, "options": {"batch-limit": 10}}]},
        modify={
            "property_sets": [
                {"id": "night", "ahead": True, "score": 5, "rule": NIGHT, "options": {"batch-limit": 20}}
            ],
            "resource_default_sets": [
                {
                    "id": "addresses",
                    "rule": {"expressions": [{"agent": {"class": "ocf", "type": "IPaddr2"}}]},
                    "options": {"priority": 1},
                },
            ],
        },
        delete={
            "property_sets": [{"id": "night", "state": "absent"}],
            "resource_default_sets": [{"id": "addresses", "state": "absent"}],
        },
        given={"properties": {"no-quorum-policy": "stop"}},
        schema="pacemaker-3.9",
    ),
    Case(
        "tag",
        "ha_config",
        create={
            "tags": [{"id": "shop", "references": ["a"]}],
            "constraints": [{"kind": "location", "resource": "shop", "node": "c1", "score": 5}],
        },
        modify={
            "tags": [{"id": "shop", "references": ["b", "a"]}],
            "constraints": [{"kind": "location", "resource": "shop", "node": "c1", "score": 7}],
        },
        delete={
            "tags": [{"id": "shop", "state": "absent"}],
            "constraints": [{"kind": "location", "resource": "shop", "node": "c1", "state": "absent"}],
        },
        given=TWO,
    ),
    Case(
        "stonith",
        "ha_stonith",
        create={
            "name": "fence-c1",
            "agent": "fence_ipmilan",
            "targets": ["c1"],
            "params": IPMI,
            "levels": [{"level": 1}],
        },
        modify={"name": "fence-c1", "targets": ["c1"], "params": {**IPMI, "ip": "10.42.0.121"}, "delay_base": "5s"},
        delete={"name": "fence-c1", "state": "absent"},
        given={"properties": UNFENCED},
    ),
    Case(
        "node",
        "ha_node",
        create={"name": "c2", "standby": True, "attributes": {"site": "north", "rack": 4}},
        modify={
            "name": "c2",
            "standby": False,
            "maintenance": True,
            "attributes": {"rack": 5},
            "utilization": {"cpu": 8},
        },
        delete={"name": "c2", "maintenance": False, "attributes": {"site": None, "rack": None}, "utilization": {}},
    ),
    Case(
        "config",
        "ha_config",
        create={
            "name": "web",
            "properties": {"cluster-recheck-interval": "5min"},
            "resource_defaults": {"resource-stickiness": 100},
            "resources": [{"id": "vip", **IPADDR}, {"id": "g", "kind": "group", "members": ["vip"]}],
            "constraints": [{"kind": "location", "resource": "g", "node": "c1", "score": 10}],
        },
        modify={
            "name": "web",
            "purge": "owned",
            "properties": {"cluster-recheck-interval": "300s"},
            "operation_defaults": {"timeout": "60s"},
            "resources": [{"id": "vip", **IPADDR}],
        },
        delete={
            "name": "web",
            "purge": "owned",
            "properties": {"cluster-recheck-interval": None},
            "resource_defaults": {"resource-stickiness": None},
            "operation_defaults": {"timeout": None},
        },
        given=TWO,
    ),
    Case(
        "config-all",
        "ha_config",
        create={"purge": "all", "resources": [{"id": "vip", **IPADDR}], "properties": UNFENCED},
        modify={
            "purge": "all",
            "resources": [{"id": "b", **DUMMY}],
            "nodes": [{"id": "c1", "standby": True}],
            "properties": UNFENCED,
        },
        delete={"purge": "all", "nodes": [{"id": "c1", "standby": False}], "properties": UNFENCED},
        given={"properties": UNFENCED},
    ),
]


def twelve(case: Case) -> List[Task]:
    """Each wish four times: foreseen, done, foreseen to be nothing, done again."""
    tasks = []
    for verb in ("create", "modify", "delete"):
        arguments = getattr(case, verb)
        for round_ in ("", " again"):
            tasks.append(task(f"{verb}{round_}, check", case.module, arguments, check=True))
            tasks.append(task(f"{verb}{round_}", case.module, arguments))
    return tasks


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_twelve_steps(case: Case, ansible: Ansible) -> None:
    walk(case, ansible)


# The ends of what ansible-core 2.19 can have on a target; the matrix names others.
@pytest.mark.parametrize("version", os.environ.get("TANDEM_MODULE_PYTHONS", "3.8 newest").split())
def test_on_other_pythons_of_the_host(version: str, ansible: Ansible) -> None:
    ansible.python = python_of(version)
    walk(CASES[0], ansible)


def python_of(version: str) -> str:
    """An interpreter without anything installed that a module could lean on."""
    wanted = ("agent", version) if version == "newest" else ("python", version)
    command = [str(TOP / "tests" / "gates" / "bootstrap"), *wanted]
    made = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if made.returncode == 77:
        pytest.skip(f"this machine has no Python {version}")
    assert made.returncode == 0
    return made.stdout.strip() + ("/bin/python" if version == "newest" else "")


def walk(case: Case, ansible: Ansible) -> None:
    """Take the twelve steps and judge each."""
    ansible.agent.reset(case.schema)
    start, *steps = ansible.run([task("given", "ha_config", case.given), *twelve(case)])
    by_name = {step.name: step for step in steps}
    before = start
    for verb in ("create", "modify", "delete"):
        for round_, changes in (("", True), (" again", False)):
            check, run = by_name[f"{verb}{round_}, check"], by_name[f"{verb}{round_}"]
            assert check.changed is run.changed is changes, (run.name, run.result)
            assert check.cib == before.cib, f"{check.name} touched the CIB"
            assert check.foreseen() == run.foreseen()
            assert check.result["transaction"] is None
            assert_tells(run, changes)
            before = run
    assert by_name["modify"].objects() != by_name["create"].objects()
    assert by_name["delete"].objects() == start.objects(case.gone)
    told = [step.result.get(kind) for step in (start, *steps) for kind in ("warnings", "deprecations")]
    assert not any(told), told
    assert "WARNING" not in ansible.output and "DEPRECATION" not in ansible.output


def assert_tells(step: Step, changes: bool) -> None:
    """What a module always returns."""
    result = step.result
    assert {"changed", "plan", "preview", "cib", "transaction", "objects", "diff"} <= set(result)
    assert bool(result["plan"]) is bool(result["diff"]) is bool(result["transaction"]) is changes
    assert (result["cib"]["before"] != result["cib"]["after"]) is changes
    for entry in result["plan"]:
        assert {"action", "kind", "id", "summary", "before", "after", "because"} == set(entry)
    for entry in result["diff"]:
        assert {"before", "after", "before_header", "after_header"} <= set(entry)
