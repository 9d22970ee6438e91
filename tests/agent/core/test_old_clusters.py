# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What old clusters bring along, edit by edit: the corpus has them whole, here each is touched where it is odd."""

from __future__ import annotations

import copy
from typing import Any, Dict, List
from xml.etree.ElementTree import Element

import pytest

from tandem_agent.cib.read import read
from tandem_agent.cib.tree import parse, serialize
from tandem_agent.cib.write import write
from tandem_agent.errors import Fault
from tandem_agent.model.document import read_document
from tandem_agent.model.secrets import MASK
from tandem_agent.plan.declare import declare
from tandem_agent.plan.diff import Change, advance, diff
from tandem_agent.plan.render import document_of
from tandem_agent.plan.validate import validate
from tandem_agent.plan.warnings import warnings

DUMMY = 'class="ocf" provider="pacemaker" type="Dummy"'


def cib(head: str = 'validate-with="pacemaker-3.9" crm_feature_set="3.16.2"', **sections: str) -> Element:
    inner = "".join(f"<{name.replace('_', '-')}>{text}</{name.replace('_', '-')}>" for name, text in sections.items())
    return parse(f'<cib {head} epoch="1"><configuration>{inner}</configuration><status/></cib>'.encode())


def settings(**sections: str) -> Element:
    inner = "".join(f"<{name}>{text}</{name}>" for name, text in sections.items())
    return parse(f'<cib validate-with="pacemaker-3.9"><configuration>{inner}</configuration></cib>'.encode())


def primitive(inner: str) -> Element:
    return cib(resources=f'<primitive id="a" {DUMMY}>{inner}</primitive>')


def nvset(tag: str, id: str, more: str = "", **options: str) -> str:
    pairs = "".join(f'<nvpair id="{id}-{name}" name="{name}" value="{value}"/>' for name, value in options.items())
    return f'<{tag} id="{id}" {more}>{pairs}</{tag}>'


def faults_of(root: Element, raw: Dict[str, Any]) -> List[Fault]:
    faults: List[Fault] = []
    document, current = read_document(raw, faults), read(root)
    wanted = declare(current, document)
    return faults + wanted.faults + validate(wanted.state, document, {one.key for one in diff(current, wanted.state)})


def planned(root: Element, raw: Dict[str, Any]) -> List[Change]:
    assert faults_of(root, raw) == []
    return diff(read(root), declare(read(root), read_document(raw, [])).state)


def edited(root: Element, raw: Dict[str, Any]) -> Element:
    """The CIB after a document: it reads as was planned, and the same document finds nothing to do."""
    changes = planned(root, raw)
    made = copy.deepcopy(root)
    write(made, changes)
    made = parse(serialize(made))
    assert read(made).objects == advance(read(root), changes).objects
    assert planned(made, raw) == []
    return made


def ids(root: Element, tag: str) -> List[str]:
    return [element.get("id", "") for element in root.iter(tag)]


# -- sets of options ---------------------------------------------------------------------------------------------------


def test_options_that_go_leave_those_of_an_equal_set_alone() -> None:
    root = primitive(nvset("instance_attributes", "one", x="1") + nvset("instance_attributes", "two", x="2", y="2"))
    made = edited(root, {"resources": [{"id": "a", "params": {"x": None}}]})
    assert ids(made, "nvpair") == ["two-x", "two-y"]
    back = edited(made, {"resources": [{"id": "a", "params": {"x": 1}}]})
    assert ids(back, "instance_attributes") == ["one", "two"]


def test_properties_that_go_leave_those_of_an_equal_set_alone() -> None:
    tag = "cluster_property_set"
    root = settings(crm_config=nvset(tag, "old", x="2") + nvset(tag, "cib-bootstrap-options", x="1"))
    made = edited(root, {"properties": {"x": None}})
    assert ids(made, "nvpair") == ["old-x"]


def test_an_empty_set_is_filled_before_those_with_a_score() -> None:
    scored = nvset("meta_attributes", "scored", 'score="0"', priority="1")
    made = edited(primitive(scored + nvset("meta_attributes", "empty")), {"resources": [{"id": "a", "meta": {"x": 1}}]})
    assert ids(made, "meta_attributes") == ["empty", "scored"]


def test_empty_sets_stay_where_they_are() -> None:
    empty = nvset("meta_attributes", "empty") + nvset("meta_attributes", "empty-too")
    root = primitive(empty + nvset("meta_attributes", "scored", 'score="2"', priority="1"))
    made = edited(root, {"resources": [{"id": "a", "meta_sets": [{"score": 3, "options": {"priority": 1}}]}]})
    assert ids(made, "meta_attributes") == ["empty", "empty-too", "scored"]
    assert document_of(read(primitive(empty))) == {"resources": [{"id": "a", "agent": "ocf:pacemaker:Dummy"}]}


