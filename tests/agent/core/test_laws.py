# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The laws of the core, over generated documents."""

from __future__ import annotations

import copy
from typing import Any, Dict, List, NamedTuple, Optional, Tuple
from xml.etree.ElementTree import Element

import pytest
from documents import documents
from hypothesis import given, settings, strategies as st

from tandem_agent.cib.read import read
from tandem_agent.cib.tree import parse, serialize
from tandem_agent.cib.write import write
from tandem_agent.errors import Fault
from tandem_agent.model.codec import dump, load
from tandem_agent.model.declaration import Document
from tandem_agent.model.document import read_document
from tandem_agent.model.objects import State
from tandem_agent.plan.declare import declare
from tandem_agent.plan.diff import Change, advance, diff
from tandem_agent.plan.draft import Wanted
from tandem_agent.plan.references import stranded
from tandem_agent.plan.render import document_of, plan_of
from tandem_agent.plan.validate import validate

BARE = """<cib crm_feature_set="3.3.0" validate-with="{schema}" epoch="5" num_updates="2" admin_epoch="0"><configuration>
  <crm_config><cluster_property_set id="cib-bootstrap-options">
    <nvpair id="cib-bootstrap-options-dc-version" name="dc-version" value="2.1.5"/>
  </cluster_property_set></crm_config>
  <nodes><node id="1" uname="c1"/><node id="2" uname="c2"/></nodes><resources/><constraints/></configuration><status/></cib>"""
SCHEMAS = st.sampled_from(["pacemaker-3.4", "pacemaker-3.9"])


def bare(schema: str = "pacemaker-3.9") -> Element:
    return parse(BARE.format(schema=schema).encode())


def document(raw: Dict[str, Any]) -> Document:
    faults: List[Fault] = []
    made = read_document(raw, faults)
    assert not faults
    return made


def planned(state: State, wish: Document, purge: str = "none") -> Tuple[Wanted, List[Change]]:
    wanted = declare(state, wish, purge)
    assert wanted.faults == []
    return wanted, diff(state, wanted.state, wanted.because)


def applied(root: Element, changes: List[Change]) -> Element:
    made = copy.deepcopy(root)
    write(made, changes)
    return parse(serialize(made))


@given(documents(), SCHEMAS)
def test_what_was_written_is_read_back_and_planning_again_finds_nothing(raw: Dict[str, Any], schema: str) -> None:
    wish, root = document(raw), bare(schema)
    wanted, changes = planned(read(root), wish)
    after = applied(root, changes)
    assert read(after).objects == wanted.state.objects
    assert planned(read(after), wish)[1] == []
    assert validate(wanted.state, wish) == [] or raw["constraints"]


@given(documents(), documents())
def test_one_document_over_another_reads_back(first: Dict[str, Any], second: Dict[str, Any]) -> None:
    root = applied(bare(), planned(State({}), document({"resources": []}))[1])
    changes = planned(read(root), document(first))[1]
    root = applied(root, changes)
    state = read(root)
    wanted = declare(state, document(second))
    if wanted.faults or validate(wanted.state, document(second)):
        return  # the second cannot be laid over the first: refused, not tried
    after = applied(root, diff(state, wanted.state, wanted.because))
    assert read(after).objects == wanted.state.objects


@given(documents(), documents())
def test_purge_all_makes_the_cluster_exactly_the_document(first: Dict[str, Any], second: Dict[str, Any]) -> None:
    root = applied(bare(), planned(read(bare()), document(first))[1])
    wish = document(second)
    wanted = declare(read(root), wish, "all")
    if wanted.faults or validate(wanted.state, wish):
        return
    over_bare = planned(read(bare()), wish)[0].state.objects
    kept = {key for key in wanted.state.objects if key.family == "node"}
    assert {key.id for key in wanted.state.objects if key.family == "resource"} == {
        key.id for key in over_bare if key.family == "resource"
    }
    after = applied(root, diff(read(root), wanted.state, wanted.because))
    assert kept and read(after).objects == wanted.state.objects


@given(documents(), documents(), st.integers(0, 30))
def test_a_plan_that_stops_anywhere_is_finished_by_planning_again(
    first: Dict[str, Any], second: Dict[str, Any], stop: int
) -> None:
    second = dict(second, name="site")
    state = planned(read(bare()), document(first))[0].state
    wish = document(second)
    wanted = declare(state, wish)
    if wanted.faults or validate(wanted.state, wish):
        return
    changes = diff(state, wanted.state, wanted.because)
    halfway = advance(state, changes[:stop])
    again = declare(halfway, wish)
    assert again.faults == []
    assert advance(halfway, diff(halfway, again.state)).objects == wanted.state.objects


