# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What resources give their agents, wherever it stands, is held against the agents' metadata."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import pytest

from tandem_agent.cib.read import read
from tandem_agent.cib.tree import parse
from tandem_agent.errors import Fault
from tandem_agent.model.declaration import Document
from tandem_agent.model.document import read_document
from tandem_agent.model.objects import State
from tandem_agent.pacemaker.metadata import AgentMetadata, Metadata, read_metadata
from tandem_agent.pacemaker.parameters import judge
from tandem_agent.plan.declare import declare

EMPTY = """<cib crm_feature_set="3.3.0" validate-with="pacemaker-3.9" epoch="5" num_updates="2" admin_epoch="0">
<configuration><crm_config/><nodes><node id="1" uname="c1"/><node id="2" uname="c2"/></nodes><resources/><constraints/>
</configuration><status/></cib>"""

ABOUT = read_metadata(
    b"""<resource-agent name="a"><parameters>
<parameter name="ip" required="1" unique-group="address"><content type="string"/></parameter>
<parameter name="port" unique-group="address"><content type="integer"/></parameter>
<parameter name="pin"><content type="integer"/></parameter>
<parameter name="address"><deprecated><replaced-with name="ip"/></deprecated><content type="string"/></parameter>
<parameter name="name" unique="1"><content type="string"/></parameter>
</parameters></resource-agent>"""
)


class Known(Metadata):
    """Metadata of one agent; another is on other hosts only."""

    def __init__(self) -> None:
        pass

    def of(self, agent: str) -> Optional[AgentMetadata]:
        return ABOUT if agent == "ocf:x:a" else None

    def missing(self, agent: str) -> Optional[str]:
        return None if agent == "ocf:x:a" else f"agent {agent} is not installed on this host"


def document(*resources: Dict[str, Any], **sections: Any) -> Document:
    faults: List[Fault] = []
    found = read_document({"resources": list(resources), **sections}, faults)
    assert faults == []
    return found


def judged(wish: Document, before: Optional[State] = None) -> Tuple[List[str], List[str]]:
    state = before or read(parse(EMPTY.encode()))
    wanted = declare(state, wish)
    assert wanted.faults == []
    found = judge(Known(), state, wanted.state, wish, lambda: "c1")
    return [str(fault) for fault in found.faults], found.warnings


def a(name: str = "r", **more: Any) -> Dict[str, Any]:
    return {"id": name, "agent": "ocf:x:a", **more}


IP = {"ip": "192.0.2.1"}
RULE = {"expressions": [{"attribute": "#uname", "operation": "eq", "value": "c1"}]}


def test_what_is_missing_unknown_or_wrong_is_named_with_its_place() -> None:
    assert judged(document(a())) == (
        ["document.resources[0].params: ip is required by this agent and is not given"],
        [],
    )
    assert judged(document(a(params=IP))) == ([], [])
    faults, _warnings = judged(document(a(params={**IP, "prot": 1, "pin": "x"})))
    assert faults == [
        "document.resources[0].params: prot is no parameter of this agent; did you mean port?",
        "document.resources[0].params: pin must be a whole number, not 'x'",
    ]


def test_secrets_count_and_are_not_quoted() -> None:
    assert judged(document(a(secrets={"ip": "some-secret"}))) == ([], [])
    assert judged(document(a(params=IP, secrets={"pin": "hunter2", "pni": "hunter2"})))[0] == [
        "document.resources[0].secrets: pin must be a whole number, not its value",
        "document.resources[0].secrets: pni is no parameter of this agent; did you mean pin?",
    ]


@pytest.mark.parametrize(
    "others",
    [
        [{"id": "r", "template": "t"}, {"id": "t", "kind": "template", "agent": "ocf:x:a", "params": IP}],
        [a(), {"id": "g", "kind": "group", "members": ["r"], "params": IP}],
        [a(), {"id": "c", "kind": "clone", "resource": "r", "params": IP}],
        [
            a(),
            {"id": "g", "kind": "group", "members": ["r"]},
            {"id": "c", "kind": "clone", "resource": "g", "params": IP},
        ],
        [a(param_sets=[{"options": IP, "rule": RULE}])],
        [a(param_sets=[{"same_as": "s-instance_attributes"}]), a("s", params=IP)],
    ],
)
def test_what_comes_from_elsewhere_is_not_missing(others: List[Dict[str, Any]]) -> None:
    assert judged(document(*others)) == ([], [])


def test_sets_are_judged_like_plain_parameters() -> None:
    sets = [{"options": {"prot": "1"}}, {"options": {"pin": "x", "address": "y"}}]
    faults, warnings = judged(document(a(params=IP, param_sets=sets)))
    assert faults == [
        "document.resources[0].param_sets[0]: prot is no parameter of this agent; did you mean port?",
        "document.resources[0].param_sets[1]: pin must be a whole number, not 'x'",
    ]
    assert warnings == ["document.resources[0].param_sets[1]: address is deprecated; use ip instead"]


def test_a_template_is_judged_but_need_not_be_complete() -> None:
    template = {"id": "t", "kind": "template", "agent": "ocf:x:a"}
    assert judged(document({**template, "params": {"pin": "1"}})) == ([], [])
    assert "prot is no parameter" in judged(document({**template, "params": {"prot": "1"}}))[0][0]


def test_what_should_be_there_once_is_said_where_it_is_there_twice() -> None:
    faults, warnings = judged(document(a("r", params={**IP, "port": 1}), a("s", params={**IP, "port": 2})))
    assert (faults, warnings) == ([], [])
    _faults, warnings = judged(document(a("r", params={**IP, "port": 1}), a("s", params={**IP, "port": 1})))
    assert warnings[0] == (
        "document.resources[0].params: s has the same ip 192.0.2.1 and port 1, which should be there once only"
    )


def test_what_was_there_before_is_not_judged_again() -> None:
    state = read(parse(EMPTY.encode()))
    before = declare(state, document(a(params={"prot": "1", "address": "y"}))).state
    assert judged(document(a(params={"prot": "1", "address": "y", "pin": "2"})), before) == ([], [])
    faults, warnings = judged(document(a(params={"prot": "2", "address": "z"})), before)
    assert len(faults) == 1 and len(warnings) == 1
    was = declare(state, document(a(params=IP))).state
    assert "ip is required" in judged(document(a(params={"pin": "2"})), was)[0][0]


def test_an_agent_that_is_not_here_is_a_fault_unless_it_does_not_run_here() -> None:
    other = {"id": "r", "agent": "ocf:x:other"}
    assert judged(document(other))[0] == [
        "document.resources[0].agent: agent ocf:x:other is not installed on this host"
    ]
    bundle = {
        "id": "b", "kind": "bundle", "container": {"image": "i"}, "network": {"control_port": "3121"}, "resource": "r",
    }  # fmt: skip
    faults, warnings = judged(document(other, bundle))
    assert faults == [] and "its agent is in the image of b" in warnings[0]
    away = [{"kind": "location", "resource": "r", "node": "c1", "score": "-INFINITY"}]
    faults, warnings = judged(document(other, constraints=away))
    assert faults == [] and "keeps it away" in warnings[0]
    there = [{"kind": "location", "resource": "r", "node": "c2", "score": "-INFINITY"}]
    assert len(judged(document(other, constraints=there))[0]) == 1
    stays = declare(read(parse(EMPTY.encode())), document(other)).state
    assert judged(document({**other, "params": {"x": "1"}}), stays) == ([], [])
