# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters are checked against what the agents of each distribution really declare."""

from __future__ import annotations

import pathlib
from typing import Mapping

import pytest

from tandem_agent.pacemaker.metadata import Metadata, check, deprecated, missing, read_metadata
from tandem_agent.pacemaker.runner import Runner
from tandem_agent.pacemaker.tools import Tools


class Counting(Tools):
    """The real tools; counts what is asked of them."""

    asked = 0

    def metadata(self, agent: str) -> bytes:
        self.asked += 1
        return super().metadata(agent)


@pytest.fixture
def tools(any_suite: str, cib_file: str) -> Counting:
    return Counting(Runner([any_suite], {"CIB_file": cib_file}))


@pytest.mark.offline
@pytest.mark.parametrize(
    ("agent", "params", "faults"),
    [
        (
            "stonith:fence_ipmilan",
            {"ip": "x", "pcmk_host_check": "sometimes"},
            ["pcmk_host_check must be one of dynamic"],
        ),
        ("stonith:fence_ipmilan", {"ip": "x", "pcmk_off_retries": "few"}, ["pcmk_off_retries must be a whole number"]),
        ("stonith:fence_ipmilan", {"ip": "x", "pcmk_delay_base": "c1:5s;c2:0s", "pcmk_delay_max": "9s"}, []),
        ("ocf:heartbeat:IPaddr2", {"ip": "10.0.0.1", "cidr_netmask": "24", "arp_count": "5", "lvs_support": "yes"}, []),
        ("ocf:heartbeat:IPaddr2", {"ipp": "10.0.0.1"}, ["ipp is no parameter", "did you mean ip?", "ip is required"]),
        (
            "ocf:heartbeat:IPaddr2",
            {"ip": "1.2.3.4", "arp_count": "many"},
            ["arp_count must be a whole number, not 'many'"],
        ),
        ("ocf:heartbeat:IPaddr2", {"ip": "1.2.3.4", "lvs_support": "perhaps"}, ["lvs_support must be true or false"]),
        ("ocf:pacemaker:ping", {"host_list": "10.0.0.1", "dampen": "5s"}, []),  # its default is no integer either
        ("stonith:fence_ipmilan", {"ip": "x", "username": "u", "passwd_script": "/x", "lanplus": "1"}, []),
        (
            "stonith:fence_ipmilan",
            {"ipaddr": "x", "login": "u", "pcmk_host_list": "c1", "pcmk_reboot_timeout": "9"},
            [],
        ),
        ("stonith:fence_ipmilan", {"ip": "x", "pcmk_hostlist": "c1"}, ["did you mean pcmk_host_list?"]),
        ("stonith:fence_ipmilan", {"ip": "x", "method": "axe"}, ["method must be one of onoff, cycle, not 'axe'"]),
        ("stonith:fence_ipmilan", {"ip": "x", "delay": "5s", "power_wait": "1"}, []),
        ("stonith:fence_ipmilan", {"ip": "x", "delay": "soon"}, ["delay must be a number of seconds"]),
    ],
)
def test_real_agents(tools: Counting, agent: str, params: Mapping[str, str], faults: list[str]) -> None:
    about = Metadata(tools).of(agent)
    assert about is not None
    fencing = agent.startswith("stonith:")
    found = check(about, params, fencing) + [f"{name} is required" for name in missing(about, params, fencing)]
    text = "\n".join(found)
    assert all(fault in text for fault in faults), found
    assert bool(found) == bool(faults), found


@pytest.mark.offline
def test_asked_once(tools: Counting) -> None:
    metadata = Metadata(tools)
    first = metadata.of("ocf:heartbeat:IPaddr2")
    assert first is metadata.of("ocf:heartbeat:IPaddr2")
    assert metadata.of("ocf:heartbeat:Nope") is None
    assert metadata.of("ocf:heartbeat:Nope") is None
    assert tools.asked == 2


@pytest.mark.offline
def test_actions_and_flags(tools: Counting) -> None:
    found = Metadata(tools).of("ocf:heartbeat:IPaddr2")
    assert found is not None
    monitor = next(action for action in found.actions if action.name == "monitor")
    assert (monitor.interval, monitor.timeout, monitor.role, dict(monitor.extra)) == (
        "10s",
        "20s",
        None,
        {"depth": "0"},
    )
    assert found.parameters["ip"].required
    fence = Metadata(tools).of("stonith:fence_ipmilan")
    assert fence is not None
    assert fence.parameters["password"].secret
    assert not fence.parameters["passwd_script"].secret
    assert fence.parameters["ipaddr"].deprecated
    assert fence.parameters["ip"].replaces == {"ipaddr"}


