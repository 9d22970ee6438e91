# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settling, against a Pacemaker that plays a script and fails on any call that is not in it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Dict, List, Optional

import pytest

from tandem_agent.cib.tree import parse
from tandem_agent.context import Deadline
from tandem_agent.errors import AgentError
from tandem_agent.pacemaker import settle as settling
from tandem_agent.pacemaker.settle import settle, still_lacking
from tandem_agent.pacemaker.status import failures

CIB = """<cib admin_epoch="0" epoch="7" num_updates="{updates}" validate-with="pacemaker-3.9"><configuration>
<crm_config/><nodes><node id="1" uname="c1"/></nodes><resources>
<primitive id="vip" class="ocf" provider="heartbeat" type="IPaddr2">{meta}</primitive></resources><constraints/></configuration>
<status><node_state id="1" uname="c1" crmd="online"><lrm id="1"><lrm_resources><lrm_resource id="vip">
<lrm_rsc_op id="vip_last_0" operation_key="vip_start_0" operation="start" op-status="{status}" rc-code="0"
 call-id="1" transition-key="1:1:0:x"/>
</lrm_resource></lrm_resources></lrm></node_state></status></cib>"""
STOPPED = '<meta_attributes id="m"><nvpair id="n" name="target-role" value="Stopped"/></meta_attributes>'
START = """<transition_graph><synapse id="0"><action_set><rsc_op id="1" operation="start" operation_key="vip_start_0" on_node="c1">
<primitive id="vip"/></rsc_op></action_set><inputs/></synapse></transition_graph>"""
IDLE = "<transition_graph/>"
FENCE = """<transition_graph><synapse id="0"><action_set><crm_event id="1" operation="stonith" on_node="c2"/></action_set></synapse>
</transition_graph>"""
DEVICE = """<primitive id="f" class="stonith" type="fence_x"><instance_attributes id="i">
<nvpair id="n" name="pcmk_host_list" value="{}"/></instance_attributes></primitive></resources>"""
MON = """<pacemaker-result api-version="2.25" request="crm_mon"><summary><stack type="corosync"/>
<current_dc present="true" name="c1" id="1" with_quorum="true"/>
<cluster_options stonith-enabled="false" maintenance-mode="{maintenance}"/></summary>
<nodes><node name="c1" id="1" online="true" standby="{standby}" standby_onfail="false" maintenance="false" pending="false"
 unclean="false" shutdown="false" expected_up="true" is_dc="true" resources_running="1" type="member"/></nodes>
<resources><resource id="vip" resource_agent="ocf:heartbeat:IPaddr2" role="{role}" active="{active}" orphaned="false" blocked="false"
 managed="true" failed="false" failure_ignored="false" nodes_running_on="{active_count}">{node}</resource></resources>
<failures>{failures}</failures><status code="0" message="OK"/></pacemaker-result>"""
FAILURE = """<failure op_key="vip_start_0" node="c1" exitstatus="not configured" exitreason="no such nic eth9" exitcode="6" call="{call}"
 status="complete" last-rc-change="2026-11-21 10:11:{call}" queued="0" exec="40" interval="0" task="start"/>"""


def cib(updates: int = 1, status: int = 0, meta: str = "") -> str:
    return CIB.format(updates=updates, status=status, meta=meta)


def mon(running: bool = True, failures: str = "", maintenance: str = "false", standby: str = "false") -> str:
    return MON.format(
        role="Started" if running else "Stopped", active=str(running).lower(), active_count=int(running), failures=failures,
        node='<node name="c1" id="1" cached="true"/>' if running else "", maintenance=maintenance, standby=standby,
    )  # fmt: skip


