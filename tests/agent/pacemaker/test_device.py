# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fence devices are asked as the cluster would ask them, and an answer that cannot be true is called a lie."""

from __future__ import annotations

import pathlib
import time
from typing import Any, Dict, Mapping, Optional

import pytest

from tandem_agent import fencing
from tandem_agent.context import Context, Deadline
from tandem_agent.errors import AgentError, Fault
from tandem_agent.journal import Journal
from tandem_agent.model.fields import Fields
from tandem_agent.pacemaker.device import Device, Power, duplicates
from tandem_agent.pacemaker.metadata import Metadata, read_metadata
from tandem_agent.pacemaker.runner import Runner
from tandem_agent.pacemaker.tools import Tools

METADATA = read_metadata(b'<r><parameters><parameter name="ip"/><parameter name="plug"/></parameters></r>')
BASE = {"ip": "10.42.0.111", "username": "tandem", "pcmk_host_list": "c1"}


@pytest.fixture
def runner(tmp_path: pathlib.Path) -> Runner:
    return Runner([str(tmp_path)], {})


def agent(directory: pathlib.Path, text: str, name: str = "fence_ipmilan") -> None:
    path = directory / name
    path.write_text(f'#!/bin/sh\nPATH=/usr/bin:/bin\ncat > {directory}/stdin\necho "$@" > {directory}/argv\n{text}\n')
    path.chmod(0o755)


def said(directory: pathlib.Path) -> Dict[str, str]:
    return dict(line.split("=", 1) for line in (directory / "stdin").read_text().splitlines())


@pytest.mark.parametrize(
    ("params", "plugs"),
    [
        ({"pcmk_host_list": "c1"}, {"c1": "c1"}),
        ({"pcmk_host_list": "c1,c2 c3;c4"}, {"c1": "c1", "c2": "c2", "c3": "c3", "c4": "c4"}),
        ({"pcmk_host_map": "c1:7;c2:8,9"}, {"c1": "7", "c2": "8,9"}),
        ({"pcmk_host_map": "c1:7 c2:8\tc3=9;"}, {"c1": "7", "c2": "8", "c3": "9"}),
        ({"pcmk_host_map": "c1:7,c2:8"}, {"7,c2": "8"}),
        ({"pcmk_host_map": "c1:my\\ web\\;server\\:1;c2"}, {"c1": "my web;server:1"}),
        ({"pcmk_host_map": ";:7;c1;:\\"}, {}),
        ({"pcmk_host_map": "c1:7", "pcmk_host_list": "c1 c2"}, {"c1": "7", "c2": "c2"}),
        ({}, {}),
    ],
)
def test_targets_and_plugs(params: Mapping[str, str], plugs: Mapping[str, str]) -> None:
    assert Device("f", "fence_x", params).plugs == plugs


@pytest.mark.parametrize("name", ["../evil", "{here}/evil", "./evil", "..", "", "-x", "a b", "evil\n"])
def test_no_name_of_a_device_is_a_way_to_run_something_else(runner: Runner, tmp_path: pathlib.Path, name: str) -> None:
    agent(tmp_path, "exit 0", "evil")
    (tmp_path / "bin").mkdir()
    runner.search_path.insert(0, str(tmp_path / "bin"))
    power, message = Device("f", name.format(here=tmp_path), BASE).status(runner, METADATA, "c1")
    assert power is Power.FAILED and "is no agent" in message
    assert not (tmp_path / "argv").exists()


def test_no_parameter_is_a_way_to_another_action(runner: Runner, tmp_path: pathlib.Path) -> None:
    agent(tmp_path, "exit 0")
    Device("f", "fence_ipmilan", {**BASE, "x\naction": "off", "y": "1\naction=off"}).status(runner, METADATA, "c1")
    assert (tmp_path / "stdin").read_text().count("action") == 1
    assert said(tmp_path)["action"] == "status"


