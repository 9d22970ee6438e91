# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One table a module: the options a user writes, and the document the agent gets."""

import pytest
from ansible_collections.tandem.ha.plugins.module_utils._module import Refusal
from ansible_collections.tandem.ha.tests.unit.plugins.modules.speaking import created, load, validated


@pytest.fixture
def document(monkeypatch):
    """What a module makes of these arguments."""

    def make(module_name, **arguments):
        found = created(module_name, monkeypatch)
        return load(module_name).to_document(validated(found.options, found.rules, arguments))

    return make


RESOURCES = [
    (
        {
            "name": "vip",
            "agent": "ocf:heartbeat:IPaddr2",
            "params": {"ip": "10.42.0.100", "cidr_netmask": 24, "nic": None},
        },
        {
            "id": "vip",
            "kind": "primitive",
            "state": "present",
            "agent": "ocf:heartbeat:IPaddr2",
            "params": {"ip": "10.42.0.100", "cidr_netmask": 24, "nic": None},
        },
    ),
    ({"name": "vip", "state": "absent"}, {"id": "vip", "kind": "primitive", "state": "absent"}),
    ({"name": "vip", "state": "stopped"}, {"id": "vip", "kind": "primitive", "state": "stopped"}),
    (
        {"name": "vip", "managed": False, "group": "site"},
        {"id": "vip", "kind": "primitive", "state": "present", "managed": False, "group": "site"},
    ),
    ({"name": "vip", "ops": []}, {"id": "vip", "kind": "primitive", "state": "present", "ops": []}),
    (
        {"name": "vip", "ops": [{"name": "monitor", "interval": "10s", "on_fail": "block", "enabled": True}]},
        {
            "id": "vip",
            "kind": "primitive",
            "state": "present",
            "ops": [{"name": "monitor", "interval": "10s", "on-fail": "block", "enabled": True}],
        },
    ),
    (
        {"name": "site", "kind": "group", "members": ["vip", "web"], "meta": {}},
        {"id": "site", "kind": "group", "state": "present", "members": ["vip", "web"], "meta": {}},
    ),
    (
        {"name": "c", "kind": "clone", "resource": "ping", "promotable": True, "description": "x"},
        {"id": "c", "kind": "clone", "state": "present", "resource": "ping", "promotable": True, "description": "x"},
    ),
]


@pytest.mark.parametrize(("arguments", "resource"), RESOURCES)
def test_ha_resource(document, arguments, resource):
    assert document("ha_resource", **arguments) == {"resources": [resource]}


def test_ha_resource_names_all_fields_that_do_not_belong(document):
    with pytest.raises(
        Refusal, match=r"agent makes no sense with kind=group.*; storage makes no sense with kind=group"
    ):
        document("ha_resource", name="site", kind="group", agent="x", params={}, members=["a"], storage=[])


CONSTRAINTS = [
    (
        {"kind": "location", "resource": "vip", "node": "c1", "score": 50},
        {"kind": "location", "state": "present", "resource": "vip", "node": "c1", "score": "50"},
    ),
    (
        {
            "kind": "location",
            "resource": "vip",
            "rule": {"score": "-INFINITY", "expressions": [{"attribute": "pingd", "operation": "lt", "value": 1}]},
        },
        {
            "kind": "location",
            "state": "present",
            "resource": "vip",
            "rule": {
                "score": "-INFINITY",
                "expressions": [{"attribute": "pingd", "operation": "lt", "value": 1}],
            },
        },
    ),
    (
        {"kind": "colocation", "resource": "vip", "with": "web", "with_role": "Promoted"},
        {"kind": "colocation", "state": "present", "resource": "vip", "with": "web", "with_role": "Promoted"},
    ),
    (
        {"kind": "order", "first": "a", "then": "b", "mode": "Optional", "symmetrical": False},
        {"kind": "order", "state": "present", "first": "a", "then": "b", "mode": "Optional", "symmetrical": False},
    ),
    (
        {"kind": "order", "id": "order-a-b", "state": "absent"},
        {"kind": "order", "id": "order-a-b", "state": "absent"},
    ),
]


@pytest.mark.parametrize(("arguments", "constraint"), CONSTRAINTS)
def test_ha_constraint(document, arguments, constraint):
    assert document("ha_constraint", **arguments) == {"constraints": [constraint]}


def test_ha_constraint_names_fields_of_other_kinds(document):
    with pytest.raises(Refusal, match="node makes no sense with kind=order; it belongs to kind=location"):
        document("ha_constraint", kind="order", first="a", then="b", node="c1")


@pytest.mark.parametrize(
    ("arguments", "node"),
    [
        ({"name": "c1", "standby": True}, {"id": "c1", "standby": True}),
        (
            {"name": "c1", "maintenance": False, "attributes": {"rack": 4, "old": None}},
            {"id": "c1", "maintenance": False, "attributes": {"rack": 4, "old": None}},
        ),
        ({"name": "c1"}, {"id": "c1"}),
    ],
)
def test_ha_node(document, arguments, node):
    assert document("ha_node", **arguments) == {"nodes": [node]}