REQUIRED = b"""<resource-agent name="fence_x"><parameters>
<parameter name="action" required="1"><content type="string"/></parameter>
<parameter name="ip" required="1" obsoletes="ipaddr"><content type="string"/></parameter>
<parameter name="ipaddr" required="1" deprecated="1"><content type="string"/></parameter>
<parameter name="plug" required="1" obsoletes="port"><content type="string"/></parameter>
<parameter name="port" required="1" deprecated="1"><content type="string"/></parameter>
<parameter name="password"><content type="integer"/></parameter>
</parameters><actions><action name="monitor"/></actions></resource-agent>"""

WITH_A_PIN = b"""<x><parameters><parameter name="pin"><content type="integer"/></parameter></parameters></x>"""


def test_old_and_new_names_stand_for_each_other() -> None:
    metadata = read_metadata(REQUIRED)
    assert missing(metadata, {"ip": "x"}, fencing=True) == []
    assert missing(metadata, {"ipaddr": "x"}, fencing=True) == []
    assert missing(metadata, {}, fencing=True) == ["ip"]
    assert deprecated(metadata, {"ip": "x"}) == []
    assert deprecated(metadata, {"ipaddr": "x"}) == ["ipaddr is deprecated; use ip instead"]


def test_ocf_says_what_replaces_what() -> None:
    metadata = read_metadata(
        b"""<resource-agent name="x"><parameters><parameter name="new"/><parameter name="old" unique-group="g"><deprecated>
<replaced-with name="new"/><replaced-with name="newer"/></deprecated></parameter><parameter name="gone"><deprecated/>
</parameter><parameter name="one" unique="1"/></parameters></resource-agent>"""
    )
    assert deprecated(metadata, ["old", "gone", "new", "nope"]) == [
        "old is deprecated; use new and newer instead",
        "gone is deprecated by this agent",
    ]
    assert [metadata.parameters[name].unique for name in ("old", "one", "new")] == ["g", "one", ""]


def test_a_secret_is_not_quoted() -> None:
    faults = check(read_metadata(REQUIRED), {"ip": "x", "password": "hunter2"}, fencing=True)
    assert faults == ["password must be a whole number, not its value"]
    assert check(read_metadata(WITH_A_PIN), {"pin": "hunter2"}) == ["pin must be a whole number, not 'hunter2'"]
    assert check(read_metadata(WITH_A_PIN), {"pin": "hunter2"}, secret=["pin"]) == [
        "pin must be a whole number, not its value"
    ]
    assert check(read_metadata(WITH_A_PIN), {"pin": None}) == []


def test_an_agent_that_is_not_installed_is_said_on_a_node_only() -> None:
    nowhere = Runner([], {})
    nowhere.search_path = []
    assert "is not installed on this host" in str(Metadata(Tools(nowhere)).missing("ocf:heartbeat:Nope"))
    assert Metadata(Tools(nowhere)).missing("systemd:nope") is None
    offline = Runner([], {"CIB_file": "/nowhere"})
    offline.search_path = []
    assert Metadata(Tools(offline)).missing("ocf:heartbeat:Nope") is None


@pytest.mark.parametrize(
    "text",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><resource-agent><parameters>&b;</parameters></resource-agent>',
        b'<?xml version="1.0" encoding="shift_jis"?><resource-agent/>',
        b'<?xml version="1.0" encoding="klingon"?><resource-agent/>',
        b"<resource-agent",
        b"",
        b"\x00",
    ],
)
def test_metadata_that_nobody_should_read(tools: Counting, monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    monkeypatch.setattr(Tools, "metadata", lambda _tools, _agent: text)
    assert Metadata(tools).of("ocf:pacemaker:Dummy") is None


@pytest.mark.parametrize(
    "agent",
    ["ocf:heartbeat:{up}{evil}", "ocf:{up}{directory}:evil", "lsb:{up}{evil}", "stonith:{up}{evil}", "service:{up}{evil}",
     "ocf:heartbeat:./{up}{evil}", "lsb:{evil}", "ocf:heartbeat:Dummy/{up}{evil}"],
)  # fmt: skip
def test_no_name_of_an_agent_is_a_way_to_run_something_else(
    tools: Counting, tmp_path: pathlib.Path, agent: str
) -> None:
    """Pacemaker runs whatever file the name leads to; a reader may name what it likes in a plan."""
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\necho '<resource-agent/>'\n")
    evil.chmod(0o755)
    name = agent.format(up="../" * 12, evil=evil, directory=tmp_path)
    assert Metadata(tools).of(name) is None
    assert not (tmp_path / "ran").exists()
    if agent == "ocf:heartbeat:{up}{evil}":  # so that the test cannot pass for another reason
        tools.runner.run(["crm_resource", "--show-metadata", name])
        assert (tmp_path / "ran").exists()