@given(documents())
def test_an_exported_cluster_is_what_it_was(raw: Dict[str, Any]) -> None:
    root = applied(bare(), planned(read(bare()), document(raw))[1])
    exported = document(document_of(read(root), secrets=True))
    assert planned(read(root), exported)[1] == []
    rebuilt = applied(bare(), planned(read(bare()), exported)[1])
    assert document_of(read(rebuilt)).keys() == document_of(read(root)).keys()
    assert set(read(rebuilt).objects) == set(read(root).objects)
    assert planned(read(rebuilt), exported)[1] == []


@given(documents())
def test_undoing_a_plan_restores_every_object(raw: Dict[str, Any]) -> None:
    root = bare()
    changes = planned(read(root), document(raw))[1]
    after = applied(root, changes)
    back = diff(read(after), advance(read(after), [change.reverse for change in changes]))
    assert read(applied(after, back)).objects == read(root).objects


@given(documents())
def test_the_journal_keeps_objects_exactly(raw: Dict[str, Any]) -> None:
    for change in planned(read(bare()), document(raw))[1]:
        assert load(dump(change.after)) == change.after


@given(documents())
def test_no_secret_is_in_a_plan(raw: Dict[str, Any]) -> None:
    secret = "5ecret-canary"
    for entry in raw["resources"]:
        if "kind" not in entry:
            entry["params"] = {"passwd": secret}
    changes = planned(read(bare()), document(raw))[1]
    assert secret not in repr(plan_of(changes))


@given(documents())
@settings(max_examples=25)
def test_what_is_not_understood_survives_every_edit(raw: Dict[str, Any]) -> None:
    foreign = """<bundle id="foreign" x-mark="1"><podman image="i"/></bundle>
        <primitive id="a" class="ocf" provider="heartbeat" type="Dummy" x-mark="2">
        <instance_attributes id="i" x-mark="3"><nvpair id="i-z" name="zz" value="9" x-mark="4"/></instance_attributes>
        <utilization id="u" x-mark="5"/><!-- a note --></primitive>"""
    text = BARE.format(schema="pacemaker-3.9").replace("<resources/>", "<resources>" + foreign + "</resources>")
    text = text.replace(
        "<constraints/>", '<constraints><rsc_ticket id="passage" rsc="foreign" ticket="X" x-mark="6"/></constraints>'
    )
    root = parse(text.encode())
    for entry in raw["resources"]:
        entry.pop("params", None)
        entry.pop("param_sets", None)
    after = serialize(applied(root, planned(read(root), document(raw))[1]))
    for mark in range(1, 7):
        assert f'x-mark="{mark}"'.encode() in after
    assert b"a note" in after


def test_writing_no_change_changes_no_byte() -> None:
    root = bare()
    before = serialize(root)
    write(root, diff(read(root), read(root)))
    assert serialize(root) == before


@pytest.mark.parametrize(("left", "right"), [("30", "30s"), ("30s", "PT30S"), ("1min", "60")])
def test_equal_times_are_no_difference(left: str, right: str) -> None:
    def raw(time: str) -> Dict[str, Any]:
        ops = [{"name": "monitor", "interval": time, "timeout": time}]
        return {"resources": [{"id": "a", "agent": "ocf:x:y", "ops": ops, "meta": {"failure-timeout": time}}],
                "properties": {"cluster-recheck-interval": time}}  # fmt: skip

    state = planned(read(bare()), document(raw(left)))[0].state
    assert planned(state, document(raw(right)))[1] == []


def plan_ids(changes: List[Change]) -> List[str]:
    return [f"{change.action} {change.object.kind} {change.key.id}" for change in changes]


class Laid(NamedTuple):
    """A document laid over a state: the result, the plan as words, and what the planner said."""

    state: State
    plan: List[str]
    wanted: Wanted


def laid(raw: Dict[str, Any], over: Optional[State] = None, purge: str = "none") -> Laid:
    state = read(bare()) if over is None else over
    wanted = declare(state, document(raw), purge)
    return Laid(wanted.state, plan_ids(diff(state, wanted.state, wanted.because)), wanted)