IPMI = {"ip": "10.42.0.111", "username": "tandem", "password_script": "/etc/tandem/fencing/fence-c1"}
AVOID = {"kind": "location", "resource": "fence-c1", "node": "c1", "score": "-INFINITY"}
DEVICE = {"id": "fence-c1", "state": "present", "agent": "fence_ipmilan", "targets": ["c1"], "params": IPMI}
STONITH = [
    (
        {"agent": "fence_ipmilan", "targets": ["c1"], "params": IPMI},
        {"stonith": [DEVICE], "constraints": [AVOID]},
    ),
    (
        {"agent": "fence_ipmilan", "targets": ["c1"], "params": IPMI, "delay_base": "5s", "avoid_target": False},
        {"stonith": [dict(DEVICE, params=dict(IPMI, pcmk_delay_base="5s"))]},
    ),
    (
        {"targets": ["c1", "c2"]},
        {
            "stonith": [{"id": "fence-c1", "state": "present", "targets": ["c1", "c2"]}],
            "constraints": [AVOID, dict(AVOID, node="c2")],
        },
    ),
    (
        {"targets": ["c1"], "avoid_target": False, "levels": [{"level": 1}, {"level": 2, "devices": ["pdu", "pdu2"]}]},
        {
            "stonith": [{"id": "fence-c1", "state": "present", "targets": ["c1"]}],
            "levels": [
                {"target": "c1", "level": 1, "devices": ["fence-c1"], "state": "present"},
                {"target": "c1", "level": 2, "devices": ["pdu", "pdu2"], "state": "present"},
            ],
        },
    ),
    (
        {"levels": [{"level": 3, "target": "c9", "state": "absent"}]},
        {
            "stonith": [{"id": "fence-c1", "state": "present"}],
            "levels": [{"target": "c9", "level": 3, "devices": ["fence-c1"], "state": "absent"}],
        },
    ),
    (
        {"state": "absent", "targets": ["c1"], "levels": [{"level": 1}]},
        {
            "stonith": [{"id": "fence-c1", "state": "absent", "targets": ["c1"]}],
            "levels": [{"target": "c1", "level": 1, "devices": ["fence-c1"], "state": "absent"}],
        },
    ),
]


@pytest.mark.parametrize(("arguments", "expected"), STONITH)
def test_ha_stonith(document, arguments, expected):
    assert document("ha_stonith", name="fence-c1", **arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"params": {"passwd": "geheim"}},
            r"params.passwd would stand in the CIB.*password_script.*allow_password_in_cib",
        ),
        ({"delay_base": "5s"}, "delay_base needs params"),
        (
            {"params": {"pcmk_delay_base": "3s"}, "delay_base": "5s"},
            "delay_base is 5s, but params.pcmk_delay_base is 3s",
        ),
        ({"levels": [{"level": 1}]}, "say which node level 1 is for"),
    ],
)
def test_ha_stonith_refuses(document, arguments, message):
    with pytest.raises(Refusal, match=message) as caught:
        document("ha_stonith", name="fence-c1", **arguments)
    assert "geheim" not in str(caught.value)


def test_a_password_goes_into_the_cib_when_that_is_asked_for(document):
    made = document("ha_stonith", name="f", params={"passwd": "x"}, allow_password_in_cib=True)
    assert made["stonith"][0]["params"] == {"passwd": "x"}


def test_ha_config_sends_what_was_given_and_nothing_else(document):
    assert document("ha_config", properties={"stonith-enabled": True, "old": None}) == {
        "properties": {"stonith-enabled": True, "old": None}
    }
    assert document("ha_config", name="web", nodes=[]) == {"name": "web", "nodes": []}


def test_ha_config_takes_every_section(document):
    made = document(
        "ha_config",
        name="web",
        properties={"a": 1},
        resource_defaults={"resource-stickiness": 100},
        operation_defaults={"timeout": "60s"},
        nodes=[{"id": "c1", "standby": False}],
        resources=[{"id": "vip", "agent": "ocf:heartbeat:IPaddr2"}, {"id": "old", "state": "absent"}],
        stonith=[{"id": "f", "agent": "fence_ipmilan", "targets": ["c1"]}],
        levels=[{"target": "c1", "level": 1, "devices": ["f"]}],
        constraints=[{"kind": "order", "first": "a", "then": "b"}],
    )
    assert made == {
        "name": "web",
        "properties": {"a": 1},
        "resource_defaults": {"resource-stickiness": 100},
        "operation_defaults": {"timeout": "60s"},
        "nodes": [{"id": "c1", "standby": False}],
        "resources": [
            {"id": "vip", "kind": "primitive", "state": "present", "agent": "ocf:heartbeat:IPaddr2"},
            {"id": "old", "kind": "primitive", "state": "absent"},
        ],
        "stonith": [{"id": "f", "state": "present", "agent": "fence_ipmilan", "targets": ["c1"]}],
        "levels": [{"target": "c1", "level": 1, "devices": ["f"], "state": "present"}],
        "constraints": [{"kind": "order", "state": "present", "first": "a", "then": "b"}],
    }


def test_ha_config_tells_all_faults_with_their_places(document):
    with pytest.raises(Refusal) as caught:
        document(
            "ha_config",
            resources=[{"id": "a"}, {"id": "b", "kind": "group", "agent": "x"}],
            constraints=[{"kind": "order", "node": "c1"}],
            stonith=[{"id": "f", "params": {"password": "geheim"}}],
        )
    message = str(caught.value)
    for place in ("resources[1].agent", "constraints[0].node", "stonith[0].params.password"):
        assert place in message
    assert "geheim" not in message


def test_ha_config_owns_only_by_name(monkeypatch):
    found = created("ha_config", monkeypatch)
    with pytest.raises(AssertionError, match="purge is owned but all of the following are missing: name"):
        validated(found.options, found.rules, {"purge": "owned"})