def test_everything_goes_by_standard_input(runner: Runner, tmp_path: pathlib.Path) -> None:
    agent(tmp_path, "exit 0")
    params = {**BASE, "password": "hunter2", "pcmk_delay_base": "5s", "action": "off", "pcmk_host_map": "c1:4"}
    assert Device("f", "fence_ipmilan", params).status(runner, METADATA, "c1") == (Power.ON, "c1 is on")
    assert said(tmp_path) == {
        "ip": "10.42.0.111",
        "username": "tandem",
        "password": "hunter2",
        "action": "status",
        "plug": "4",
        "nodename": "c1",
    }
    assert (tmp_path / "argv").read_text() == "\n"


def test_the_name_of_the_plug_follows_the_agent_and_the_device(runner: Runner, tmp_path: pathlib.Path) -> None:
    agent(tmp_path, "exit 2")
    assert Device("f", "fence_ipmilan", BASE).status(runner, None, "c1")[0] is Power.OFF
    assert said(tmp_path)["port"] == "c1"
    Device("f", "fence_ipmilan", {**BASE, "pcmk_host_argument": "none"}).status(runner, METADATA, "c1")
    assert not {"plug", "port"} & set(said(tmp_path))
    Device("f", "fence_ipmilan", {**BASE, "plug": "3"}).status(runner, METADATA, "c1")
    assert said(tmp_path)["plug"] == "3"


def test_a_device_without_a_list_is_only_asked_whether_it_answers(runner: Runner, tmp_path: pathlib.Path) -> None:
    agent(tmp_path, "exit 0")
    assert Device("f", "fence_ipmilan", {"ip": "x"}).status(runner, METADATA, None)[0] is Power.UNKNOWN
    assert said(tmp_path)["action"] == "monitor"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'echo "2026-11-21 10:11:12,345 ERROR: Failed: Unable to obtain correct plug status" >&2; exit 1',
            "10.42.0.111 gave no power status: Failed: Unable to obtain correct plug status; check address, user, password",
        ),
        ("exit 1", "10.42.0.111 gave no power status: exit code 1"),
        ('echo "wrong hunter2" >&2; exit 1', "wrong ********"),
        ("kill -9 $$", "exit code -9"),
    ],
)
def test_what_fails_is_told_without_secrets(runner: Runner, tmp_path: pathlib.Path, text: str, message: str) -> None:
    agent(tmp_path, text)
    power, found = Device("f", "fence_ipmilan", {**BASE, "password": "hunter2"}).status(runner, METADATA, "c1")
    assert power is Power.FAILED
    assert message in found
    assert "hunter2" not in found


def test_a_silent_device_is_asked_twice_and_then_given_up(runner: Runner, tmp_path: pathlib.Path) -> None:
    agent(tmp_path, f"echo x >> {tmp_path}/count; exec sleep 30")
    started = time.monotonic()
    power, message = Device("f", "fence_ipmilan", {**BASE, "pcmk_status_timeout": "1s"}).status(runner, None, "c1")
    assert power is Power.FAILED
    assert message == "no answer within 1 s: is 10.42.0.111 reachable from this node?"
    assert (tmp_path / "count").read_text() == "x\nx\n"
    assert time.monotonic() - started < 5


def test_one_lost_answer_is_forgiven(runner: Runner, tmp_path: pathlib.Path) -> None:
    agent(tmp_path, f"[ -e {tmp_path}/once ] && exit 0; touch {tmp_path}/once; exit 1")
    assert Device("f", "fence_ipmilan", BASE).status(runner, None, "c1")[0] is Power.ON


def test_a_missing_agent_or_password_script_is_named(runner: Runner, tmp_path: pathlib.Path) -> None:
    assert "fence_nope is not installed" in Device("f", "fence_nope", BASE).status(runner, None, "c1")[1]
    agent(tmp_path, "exit 0")
    script = tmp_path / "password"
    device = Device("f", "fence_ipmilan", {**BASE, "passwd_script": str(script)})
    assert f"passwd_script {script} is missing" in device.status(runner, None, "c1")[1]
    script.write_text("#!/bin/sh\necho x\n")
    script.chmod(0o700)
    assert device.status(runner, None, "c1")[0] is Power.ON