SITE = {
    "name": "site",
    "resources": [
        {"id": "a", "agent": "ocf:heartbeat:Dummy"},
        {"id": "b", "agent": "ocf:heartbeat:Dummy"},
        {"id": "g", "kind": "group", "members": ["a", "b"]},
    ],
    "constraints": [{"kind": "location", "resource": "g", "node": "c1", "score": 100}],
}


def test_removing_a_group_takes_its_members_and_constraints_and_says_why() -> None:
    state = laid(SITE).state
    after, plan, wanted = laid({"resources": [{"id": "g", "kind": "group", "state": "absent"}]}, state)
    assert plan == [
        "remove tag tandem.site", "remove location location-g-c1-100", "remove group g", "remove primitive a", "remove primitive b",
    ]  # fmt: skip
    assert wanted.because[next(key for key in state.objects if key.id == "a")] == "its group g is removed"
    assert all(key.id not in ("a", "b", "g") for key in after.objects)


def test_removing_a_group_keeps_what_the_document_declares() -> None:
    state = laid(SITE).state
    after, plan = laid({"resources": [{"id": "g", "kind": "group", "state": "absent"}, {"id": "a"}]}, state)[:2]
    assert "remove primitive b" in plan and "remove primitive a" not in plan
    assert after.resource("a") is not None


def test_purge_owned_removes_only_what_the_document_created() -> None:
    by_hand = laid({"resources": [{"id": "hand", "agent": "ocf:heartbeat:Dummy"}]}).state
    state = laid(SITE, by_hand).state
    less = {"name": "site", "resources": [SITE["resources"][0]]}  # type: ignore[index]
    after, plan = laid(less, state, "owned")[:2]
    assert after.resource("hand") and after.resource("a") and not after.resource("b") and not after.resource("g")
    assert "remove group g" in plan


def test_an_operators_decisions_stay() -> None:
    state = laid(SITE).state
    disabled = laid(
        {"resources": [{"id": "a", "meta": {"target-role": "Stopped"}}], "nodes": [{"id": "c2", "standby": True}]},
        state,
    ).state
    after, plan = laid({**SITE, "resources": [{"id": "a", "meta": {"priority": 5}}]}, disabled)[:2]
    assert plan == ["update primitive a"]
    assert after.resource("a").meta == {"target-role": "Stopped", "priority": "5"}  # type: ignore[union-attr]


def test_membership_by_the_groups_name() -> None:
    state = laid(SITE).state
    after, plan = laid({"resources": [{"id": "c", "agent": "ocf:heartbeat:Dummy", "group": "g"}]}, state)[:2]
    assert plan == ["create primitive c", "update group g"]
    assert after.resource("g").members == ("a", "b", "c")  # type: ignore[union-attr]
    again, plan = laid({"resources": [{"id": "c", "group": "g"}]}, after)[:2]
    assert plan == [] and again.objects == after.objects


def test_operations_that_are_not_named_stay() -> None:
    ops = [{"name": "monitor", "interval": "10s"}, {"name": "start", "timeout": "60s"}]
    state = laid({"resources": [{"id": "a", "agent": "ocf:heartbeat:Dummy", "ops": ops}]}).state
    after = laid({"resources": [{"id": "a", "ops": [{"name": "monitor", "interval": "30s"}]}]}, state).state
    assert [(op.name, op.interval) for op in after.resource("a").ops] == [("start", "0s"), ("monitor", "30s")]  # type: ignore[union-attr]
    none = laid({"resources": [{"id": "a", "ops": []}]}, after).state
    assert none.resource("a").ops == ()  # type: ignore[union-attr]


def meta_after(found: Optional[Dict[str, str]], entry: Dict[str, Any]) -> Dict[str, Optional[str]]:
    """The meta attributes of a resource that had `found`, once `entry` was laid over it."""
    agent = {"id": "a", "agent": "ocf:heartbeat:Dummy", "meta": found}
    root = bare() if found is None else applied(bare(), planned(read(bare()), document({"resources": [agent]}))[1])
    wish = document({"resources": [{"id": "a", "agent": "ocf:heartbeat:Dummy", **entry}]})
    after = applied(root, planned(read(root), wish)[1])
    assert planned(read(after), wish)[1] == []
    resource = read(after).resource("a")
    assert resource is not None and resource.meta is not None
    return dict(resource.meta)