class FakePacemaker:
    """Answers each call with the next line of its script; anything else is an error of the test."""

    offline = False

    def __init__(self, *script: Any) -> None:
        self.script: List[Any] = list(script)

    def _next(self, call: str) -> bytes:
        assert self.script, f"unscripted call: {call}"
        name, answer = self.script.pop(0)
        assert name == call, f"the script expects {name}, not {call}"
        return answer.encode()  # type: ignore[no-any-return]

    def query_cib(self) -> bytes:
        return self._next("cib")

    def graph(self, _cib: bytes, timeout: float = 0) -> bytes:
        return self._next("graph")

    def monitor(self) -> bytes:
        return self._next("mon")


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(settling.time, "monotonic", made.monotonic)
    monkeypatch.setattr(settling.time, "sleep", made.sleep)
    return made


def around(fake: FakePacemaker, told: Optional[List[Any]] = None) -> Any:
    """What settling needs of a request's surroundings."""
    heard = [] if told is None else told
    return SimpleNamespace(tools=fake, deadline=Deadline(3600), emit=lambda _event, data: heard.append(data))


def run(fake: FakePacemaker, before: Optional[List[Dict[str, Any]]] = None, wait: float = 30) -> settling.Settled:
    context = around(fake)
    found = settle(context, {"vip"}, wait, before or [])
    assert fake.script == [], "the script was not played to its end"
    return found


def test_it_waits_for_the_scheduler_and_then_for_the_operation_under_way() -> None:
    found = run(
        FakePacemaker(
            ("cib", cib(1)), ("graph", START),
            ("cib", cib(1)),  # nothing moved: the scheduler is not asked again
            ("cib", cib(2, status=-1)),  # something is under way: there is no need to ask
            ("cib", cib(3)), ("graph", IDLE), ("mon", mon()),
        )
    )  # fmt: skip
    assert found.state == "settled" and found.warnings == [] and found.waited == pytest.approx(3 * settling.POLL)


def test_a_failed_action_of_the_scope_is_an_error_with_the_agents_reason() -> None:
    with pytest.raises(AgentError) as caught:
        run(FakePacemaker(("cib", cib()), ("graph", IDLE), ("mon", mon(False, FAILURE.format(call=12)))))
    assert caught.value.code == "settle.failed"
    assert "vip start on c1 failed with code 6: no such nic eth9" in caught.value.message


def test_a_failure_that_was_there_before_is_nobodys_fault_now() -> None:
    old = failures(mon(failures=FAILURE.format(call=12)).encode())
    found = run(FakePacemaker(("cib", cib()), ("graph", IDLE), ("mon", mon(failures=FAILURE.format(call=12)))), old)
    assert found.state == "settled"


def test_a_failure_elsewhere_is_not_this_requests() -> None:
    other = FAILURE.format(call=12).replace("vip_start", "web_start")
    assert run(FakePacemaker(("cib", cib()), ("graph", IDLE), ("mon", mon(failures=other)))).state == "settled"


def looks(number: int, *each: Any, every: int = 20) -> List[Any]:
    """The calls of so many looks at a CIB that does not move."""
    script: List[Any] = []
    for look in range(number):
        script.append(("cib", cib(1, **each[0])))
        script += each[1:] if look % every == 0 else []
    return script


def test_the_deadline_says_what_is_still_pending() -> None:
    with pytest.raises(AgentError) as caught:
        run(FakePacemaker(*looks(11, {}, ("graph", START)), ("mon", mon(False)), ("graph", START)), wait=0.95)
    assert caught.value.code == "settle.timeout" and caught.value.retryable
    assert caught.value.details["pending"] == ["start vip on c1"]
    assert "after 0.95 s the cluster still had to: start vip on c1" in caught.value.message


def test_the_deadline_says_how_long_an_operation_has_been_under_way_and_what_waits_for_it() -> None:
    more = START.replace("vip", "web").replace("<inputs/>", '<inputs><trigger><rsc_op id="9"/></trigger></inputs>')
    more = more.replace("</transition_graph>", START.replace('id="1"', 'id="9"').partition("<transition_graph>")[2])
    with pytest.raises(AgentError) as caught:
        run(FakePacemaker(*looks(41, {"status": -1}, every=99), ("mon", mon(False)), ("graph", more)), wait=3.95)
    assert caught.value.details["pending"] == [
        "start vip on c1 (under way for 4 s)",
        "start web on c1 (after start vip on c1)",
    ]