def test_two_devices_at_one_address_for_two_nodes() -> None:
    one = Device("f1", "fence_ipmilan", {"ip": "1.1.1.1", "pcmk_host_list": "c1"})
    two = Device("f2", "fence_ipmilan", {"ip": "1.1.1.1", "pcmk_host_list": "c2"})
    assert set(duplicates([one, two])) == {"f1", "f2"}
    assert "one of them has a wrong address" in duplicates([one, two])["f1"]
    assert not duplicates([one, two._replace(params={**two.params, "ipport": "624"})])
    assert not duplicates([one, two._replace(params={**two.params, "pcmk_host_list": "c1"})])
    assert not duplicates([one._replace(agent="fence_apc"), two._replace(agent="fence_apc")])


# -- the operations


DEVICE = """<primitive id="fence-{node}" class="stonith" type="fence_ipmilan"><instance_attributes id="i{node}">\
<nvpair id="a{node}" name="ip" value="10.0.0.{number}"/><nvpair id="b{node}" name="pcmk_host_list" value="{node}"/>\
</instance_attributes></primitive>"""


def context(tmp_path: pathlib.Path, bookworm: str, cib: str) -> Context:
    path = tmp_path / "cib.xml"
    path.write_text(cib)
    runner = Runner([str(tmp_path), bookworm], {"CIB_file": str(path)})
    tools = Tools(runner)
    return Context(runner, tools, Metadata(tools), Journal(None), Deadline(60), node="c1")


