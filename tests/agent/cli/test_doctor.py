# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule of the doctor speaks when it should, and keeps quiet on a healthy pair."""

from __future__ import annotations

import pathlib
import re
from typing import Any, Dict, List, Optional

import pytest

from tandem_agent import doctor as module, fencing
from tandem_agent.context import Context, Deadline
from tandem_agent.diagnosis import tally
from tandem_agent.errors import Fault
from tandem_agent.journal import Journal
from tandem_agent.model.fields import Fields
from tandem_agent.pacemaker.device import Device
from tandem_agent.pacemaker.metadata import Metadata
from tandem_agent.pacemaker.runner import Runner
from tandem_agent.pacemaker.tools import Tools
from tandem_agent.proofs import remember_answers, remember_fencing

pytestmark = pytest.mark.offline

FENCE = """<primitive id="fence-{node}" class="stonith" type="fence_ipmilan"><instance_attributes id="i{node}">
<nvpair id="a{node}" name="ip" value="10.0.0.{number}"/><nvpair id="b{node}" name="pcmk_host_list" value="{node}"/>
<nvpair id="c{node}" name="pcmk_delay_base" value="{delay}"/></instance_attributes></primitive>"""
VIP = """<primitive id="vip" class="ocf" provider="heartbeat" type="IPaddr2"><instance_attributes id="v">
<nvpair id="v1" name="ip" value="10.0.0.9"/></instance_attributes>
<operations><op id="vm" name="monitor" interval="10s"/></operations></primitive>"""
STICKY = (
    '<rsc_defaults><meta_attributes id="d"><nvpair id="d1" name="resource-stickiness" value="100"/></meta_attributes>'
    "</rsc_defaults>"
)
HISTORY = """<lrm_resource id="fence-{node}" class="stonith" type="fence_ipmilan">
<lrm_rsc_op id="o{node}" operation_key="fence-{node}_start_0"
 operation="start" transition-key="1:1:0:abcdef12-0000-0000-0000-000000000000" crm_feature_set="3.0"
 transition-magic="0:0;1:1:0:abcdef12-0000-0000-0000-000000000000" call-id="1" rc-code="0" op-status="0" interval="0"/></lrm_resource>"""

TWO_NODES = """totem { cluster_name: lab
 token: 1500
}
nodelist { node { name: c1
 nodeid: 1
 ring0_addr: 10.0.0.1
 }
node { name: c2
 nodeid: 2
 ring0_addr: 10.0.0.2
 } }
quorum { provider: corosync_votequorum
%s }
"""
WITNESS = "device { model: net\n timeout: 2000\n net { host: w1\n algorithm: ffsplit\n } }\n"


def healthy(cib: str, delay: str = "2s") -> str:
    fences = FENCE.format(node="c1", number=1, delay=delay) + FENCE.format(node="c2", number=2, delay="0s")
    cib = cib.replace("<resources/>", f"<resources>{fences}{VIP}</resources>").replace(
        "</configuration>", STICKY + "</configuration>"
    )
    for node, number in (("c2", 1), ("c1", 2)):
        before = f'<lrm id="{number}"><lrm_resources/></lrm>'
        cib = cib.replace(
            before, before.replace("<lrm_resources/>", f"<lrm_resources>{HISTORY.format(node=node)}</lrm_resources>")
        )
    return cib


def codes(
    tmp_path: pathlib.Path,
    suite: str,
    cib: str,
    corosync: Optional[str] = None,
    monkeypatch: Any = None,
    live: bool = False,
    journal: Optional[Journal] = None,
) -> List[str]:
    return [finding["code"] for finding in findings(tmp_path, suite, cib, corosync, monkeypatch, live, journal)]


def findings(
    tmp_path: pathlib.Path,
    suite: str,
    cib: str,
    corosync: Optional[str] = None,
    monkeypatch: Any = None,
    live: bool = False,
    journal: Optional[Journal] = None,
) -> List[Dict[str, str]]:
    path = tmp_path / "cib.xml"
    path.write_text(cib)
    runner = Runner([str(tmp_path), suite], {"CIB_file": str(path)})
    tools = Tools(runner)
    if live:
        monkeypatch.setattr(Tools, "offline", False)
        conf = tmp_path / "corosync.conf"
        conf.write_text((corosync or TWO_NODES % WITNESS).replace("{", "{\n").replace("}", "\n}\n"))
        monkeypatch.setattr(module, "COROSYNC_CONF", conf)
    faults: list[Fault] = []
    context = Context(runner, tools, Metadata(tools), journal or Journal(None), Deadline(60), node="c1")
    found: List[Dict[str, str]] = module.doctor(context, Fields({}, "", faults))["findings"]
    assert all(set(one) == {"code", "severity", "message", "remedy"} for one in found)
    return found