def test_the_deadline_says_that_nobody_is_in_charge_and_that_fencing_failed() -> None:
    event = (
        '<fence_history><fence_event action="reboot" target="c2" client="x" origin="c1" status="failed" completed="10:11:12"/>'
        "</fence_history>"
    )
    monitor = (
        mon(False)
        .replace('<current_dc present="true"', '<current_dc present="false"')
        .replace("<failures>", event + "<failures>")
    )
    start = cib(1).replace("</resources>", DEVICE.format("c1 c2"))
    with pytest.raises(AgentError) as caught:
        run(FakePacemaker(("cib", start), ("graph", FENCE), ("mon", monitor), ("graph", FENCE)), wait=-1)
    assert caught.value.details["pending"] == [
        "fence c2 (the last attempt failed at 10:11:12)",
        "elect a coordinator (DC); until then nobody does anything",
    ]


def test_fencing_without_a_device_is_not_waited_for() -> None:
    start = cib(1).replace("</resources>", DEVICE.format("c1"))
    with pytest.raises(AgentError) as caught:
        run(FakePacemaker(("cib", start), ("graph", FENCE)))
    assert caught.value.code == "settle.failed"
    assert "c2 must be fenced first, and no fence device is for it" in caught.value.message


def test_what_fails_over_and_over_is_told_before_the_deadline() -> None:
    def failed(number: int) -> str:
        operation = (
            f'<lrm_rsc_op id="vip_last_failure_0" operation_key="vip_start_0" operation="start" op-status="0" rc-code="1"'
            f' call-id="{number}" interval="0" transition-key="{number}:1:0:x"/></lrm_resource>'
        )
        return cib(number).replace("</lrm_resource>", operation)

    script: List[Any] = []
    for number in range(1, 4):
        script += [("cib", failed(number)), ("graph", START)]
    script += [("cib", failed(4)), ("mon", mon(False, FAILURE.format(call=14)))]
    with pytest.raises(AgentError) as caught:
        run(FakePacemaker(*script))
    assert caught.value.code == "settle.failed" and "no such nic eth9" in caught.value.message


PINGED = (
    '<constraints><rsc_location id="connected" rsc="vip"><rule id="r" score="-INFINITY"><expression id="e" attribute="pingd"'
    ' operation="not_defined"/></rule></rsc_location></constraints>'
)


def test_what_may_pass_by_itself_is_given_patience_but_not_for_ever() -> None:
    script: List[Any] = []
    for look in range(151):
        script.append(("cib", cib(1).replace("<constraints/>", PINGED)))
        script += [("graph", IDLE), ("mon", mon(False))] if look % 20 == 0 else []
    fake = FakePacemaker(*script)
    told: List[Any] = []
    context = around(fake, told)
    found = settle(context, {"vip"}, 60, [])
    assert found.waited == pytest.approx(settling.PATIENCE, abs=0.2)
    assert found.warnings == ["vip runs nowhere: not on c1: connected keeps it away because of a node attribute"]
    assert told[0]["pending"] == found.warnings and 14 <= len(told) <= 17  # once a second while nothing changes


def test_an_attribute_that_comes_is_not_missed() -> None:
    waiting = cib(1).replace("<constraints/>", PINGED)
    attribute = (
        '<transient_attributes id="1"><instance_attributes id="s"><nvpair id="p" name="pingd" value="1"/>'
        "</instance_attributes></transient_attributes></node_state>"
    )
    there = waiting.replace('num_updates="1"', 'num_updates="2"').replace("</node_state>", attribute)
    done = there.replace('num_updates="2"', 'num_updates="3"')
    script = [("cib", waiting), ("graph", IDLE), ("mon", mon(False)), ("cib", there), ("graph", START)]
    found = run(FakePacemaker(*script, ("cib", done), ("graph", IDLE), ("mon", mon())))
    assert found.state == "settled" and found.warnings == []