@pytest.mark.parametrize("section", ["property", "resource_default", "operation_default"])
def test_a_set_without_a_rule_is_not_taken_for_the_plain_one(section: str) -> None:
    edited(settings(), {f"{section}_sets": [{"id": "beside", "options": {"x": 1}}]})
    edited(settings(), {f"{section}_sets": [{"id": "says-nothing"}]})


def test_a_set_that_would_be_taken_for_the_plain_one_cannot_stand_before_it() -> None:
    sets = [{"options": {"x": 2}}, "plain"]
    found = faults_of(primitive(""), {"resources": [{"id": "a", "params": {"x": 1}, "param_sets": sets}]})
    assert [fault.path for fault in found] == ["document.resources[0].param_sets"]


def test_the_rule_of_a_set_stays_behind_its_options() -> None:
    rule = '<rule id="r" score="0"><date_expression id="e" operation="gt" start="2020-01-01"/></rule>'
    inner = '<nvpair id="p" name="timeout" value="1s"/>' + rule
    root = settings(op_defaults=f'<meta_attributes id="late">{inner}</meta_attributes>')
    made = edited(root, {"operation_default_sets": [{"id": "late", "options": {"timeout": "2s"}}]})
    assert [child.tag for child in made.iterfind(".//meta_attributes/*")] == ["nvpair", "rule"]


def test_an_id_that_the_document_names_is_made_up_for_nothing_else() -> None:
    made = edited(
        settings(),
        {
            "resource_defaults": {"x": 1},
            "resource_default_sets": [{"id": "rsc_defaults-meta_attributes", "score": 2, "options": {"x": 2}}],
        },
    )
    assert sorted(ids(made, "meta_attributes")) == ["rsc_defaults-meta_attributes", "rsc_defaults-meta_attributes-1"]


# -- other words -------------------------------------------------------------------------------------------------------


def test_an_option_of_a_master_is_all_that_changes() -> None:
    meta = nvset("meta_attributes", "m-meta", notify="true")
    root = cib(resources=f'<master id="m">{meta}<primitive id="a" {DUMMY}/></master>')
    made = edited(root, {"resources": [{"id": "m", "kind": "clone", "meta": {"promotable": True, "notify": False}}]})
    assert ids(made, "nvpair") == ["m-meta-notify"]
    assert ids(made, "master") == ["m"]


def test_an_order_may_say_its_kind_twice() -> None:
    order = '<rsc_order id="o" first="a" then="b" kind="Optional" score="INFINITY"/>'
    root = cib(resources=f'<primitive id="a" {DUMMY}/><primitive id="b" {DUMMY}/>', constraints=order)
    made = edited(root, {"constraints": [{"kind": "order", "first": "a", "then": "b", "mode": "Serialize"}]})
    assert [(one.get("kind"), one.get("score")) for one in made.iter("rsc_order")] == [("Serialize", None)]


BOTH = nvset("cluster_property_set", "cib-bootstrap-options", **{"stonith-timeout": "1s", "fencing-timeout": "2s"})


@pytest.mark.parametrize(("feature_set", "counts"), [("3.16.2", "stonith-timeout"), ("3.20.5", "fencing-timeout")])
def test_of_two_names_of_a_property_the_one_counts_that_pacemaker_knows(feature_set: str, counts: str) -> None:
    root = cib(f'crm_feature_set="{feature_set}"', resources="")
    root.find("configuration").append(parse(f"<crm_config>{BOTH}</crm_config>".encode()))  # type: ignore[union-attr]
    assert list(document_of(read(root))["properties"]) == [counts]


@pytest.mark.parametrize("feature_set", ["3.16.2", "3.20.5"])
@pytest.mark.parametrize("name", ["stonith-timeout", "fencing-timeout"])
def test_an_export_keeps_the_name_that_a_property_has(feature_set: str, name: str) -> None:
    head = f'crm_feature_set="{feature_set}"'
    made = edited(cib(head, resources=""), {"properties": {name: "1s"}, "verbatim": [name]})
    assert [pair.get("name") for pair in made.iter("nvpair")] == [name]
    document = document_of(read(made))
    assert document_of(read(edited(cib(head, resources=""), document))) == document


def test_roles_stand_first_in_an_export() -> None:
    acls = '<acl_target id="eva"><role id="r"/></acl_target><acl_role id="r"/>'
    document = document_of(read(cib(acls=acls)))
    assert [entry["id"] for entry in document["acls"]] == ["r", "eva"]