def systemctl(directory: pathlib.Path, answer: str) -> None:
    path = directory / "systemctl"
    path.write_text(f"#!/bin/sh\necho {answer}\n")
    path.chmod(0o755)


def test_a_healthy_pair_with_a_witness(
    tmp_path: pathlib.Path, any_suite: str, cib_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemctl(tmp_path, "enabled")
    found = findings(tmp_path, any_suite, healthy(cib_text), None, monkeypatch, live=True)
    assert [(one["code"], one["severity"]) for one in found] == [("timing.prediction", "info")]
    assert "a failover after a power cut takes" in found[0]["message"]


def properties(name: str, value: str) -> str:
    pair = f'<nvpair id="s" name="{name}" value="{value}"/>'
    return f'<crm_config><cluster_property_set id="p">{pair}</cluster_property_set></crm_config>'


ENDED = (
    '<rsc_location id="cli-ban-vip-on-c1" rsc="vip"><rule id="br" score="-INFINITY"><expression id="be" attribute="#uname"'
    ' operation="eq" value="c1"/><date_expression id="bd" operation="lt" end="{}-01-01 12:00:00 +01:00"/></rule></rsc_location>'
)
OPERATIONS = VIP[VIP.index("<operations>") : VIP.index("</primitive>")]
KIND = 'class="ocf" provider="heartbeat" type="IPaddr2"'
TEMPLATED = f'<template id="t" {KIND}/>' + VIP.replace(OPERATIONS, "").replace(KIND, 'template="t"')
PROMOTABLE = (
    '<clone id="vips"><meta_attributes id="cm"><nvpair id="cmp" name="promotable" value="true"/></meta_attributes>'
    f"{VIP}</clone>"
)
FEATURES = (
    '<transient_attributes id="1"><instance_attributes id="f"><nvpair id="ff" name="#feature-set" value="{}"/>'
    "</instance_attributes></transient_attributes>"
)
STANDBY = '<instance_attributes id="n"><nvpair id="n1" name="standby" value="on"/></instance_attributes>'
BAN = '<rsc_location id="cli-ban-vip-on-c1" rsc="vip" node="c1" score="-INFINITY"/>'
ONLINE = 'in_ccm="true" crmd="online" join="member" expected="member"'
DEAD = 'in_ccm="false" crmd="offline" join="down" expected="member"'
LEFT = 'in_ccm="false" crmd="offline" join="down" expected="down"'


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("<crm_config/>", properties("stonith-enabled", "false"), "fencing.disabled"),
        ('value="c2"', 'value="c3"', "fencing.uncovered"),
        ('fence-c2_start_0"\n operation="start"', 'fence-c2_stop_0"\n operation="stop"', "fencing.not_started"),
        (STICKY, "", "stickiness.none"),
        ('<op id="vm" name="monitor" interval="10s"/>', "", "monitor.missing"),
        ('interval="10s"/>', 'interval="10s" enabled="false"/>', "monitor.missing"),
        ('have-quorum="1"', 'have-quorum="0"', "quorum.lost"),
        ('<node id="2" uname="c2"/>', f'<node id="2" uname="c2">{STANDBY}</node>', "node.standby"),
        (f'uname="c2" {ONLINE}', f'uname="c2" {DEAD}', "node.unclean"),
        ("<constraints/>", f"<constraints>{BAN}</constraints>", "ban.left"),
        ("<crm_config/>", properties("maintenance-mode", "true"), "cluster.maintenance"),
        ('name="pcmk_delay_base"', 'name="password"', "secret.in_cib"),
        ("<constraints/>", f"<constraints>{ENDED.format(2020)}</constraints>", "ban.expired"),
        ("<constraints/>", f"<constraints>{ENDED.format(2999)}</constraints>", "ban.left"),
        (VIP, TEMPLATED, "monitor.missing"),
        (VIP, PROMOTABLE, "monitor.promoted_missing"),
        ('<lrm id="1">', f'{FEATURES.format("3.16.1")}<lrm id="1">', "version.mixed"),
    ],
)
def test_one_thing_wrong(tmp_path: pathlib.Path, bookworm: str, cib_text: str, old: str, new: str, code: str) -> None:
    cib = healthy(cib_text)
    assert old in cib
    assert code not in codes(tmp_path, bookworm, cib)
    assert code in codes(tmp_path, bookworm, cib.replace(old, new))


def test_a_node_that_left_cleanly(tmp_path: pathlib.Path, bookworm: str, cib_text: str) -> None:
    cib = healthy(cib_text).replace(HISTORY.format(node="c1"), "").replace(f'uname="c2" {ONLINE}', f'uname="c2" {LEFT}')
    found = codes(tmp_path, bookworm, cib)
    assert "node.offline" in found
    assert "node.unclean" not in found


