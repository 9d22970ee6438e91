# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the options reaches the document, and what is refused before the agent hears of it."""

import pytest
from ansible_collections.tandem.ha.plugins.module_utils._module import Refusal
from ansible_collections.tandem.ha.plugins.module_utils._specs import (
    CONSTRAINT,
    DOCUMENT,
    NODE,
    RESOURCE,
    entry,
    given,
    misplaced,
    plain_secrets,
    refuse,
    single,
)


def test_what_was_not_given_is_not_sent():
    params = {"name": None, "nodes": [{"id": "c1", "standby": None, "maintenance": False, "attributes": None}]}
    assert given(DOCUMENT, params) == {"nodes": [{"id": "c1", "maintenance": False}]}


def test_empty_is_not_the_same_as_not_given():
    assert given(RESOURCE, {"ops": [], "members": [], "params": {}, "description": ""}) == {
        "ops": [],
        "members": [],
        "params": {},
        "description": "",
    }


def test_null_in_a_map_removes_and_is_sent():
    assert given(NODE, {"attributes": {"rack": None}}) == {"attributes": {"rack": None}}


def test_free_maps_pass_as_they_are():
    params = {"on_fail": {"deep": [1, None]}, "flag": True, "number": 1.5}
    assert given(RESOURCE, {"params": params}) == {"params": params}


def test_operation_options_are_spelt_as_pacemaker_spells_them():
    ops = [{"name": "monitor", "start_delay": "5s", "on_fail": "block", "record_pending": False}]
    assert given(RESOURCE, {"ops": ops}) == {
        "ops": [{"name": "monitor", "start-delay": "5s", "on-fail": "block", "record-pending": False}]
    }


def test_a_rule_is_cleaned_all_the_way_down():
    expression = {"attribute": "pingd", "operation": "defined", "value": None, "type": None}
    params = {
        "kind": "location",
        "rule": {
            "score": "-INFINITY",
            "score_attribute": None,
            "operator": "or",
            "role": None,
            "expressions": [expression],
        },
    }
    assert given(CONSTRAINT, params) == {
        "kind": "location",
        "rule": {
            "score": "-INFINITY",
            "operator": "or",
            "expressions": [{"attribute": "pingd", "operation": "defined"}],
        },
    }


def test_a_single_object_is_called_name_and_becomes_an_id():
    options = single(NODE)
    assert "id" not in options and options["name"] == NODE["id"]
    assert entry(options, {"name": "c1", "standby": True}) == {"id": "c1", "standby": True}


def test_a_constraint_keeps_its_optional_id():
    assert entry(CONSTRAINT, {"kind": "order", "id": None}) == {"kind": "order"}
    assert entry(CONSTRAINT, {"kind": "order", "id": "o"}) == {"kind": "order", "id": "o"}


@pytest.mark.parametrize(
    ("section", "item", "fault"),
    [
        ("resources", {"kind": "primitive", "agent": "ocf:x:y", "meta": {}}, None),
        ("resources", {"kind": "group", "members": ["a"], "state": "started"}, None),
        (
            "resources",
            {"kind": "group", "agent": "x"},
            "p.agent makes no sense with kind=group; it belongs to kind=primitive and kind=template",
        ),
        (
            "resources",
            {"kind": "clone", "members": []},
            "p.members makes no sense with kind=clone; it belongs to kind=group",
        ),
        ("constraints", {"kind": "order", "first": "a", "then": "b"}, None),
        (
            "constraints",
            {"kind": "order", "resource": "a"},
            "p.resource makes no sense with kind=order; it belongs to kind=location and kind=colocation and kind=ticket",
        ),
        (
            "constraints",
            {"kind": "colocation", "node": "c1"},
            "p.node makes no sense with kind=colocation; it belongs to kind=location",
        ),
    ],
)
def test_fields_of_another_kind_are_named(section, item, fault):
    assert misplaced(section, item, "p.") == ([fault] if fault else [])


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("passwd", "password_script"),
        ("password", "password_script"),
        ("snmp_priv_passwd", "snmp_priv_passwd_script"),
        ("secret_key", "root-only file"),
    ],
)
def test_a_plain_secret_is_refused_with_a_remedy(name, remedy):
    (fault,) = plain_secrets({name: "geheim", "ip": "10.0.0.1"}, "stonith[0].params")
    assert fault.startswith("stonith[0].params.%s would stand in the CIB" % name)
    assert remedy in fault and "allow_password_in_cib=true" in fault and "geheim" not in fault


def test_secrets_are_found_wherever_they_stand():
    device = {
        "params": {"ip": "10.0.0.1", "passwd": "geheim"},
        "param_sets": ["plain", {"rule": {}, "options": {"password": 1, "login": "x"}}],
        "ops": [{"name": "monitor", "params": {"secret_key": "s"}}],
    }
    assert sorted(fault.split(" ", 1)[0] for fault in plain_secrets(device, "stonith[2]")) == [
        "stonith[2].ops[0].params.secret_key",
        "stonith[2].param_sets[1].options.password",
        "stonith[2].params.passwd",
    ]


def test_ways_to_a_secret_masks_names_and_removed_secrets_pass():
    assert plain_secrets({"password_script": "/etc/x", "identity_file": "/k", "passwd": None}) == []
    assert plain_secrets({"secrets": {"passwd": "geheim"}}) == []
    assert plain_secrets({"params": {"passwd": "********"}, "ids": {"params.passwd": "f-passwd"}}) == []


def test_a_score_that_is_an_empty_text_is_none_at_all():
    assert given(CONSTRAINT, {"kind": "colocation", "score": ""}) == {"kind": "colocation", "score": None}
    assert given(CONSTRAINT, {"kind": "colocation", "score": None}) == {"kind": "colocation"}


def test_all_faults_are_told_at_once():
    refuse([])
    with pytest.raises(Refusal, match="one; two"):
        refuse(["one", "two"])