@pytest.mark.parametrize(
    ("found", "entry", "after"),
    [
        (None, {"state": "stopped"}, {"target-role": "Stopped"}),
        (None, {"state": "started", "managed": True}, {}),
        ({}, {"state": "stopped", "managed": False}, {"target-role": "Stopped", "is-managed": "false"}),
        ({"target-role": "Stopped", "priority": "1"}, {"state": "started"}, {"priority": "1"}),
        ({"target-role": "stopped"}, {"state": "stopped"}, {"target-role": "stopped"}),
        ({"target-role": "Started"}, {"state": "started"}, {"target-role": "Started"}),
        ({"target-role": "Unpromoted"}, {"state": "started"}, {"target-role": "Unpromoted"}),
        ({"target-role": "Stopped"}, {"state": "present"}, {"target-role": "Stopped"}),
        ({"target-role": "Stopped"}, {"state": "started", "meta": {"priority": "2"}}, {"priority": "2"}),
        ({"is-managed": "off"}, {"managed": True}, {}),
        ({"is-managed": "off"}, {"managed": False}, {"is-managed": "off"}),
        ({"is-managed": "yes"}, {"managed": True}, {"is-managed": "yes"}),
    ],
)
def test_state_and_managed_touch_their_own_meta_attribute_only(
    found: Optional[Dict[str, str]], entry: Dict[str, Any], after: Dict[str, str]
) -> None:
    assert meta_after(found, entry) == after


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ({"state": "stopped", "meta": {"target-role": "Started"}}, "document.resources[0].state"),
        ({"managed": True, "meta": {"is-managed": "false"}}, "document.resources[0].managed"),
        ({"state": "running"}, "document.resources[0].state"),
    ],
)
def test_a_switch_that_is_said_twice_is_a_fault(entry: Dict[str, Any], path: str) -> None:
    faults: List[Fault] = []
    read_document({"resources": [{"id": "a", "agent": "ocf:heartbeat:Dummy", **entry}]}, faults)
    assert path in [fault.path for fault in faults]


SHARED = {
    "resources": [
        {"id": "t", "kind": "template", "agent": "ocf:heartbeat:Dummy"},
        {"id": "of-t", "template": "t"},
        {"id": "a", "agent": "ocf:heartbeat:Dummy", "params": {"x": "1"}, "ids": {"params": "a-things"}},
        {"id": "b", "agent": "ocf:heartbeat:Dummy", "param_sets": [{"same_as": "a-things"}]},
    ],
    "acls": [{"id": "r", "kind": "role", "permissions": [{"kind": "read", "reference": "a"}]}],
    "tags": [{"id": "some", "references": ["a", "b"]}],
    "constraints": [{"kind": "location", "resource": "some", "node": "c1", "score": 5}],
}


@pytest.mark.parametrize(
    ("gone", "fault"),
    [
        (
            {"resources": [{"id": "t", "kind": "template", "state": "absent"}]},
            "primitive of-t: refers to t, which goes with t",
        ),
        ({"resources": [{"id": "a", "state": "absent"}]}, "primitive b: refers to a-things, which goes with a"),
        (
            {"tags": [{"id": "some", "state": "absent"}]},
            "location location-some-c1-5: refers to some, which goes with some",
        ),
    ],
)
def test_what_others_refer_to_does_not_go(gone: Dict[str, Any], fault: str) -> None:
    state = laid(SHARED).state
    root = applied(bare(), diff(read(bare()), state))
    current = read(root)
    after = declare(current, document(gone)).state
    assert fault in [str(found.path) + ": " + found.message.split(";")[0] for found in stranded(current, after)]


def test_what_goes_takes_permissions_and_tags_with_it() -> None:
    state = laid({**SHARED, "constraints": []}).state
    root = applied(bare(), diff(read(bare()), state))
    wish = document({"resources": [{"id": "a", "state": "absent"}, {"id": "b", "state": "absent"}]})
    wanted, changes = planned(read(root), wish)
    assert stranded(read(root), wanted.state) == []
    assert "update acl_role r" in plan_ids(changes) and "remove tag some" in plan_ids(changes)
    assert read(applied(root, changes)).objects == wanted.state.objects


def test_what_is_to_go_needs_no_kind() -> None:
    state = laid(SITE).state
    after = laid({"resources": [{"id": "g", "state": "absent"}]}, state).state
    assert after.resource("g") is None and after.resource("a") is None


def test_an_empty_group_that_was_there_stays() -> None:
    text = BARE.format(schema="none").replace("<resources/>", '<resources><group id="hollow"/></resources>')
    state = read(parse(text.encode()))
    assert laid({"properties": {"x": "1"}}, state).plan == ["create property x"]