def ask(operation: Any, where: Context, params: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
    faults: list[Fault] = []
    found: Dict[str, Any] = operation(where, Fields(params or {}, "", faults))
    return found


def devices(*names: str) -> str:
    return (
        "<resources>"
        + "".join(DEVICE.format(node=name, number=index) for index, name in enumerate(names))
        + "</resources>"
    )


@pytest.mark.offline
def test_verify_compares_with_the_membership(tmp_path: pathlib.Path, bookworm: str, cib_text: str) -> None:
    agent(tmp_path, f"grep -q plug=c1 {tmp_path}/stdin && exit 0; exit 2")
    cib = cib_text.replace("<resources/>", devices("c1", "c2", "c9"))
    where = context(tmp_path, bookworm, cib)
    # One at a time: the fake agent has one file for what it was told.
    one, two, nine = (
        ask(fencing.verify, where, {"devices": [f"fence-{name}"]})["devices"][0] for name in ("c1", "c2", "c9")
    )
    assert (one["ok"], one["power"], one["target"], one["message"]) == (True, "on", "c1", "c1 is on")
    assert (two["ok"], two["power"]) == (False, "off")
    assert "c2 is a member of the cluster right now: the device lies" in two["message"]
    assert not nine["ok"]
    assert "c9 is no node of this cluster (c1, c2)" in nine["message"]


@pytest.mark.offline
def test_a_node_that_is_really_off_is_fine(tmp_path: pathlib.Path, bookworm: str, cib_text: str) -> None:
    agent(tmp_path, "exit 2")
    cib = cib_text.replace("<resources/>", devices("c2")).replace(
        'uname="c2" in_ccm="true" crmd="online" join="member" expected="member"',
        'uname="c2" in_ccm="false" crmd="offline" join="down" expected="down"',
    )
    found = ask(fencing.verify, context(tmp_path, bookworm, cib))["devices"]
    assert [(one["ok"], one["power"]) for one in found] == [(True, "off")]


@pytest.mark.offline
def test_an_unknown_device_is_named(tmp_path: pathlib.Path, bookworm: str, cib_text: str) -> None:
    where = context(tmp_path, bookworm, cib_text.replace("<resources/>", devices("c1")))
    with pytest.raises(AgentError, match="there is no fence device nope; the devices are: fence-c1"):
        ask(fencing.verify, where, {"devices": ["nope"]})


@pytest.mark.offline
def test_a_device_is_asked_before_it_is_configured(tmp_path: pathlib.Path, bookworm: str, cib_text: str) -> None:
    agent(tmp_path, f"grep -q ip=10.0.0.9 {tmp_path}/stdin && exit 0; exit 1")
    where = context(tmp_path, bookworm, cib_text.replace("<resources/>", devices("c1")))
    before = where.tools.query_cib()
    told = {"id": "fence-c1", "agent": "fence_ipmilan", "targets": ["c1"]}
    (now,) = ask(fencing.verify, where)["devices"]
    (then,) = ask(fencing.verify, where, {"stonith": [{**told, "params": {"ip": "10.0.0.9"}}]})["devices"]
    assert (now["ok"], then["ok"], then["id"], then["target"]) == (False, True, "fence-c1", "c1")
    (new,) = ask(fencing.verify, where, {"stonith": [{**told, "id": "other", "params": {"ip": "10.0.0.8"}}]})["devices"]
    assert (new["id"], new["ok"]) == ("other", False) and "10.0.0.8 gave no power status" in new["message"]
    assert where.tools.query_cib() == before


@pytest.mark.offline
def test_a_proposal_that_is_no_device_is_refused(tmp_path: pathlib.Path, bookworm: str, cib_text: str) -> None:
    where = context(tmp_path, bookworm, cib_text)
    for wrong in ([{"id": "f", "agnt": "fence_ipmilan"}], [{"id": "f", "agent": "../evil"}], "f"):
        with pytest.raises(AgentError) as caught:
            ask(fencing.verify, where, {"stonith": wrong})
        assert caught.value.code == "params.invalid" and "stonith" in caught.value.message


class Live(Tools):
    """The real tools on a file, but as if it were a running cluster."""

    offline = False  # type: ignore[assignment]
    fenced = ""

    def fence_reboot(self, node: str, timeout: float) -> None:
        self.fenced = node


def live(tmp_path: pathlib.Path, bookworm: str, cib: str) -> Context:
    base = context(tmp_path, bookworm, cib)
    tools = Live(base.runner)
    return Context(base.runner, tools, base.metadata, base.journal, base.deadline, node="c1")


HEALTHY = '<crm_config><cluster_property_set id="p"><nvpair id="s" name="stonith-enabled" value="{}"/></cluster_property_set></crm_config>'


@pytest.mark.offline
@pytest.mark.parametrize(
    ("node", "old", "new", "reason"),
    [
        ("c1", "", "", "it is the node this agent runs on"),
        ("c7", "", "", "it is no node of this cluster (c1, c2)"),
        ("c2", 'have-quorum="1"', 'have-quorum="0"', "the cluster has no quorum"),
        (
            "c2",
            'name="stonith-enabled" value="true"',
            'name="stonith-enabled" value="false"',
            "stonith-enabled is false",
        ),
        (
            "c2",
            'uname="c2" in_ccm="true" crmd="online" join="member" expected="member"',
            'uname="c2" in_ccm="false" crmd="offline" join="down" expected="member"',
            "c2 is unclean",
        ),
        (
            "c2",
            "</crm_config>",
            '<cluster_property_set id="q"><nvpair id="m" name="maintenance-mode" value="true"/></cluster_property_set></crm_config>',
            "maintenance mode",
        ),
        ("c2", "<resources/>", devices("c1"), "the cluster is busy with something else"),
    ],
)
def test_fencing_is_refused_unless_all_is_well(
    tmp_path: pathlib.Path, bookworm: str, cib_text: str, node: str, old: str, new: str, reason: str
) -> None:
    cib = cib_text.replace("<crm_config/>", HEALTHY.format("true"))
    where = live(tmp_path, bookworm, cib.replace(old, new) if old else cib)
    with pytest.raises(AgentError) as caught:
        ask(fencing.reboot, where, {"node": node})
    assert caught.value.code == "fence.refused"
    assert reason in caught.value.message
    assert where.tools.fenced == ""  # type: ignore[attr-defined]


@pytest.mark.offline
def test_a_healthy_cluster_is_fenced_on_request(tmp_path: pathlib.Path, bookworm: str, cib_text: str) -> None:
    where = live(tmp_path, bookworm, cib_text.replace("<crm_config/>", HEALTHY.format("true")))
    assert ask(fencing.reboot, where, {"node": "c2"})["node"] == "c2"
    assert where.tools.fenced == "c2"  # type: ignore[attr-defined]