def test_a_rule_that_an_upgrade_nested_is_scored_inside() -> None:
    inner = {"score": -5, "expressions": [{"attribute": "#uname", "operation": "eq", "value": "n"}]}
    rule = {"expressions": [{"rule": inner}]}
    assert faults_of(primitive(""), {"constraints": [{"kind": "location", "resource": "a", "rule": rule}]}) == []
    bare = {"expressions": inner["expressions"]}
    found = faults_of(primitive(""), {"constraints": [{"kind": "location", "resource": "a", "rule": bare}]})
    assert [fault.path for fault in found] == ["document.constraints[0].rule.score"]


# -- what is said and no fault -----------------------------------------------------------------------------------------

ODD = {
    "resources": [
        {"id": "f-clone", "kind": "clone", "resource": "f"},
        {"id": "p-clone", "kind": "clone", "resource": "p", "promotable": True},
        {"id": "p", "agent": "ocf:pacemaker:Stateful"},
        {"id": "a", "agent": "ocf:pacemaker:Dummy"},
    ],
    "stonith": [{"id": "f", "agent": "fence_dummy"}],
    "constraints": [
        {"kind": "colocation", "resource": "a", "with": "p-clone", "with_role": "Promoted"},
        {"kind": "colocation", "resource": "p-clone", "with": "a", "with_role": "Master"},
    ],
}


def test_what_has_no_effect_is_told() -> None:
    assert faults_of(cib(), ODD) == []
    document = read_document(ODD, [])
    assert warnings(declare(read(cib()), document).state, document) == [
        "document.resources[0]: f is a fence device; the cluster uses it from any node, without a clone around it",
        "document.constraints[1].with_role: a is no promotable clone, so it is never Promoted",
    ]


# -- masks and lengths -------------------------------------------------------------------------------------------------

SECRETIVE = cib(
    nodes='<node id="1" uname="n">' + nvset("instance_attributes", "n-a", password="hush") + "</node>",
    resources=f'<primitive id="a" {DUMMY}>' + nvset("instance_attributes", "a-s", 'score="1"', passwd="hush") + "</primitive>",
    alerts='<alert id="mail" path="/x">' + nvset("instance_attributes", "mail-p", password="hush") + "</alert>",
)  # fmt: skip


def test_an_exported_mask_is_the_secret_that_is_there() -> None:
    document = document_of(read(SECRETIVE))
    assert str(document).count(MASK) == 3
    assert "hush" not in str(document)
    assert planned(SECRETIVE, document) == []
    document["alerts"][0]["path"] = document["resources"][0]["description"] = "/y"
    assert serialize(edited(SECRETIVE, document)).count(b"hush") == 3


def test_a_mask_becomes_no_secret() -> None:
    document = document_of(read(SECRETIVE))
    found = faults_of(cib(nodes='<node id="1" uname="n"/>', resources="", alerts=""), document)
    assert sorted(fault.path for fault in found) == [
        "document.alerts[0]", "document.nodes[0].attributes.password", "document.resources[0]",
    ]  # fmt: skip


def test_a_value_beyond_all_measure_is_left_and_not_written() -> None:
    long = "x" * 70_000
    resource = f'<primitive id="a" {DUMMY}>{nvset("instance_attributes", "p", odd=long)}</primitive>'
    root = settings(crm_config=nvset("cluster_property_set", "s", odd=long), resources=resource)
    document = document_of(read(root))
    assert planned(root, document) == []
    assert [fault.message[:24] for fault in faults_of(settings(), document)] == ["is 70000 characters long"] * 2


def test_what_lacks_its_name_is_left_alone() -> None:
    nameless = '<meta_attributes id="m"><nvpair id="n" name="x"/></meta_attributes>'
    inner = '<resource_set id="s"><resource_ref/><resource_ref id="a"/></resource_set>'
    root = cib(
        resources=f'<primitive id="a" {DUMMY}/>', constraints=f'<rsc_order id="o">{inner}</rsc_order>',
        alerts=f'<alert id="mail" path="/x"><recipient id="r" value="v">{nameless}</recipient></alert>',
    )  # fmt: skip
    assert planned(root, document_of(read(root))) == []
    made = edited(root, {"alerts": [{"id": "mail", "recipients": [{"id": "r", "value": "w"}]}]})
    assert ids(made, "nvpair") == ["n"]


# -- spellings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agent", "right"),
    [
        ("lsb:/usr/local/bin/script", True), ("ocf:heartbeat:/opt/ra/Thing", True), ("ocf:/opt:Thing", False),
        ("lsb:/usr/../bin/sh", False), ("systemd:/etc/x.service", False), ("stonith:/sbin/reboot", False),
    ],
)  # fmt: skip
def test_a_script_may_be_named_by_its_path(agent: str, right: bool) -> None:
    assert (faults_of(cib(), {"resources": [{"id": "a", "agent": agent}]}) == []) is right