def test_no_devices_at_all(tmp_path: pathlib.Path, bookworm: str, cib_text: str) -> None:
    found = findings(tmp_path, bookworm, cib_text)
    assert found[0]["severity"] == "error"
    assert "fencing.none" in [one["code"] for one in found]
    assert any(one["code"] == "configuration" and "STONITH" in one["message"] for one in found)


def test_two_nodes_without_a_witness(
    tmp_path: pathlib.Path, bookworm: str, cib_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemctl(tmp_path, "enabled")
    alone = TWO_NODES % "two_node: 1\n"
    with_delay = codes(tmp_path, bookworm, healthy(cib_text), alone, monkeypatch, live=True)
    assert "quorum.no_witness" in with_delay
    assert "fencing.race" not in with_delay
    assert "fencing.race" in codes(tmp_path, bookworm, healthy(cib_text, "0s"), alone, monkeypatch, live=True)


def test_daemons_that_do_not_start_at_boot(
    tmp_path: pathlib.Path, bookworm: str, cib_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemctl(tmp_path, "disabled")
    found = findings(tmp_path, bookworm, healthy(cib_text), None, monkeypatch, live=True)
    boot = [one["message"].split()[0] for one in found if one["code"] == "boot.disabled"]
    assert boot == ["corosync", "pacemaker", "tandem-agent.socket", "corosync-qdevice"]


def test_a_stopped_cluster_is_a_finding_not_an_error(
    tmp_path: pathlib.Path, bookworm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemctl(tmp_path, "enabled")
    monkeypatch.setattr(module, "COROSYNC_CONF", tmp_path / "none")
    runner = Runner([str(tmp_path), bookworm], {})
    tools = Tools(runner)
    faults: list[Fault] = []
    context = Context(runner, tools, Metadata(tools), Journal(None), Deadline(60))
    found = module.doctor(context, Fields({}, "", faults))["findings"]
    assert [one["code"] for one in found] == ["cluster.stopped"]


def test_a_template_may_hold_the_monitor(tmp_path: pathlib.Path, bookworm: str, cib_text: str) -> None:
    cib = healthy(cib_text)
    watched = TEMPLATED.replace(f'<template id="t" {KIND}/>', f'<template id="t" {KIND}>{OPERATIONS}</template>')
    assert "monitor.missing" not in codes(tmp_path, bookworm, cib.replace(VIP, watched))


def test_the_same_version_everywhere(tmp_path: pathlib.Path, bookworm: str, cib_text: str) -> None:
    same = healthy(cib_text)
    for number in (1, 2):
        features = (
            FEATURES.format("3.16.1")
            .replace('id="f', f'id="f{number}')
            .replace('attributes id="1"', f'attributes id="{number}"')
        )
        same = same.replace(f'<lrm id="{number}">', f'{features}<lrm id="{number}">')
    assert "version.mixed" not in codes(tmp_path, bookworm, same)
    other = same.replace("3.16.1", "3.19.0", 1)
    told = [one["message"] for one in findings(tmp_path, bookworm, other) if one["code"] == "version.mixed"]
    assert told and "c1: 3.19.0, c2: 3.16.1" in told[0]


def test_fencing_that_nobody_has_proven(
    tmp_path: pathlib.Path, bookworm: str, cib_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(str(tmp_path / "journal"))
    cib = healthy(cib_text)
    unproven = [one for one in findings(tmp_path, bookworm, cib, journal=journal) if one["code"] == "fencing.unproven"]
    assert [one["message"].split(" was never")[0] for one in unproven] == [
        "from this node fence-c1",
        "from this node fence-c2",
    ]
    params = {"ip": "10.0.0.1", "pcmk_host_list": "c1", "pcmk_delay_base": "2s"}
    answers = [{"id": "fence-c1", "target": "c1", "ok": True}, {"id": "fence-c2", "target": "c2", "ok": False}]
    devices = [Device("fence-c1", "fence_ipmilan", params), Device("fence-c2", "fence_ipmilan", {})]
    remember_answers(journal, devices, answers)
    assert codes(tmp_path, bookworm, cib, journal=journal).count("fencing.unproven") == 1
    remember_fencing(journal, "c2")  # really fenced counts for more than any answer
    assert "fencing.unproven" not in codes(tmp_path, bookworm, cib, journal=journal)
    assert "fencing.unproven" in codes(tmp_path, bookworm, cib.replace("10.0.0.1", "10.0.0.7"), journal=journal)
    kept = (tmp_path / "journal" / "fencing.json").read_text()
    remember_answers(journal, [devices[0]._replace(params=dict(params, password="other"))], answers[:1])
    assert (tmp_path / "journal" / "fencing.json").read_text().count(
        "what"
    ) == 1 and "other" not in kept  # c2's device is gone
    assert journal.history(10) == []  # notes are no transactions


@pytest.mark.parametrize(("answer", "unproven"), [(0, 0), (1, 2)], ids=["it answers", "it fails"])
def test_asking_the_devices_is_the_proof(
    tmp_path: pathlib.Path, bookworm: str, cib_text: str, answer: int, unproven: int
) -> None:
    agent = tmp_path / "fence_ipmilan"
    agent.write_text(f"#!/bin/sh\ncat > /dev/null\nexit {answer}\n")
    agent.chmod(0o755)
    journal = Journal(str(tmp_path / "journal"))
    cib = healthy(cib_text)
    assert codes(tmp_path, bookworm, cib, journal=journal).count("fencing.unproven") == 2
    runner = Runner([str(tmp_path), bookworm, "/usr/bin", "/bin"], {"CIB_file": str(tmp_path / "cib.xml")})
    tools = Tools(runner)
    context = Context(runner, tools, Metadata(tools), journal, Deadline(60), node="c1")
    answers = fencing.verify(context, Fields({}, "", []))["devices"]
    assert [one["ok"] for one in answers] == [answer == 0] * 2
    assert codes(tmp_path, bookworm, cib, journal=journal).count("fencing.unproven") == unproven


def test_previews_that_were_wrong_are_counted(tmp_path: pathlib.Path, bookworm: str, cib_text: str) -> None:
    journal = Journal(str(tmp_path / "journal"))
    verdicts = [(True, []), (False, ["web was restarted on c1, which was not foreseen"]), (None, []), (True, [])]
    for number, (matched, mismatch) in enumerate(verdicts, 1):
        journal.write({"id": f"20261121T101112-000{number}-c1", "preview": {"matched": matched, "mismatch": mismatch}})
    journal.write({"id": "20261121T101112-0009-c1"})  # from before there was a verdict
    assert tally(journal.history(10)) == {"matched": 2, "mismatched": 1, "unknown": 2}
    told = [
        one
        for one in findings(tmp_path, bookworm, healthy(cib_text), journal=journal)
        if one["code"] == "preview.mismatched"
    ]
    assert [one["severity"] for one in told] == ["warning"]
    assert told[0]["message"] == (
        "1 of 3 changes did something else than foreseen; the newest is 20261121T101112-0002-c1:"
        " web was restarted on c1, which was not foreseen"
    )


@pytest.mark.parametrize(("answer", "expected"), [("yes", False), ("no", True), ("", False)])
def test_a_clock_that_follows_nothing(
    tmp_path: pathlib.Path, bookworm: str, cib_text: str, monkeypatch: pytest.MonkeyPatch, answer: str, expected: bool
) -> None:
    systemctl(tmp_path, "enabled")
    (tmp_path / "timedatectl").write_text(f"#!/bin/sh\necho {answer}\n")
    (tmp_path / "timedatectl").chmod(0o755)
    found = codes(tmp_path, bookworm, healthy(cib_text), None, monkeypatch, live=True)
    assert ("clock.unsynchronized" in found) == expected


def test_clocks_that_differ(
    tmp_path: pathlib.Path, bookworm: str, cib_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemctl(tmp_path, "enabled")
    later = healthy(cib_text).replace('<lrm_rsc_op id="oc1"', '<lrm_rsc_op last-rc-change="4102444800" id="oc1"')
    found = findings(tmp_path, bookworm, later, None, monkeypatch, live=True)
    (told,) = [one["message"] for one in found if one["code"] == "clock.skew"]
    assert told.startswith("the clock of c2 is at least ") and "ahead of that of c1" in told


ONE = re.compile(r'<node id="2".*?(/>|</node>)|<node_state id="2".*?</node_state>', re.DOTALL)


def test_one_node_alone_needs_no_fencing_and_has_no_failover(
    tmp_path: pathlib.Path, bookworm: str, cib_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemctl(tmp_path, "enabled")
    alone = ONE.sub("", cib_text)
    off = alone.replace("<crm_config/>", properties("stonith-enabled", "false"))
    assert off != alone != cib_text
    found = findings(tmp_path, bookworm, off, None, monkeypatch, live=True)
    assert [(one["code"], one["severity"]) for one in found] == [("cluster.single", "info")]
    # With fencing switched on and no device, nothing is ever started: that is said as on a pair.
    found = findings(tmp_path, bookworm, alone, None, monkeypatch, live=True)
    assert {"fencing.none", "cluster.single", "timing.prediction"} & {one["code"] for one in found} == {"fencing.none"}