NOWHERE = "vip runs nowhere: "


@pytest.mark.parametrize(
    ("meta", "monitor", "told"),
    [
        (STOPPED, mon(False), []),
        ("", mon(False, standby="true"), [NOWHERE + "not on c1: it is in standby"]),
        ("", mon(False, maintenance="true"), []),
        (STOPPED.replace("target-role", "is-managed").replace("Stopped", "false"),
         mon(False).replace('managed="true"', 'managed="false"'), [NOWHERE + "it is not managed (is-managed or maintenance)"]),
    ],
    ids=["stopped on purpose", "no node to run on", "maintenance", "unmanaged"],
)  # fmt: skip
def test_it_never_waits_for_what_cannot_happen(meta: str, monitor: str, told: List[str]) -> None:
    found = run(FakePacemaker(("cib", cib(meta=meta)), ("graph", IDLE), ("mon", monitor)))
    assert found.waited == 0 and found.warnings == told
    assert found.state == ("maintenance" if 'maintenance-mode="true"' in monitor else "settled")


def test_a_failure_that_is_to_be_ignored_is_none() -> None:
    ignoring = '<operations><op id="o" name="start" interval="0" on-fail="ignore"/></operations>'
    found = run(
        FakePacemaker(("cib", cib(meta=ignoring)), ("graph", IDLE), ("mon", mon(True, FAILURE.format(call=12))))
    )
    assert found.state == "settled"


def test_a_failed_container_is_the_bundles_failure() -> None:
    bundle = '<bundle id="box"><podman image="x" replicas="1"/><primitive id="vip" class="ocf" provider="p" type="t"/></bundle>'
    start = cib().replace('<primitive id="vip" class="ocf" provider="heartbeat" type="IPaddr2"></primitive>', bundle)
    failure = FAILURE.format(call=12).replace("vip_start", "box-podman-0_start")
    with pytest.raises(AgentError) as caught:
        run(FakePacemaker(("cib", start), ("graph", IDLE), ("mon", mon(False, failure))))
    assert "box-podman-0 start on c1 failed" in caught.value.message


def lacking(text: str, *script: Any) -> Any:
    fake = FakePacemaker(*script)
    found, failed = still_lacking(around(fake), parse(text.encode()), {"vip"})
    assert fake.script == []
    return [str(one) for one in found], [failure["reason"] for failure in failed]


def test_what_a_cluster_without_work_lacks_is_told_again() -> None:
    failed, asked = cib().replace('rc-code="0"', 'rc-code="6"'), ("graph", IDLE)
    (told,), reasons = lacking(failed, asked, ("mon", mon(False, FAILURE.format(call=12))))
    assert "its agent says that it is not configured" in told and reasons == ["no such nic eth9"]
    assert lacking(failed, asked, ("mon", mon(True, FAILURE.format(call=12)))) == ([], [])  # it runs again: history
    down = cib().replace('operation="start"', 'operation="stop"')
    assert lacking(down, asked, ("mon", mon(False, standby="true"))) == (
        ["vip runs nowhere: not on c1: it is in standby"],
        [],
    )


def test_where_all_is_well_nobody_is_asked_again() -> None:
    assert lacking(cib()) == ([], [])
    assert lacking(cib(meta=STOPPED).replace('operation="start"', 'operation="stop"')) == ([], [])
    starting = cib(status=-1).replace('rc-code="0"', 'rc-code="193"')
    assert lacking(starting.replace('operation="start"', 'operation="stop"')) == ([], [])  # busy: it may come yet
    assert lacking(cib().replace('operation="start"', 'operation="stop"'), ("graph", START)) == ([], [])
