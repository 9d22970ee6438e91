# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settling, against a Pacemaker that plays a script and fails on any call that is not in it."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import pytest

from tandem_agent.cib.read import read
from tandem_agent.cib.tree import parse
from tandem_agent.context import Context, Deadline
from tandem_agent.errors import AgentError
from tandem_agent.pacemaker import settle as settling
from tandem_agent.pacemaker.settle import settle, still_failed

CIB = """<cib admin_epoch="0" epoch="7" num_updates="{updates}" validate-with="pacemaker-3.9"><configuration>
<crm_config/><nodes><node id="1" uname="c1"/></nodes><resources>
<primitive id="vip" class="ocf" provider="heartbeat" type="IPaddr2">{meta}</primitive></resources><constraints/></configuration>
<status><node_state id="1" uname="c1" crmd="online"><lrm id="1"><lrm_resources><lrm_resource id="vip">
<lrm_rsc_op id="vip_last_0" operation_key="vip_start_0" operation="start" op-status="{status}"/>
</lrm_resource></lrm_resources></lrm></node_state></status></cib>"""
STOPPED = '<meta_attributes id="m"><nvpair id="n" name="target-role" value="Stopped"/></meta_attributes>'
START = """<transition_graph><synapse id="0"><action_set><rsc_op id="1" operation="start" operation_key="vip_start_0" on_node="c1">
<primitive id="vip"/></rsc_op></action_set><inputs/></synapse></transition_graph>"""
IDLE = "<transition_graph/>"
MON = """<pacemaker-result api-version="2.25" request="crm_mon"><summary><stack type="corosync"/>
<current_dc present="true" name="c1" id="1" with_quorum="true"/>
<cluster_options stonith-enabled="true" maintenance-mode="{maintenance}"/></summary>
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


def run(fake: FakePacemaker, before: Optional[List[Dict[str, Any]]] = None, wait: float = 30) -> settling.Settled:
    context = Context(None, fake, None, None, Deadline(3600), node="c1")  # type: ignore[arg-type]
    found = settle(context, {"vip"}, wait, before or [])
    assert fake.script == [], "the script was not played to its end"
    return found


def test_it_waits_for_the_scheduler_and_then_for_the_operation_under_way() -> None:
    found = run(
        FakePacemaker(
            ("cib", cib(1)), ("graph", START),
            ("cib", cib(1)),  # nothing moved: the scheduler is not asked again
            ("cib", cib(2, status=-1)), ("graph", IDLE),
            ("cib", cib(3)), ("graph", IDLE), ("mon", mon()),
        )
    )  # fmt: skip
    assert found.state == "settled" and found.warnings == [] and found.waited == pytest.approx(0.6)


def test_a_failed_action_of_the_scope_is_an_error_with_the_agents_reason() -> None:
    with pytest.raises(AgentError) as caught:
        run(FakePacemaker(("cib", cib()), ("graph", IDLE), ("mon", mon(False, FAILURE.format(call=12)))))
    assert caught.value.code == "settle.failed"
    assert "vip start on c1 failed with code 6: no such nic eth9" in caught.value.message


def test_a_failure_that_was_there_before_is_nobodys_fault_now() -> None:
    old = settling.failures(mon(failures=FAILURE.format(call=12)).encode())
    found = run(FakePacemaker(("cib", cib()), ("graph", IDLE), ("mon", mon(failures=FAILURE.format(call=12)))), old)
    assert found.state == "settled"


def test_a_failure_elsewhere_is_not_this_requests() -> None:
    other = FAILURE.format(call=12).replace("vip_start", "web_start")
    assert run(FakePacemaker(("cib", cib()), ("graph", IDLE), ("mon", mon(failures=other)))).state == "settled"


def test_the_deadline_says_what_is_still_pending() -> None:
    script = [("cib", cib(1)), ("graph", START)]
    for _look in range(5):
        script.append(("cib", cib(1)))
    with pytest.raises(AgentError) as caught:
        run(FakePacemaker(*script, ("mon", mon(False))), wait=0.9)
    assert caught.value.code == "settle.timeout" and "start vip on c1" in caught.value.message


def test_an_idle_cluster_is_given_patience_but_not_for_ever() -> None:
    script: List[Any] = []
    for look in range(200):
        script.append(("cib", cib(1)))
        if look % 10 == 0:
            script.append(("graph", IDLE))
        script.append(("mon", mon(False)))
    fake = FakePacemaker(*script)
    context = Context(None, fake, None, None, Deadline(3600), node="c1")  # type: ignore[arg-type]
    found = settle(context, {"vip"}, 60, [])
    assert found.waited == pytest.approx(settling.PATIENCE, abs=0.5)
    assert "vip is configured but runs nowhere" in found.warnings[0]


@pytest.mark.parametrize(
    ("meta", "monitor"),
    [(STOPPED, mon(False)), ("", mon(False, standby="true")), ("", mon(False, maintenance="true"))],
    ids=["stopped on purpose", "no node to run on", "maintenance"],
)
def test_it_never_waits_for_what_cannot_happen(meta: str, monitor: str) -> None:
    found = run(FakePacemaker(("cib", cib(meta=meta)), ("graph", IDLE), ("mon", monitor)))
    assert found.waited == 0 and found.state in ("settled", "maintenance") and found.warnings == []


def test_a_failure_that_keeps_a_resource_down_is_told_again() -> None:
    failed = parse(cib().replace("vip_last_0", "vip_last_failure_0").encode())

    def told(*script: Any) -> List[Any]:
        fake = FakePacemaker(*script)
        context = Context(None, fake, None, None, Deadline(3600), node="c1")  # type: ignore[arg-type]
        return still_failed(context, read(failed), failed if script else parse(cib().encode()), {"vip"})

    assert [failure["reason"] for failure in told(("mon", mon(False, FAILURE.format(call=12))))] == ["no such nic eth9"]
    assert told(("mon", mon(True, FAILURE.format(call=12)))) == []  # it runs again: history
    assert told() == []  # nothing failed: nobody is asked
