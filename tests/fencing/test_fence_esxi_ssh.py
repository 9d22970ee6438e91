# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""fence_esxi_ssh against an emulated host: every action, every way to be wrong, and nothing that waits for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import Agent, Esxi, make_key, processes_with


def test_every_action_on_every_release_of_the_library(agents: Agent, esxi: Esxi) -> None:
    """S3.03"""
    agents.options = esxi.options()
    plug, power = "t3021cent", esxi.named("t3021cent").power
    assert agents("monitor", plug=plug).code == 0
    assert "t3021cent,1,on\n" in agents("list-status").out
    off = agents("off", plug=plug)
    assert (off.code, off.out, power.state()) == (0, "Success: Powered OFF\n", "off")
    status = agents("status", plug=plug)
    assert (status.code, status.out) == (2, "Status: OFF\n")
    on = agents("on", plug=plug)
    assert (on.code, on.out, power.state()) == (0, "Success: Powered ON\n", "on")
    esxi.server.commands.clear()
    assert agents("reboot", plug=plug).out == "Success: Rebooted\n"
    assert power.state() == "on"
    done = [command for command in esxi.server.commands if "getstate" not in command[0]]
    assert done == [["vmsvc/getallvms"], ["vmsvc/power.off", "1"], ["vmsvc/power.on", "1"]]


def test_what_is_as_it_should_be_is_left_alone(agent: Agent, esxi: Esxi) -> None:
    assert agent("monitor").code == 0
    assert "t3021cent,1\n" in agent("list").out
    assert agent("on", plug="t3021cent").out == "Success: Already ON\n"
    assert not [command for command in esxi.server.commands if command[0] in ("vmsvc/power.on", "vmsvc/power.off")]


def test_metadata_needs_no_host(agents: Agent) -> None:
    for action in ("metadata", "meta-data"):
        said = agents.run(["-o", action])
        root = ElementTree.fromstring(said.out)
        assert (said.code, root.get("name"), said.err) == (0, "fence_esxi_ssh", "")
    parameters = {element.get("name") for element in root.iter("parameter")}
    assert {
        "ip",
        "username",
        "password",
        "password_script",
        "identity_file",
        "plug",
        "host_key",
        "known_hosts",
    } <= parameters
    actions = {element.get("name") for element in root.iter("action")}
    assert {"on", "off", "reboot", "status", "list", "list-status", "monitor", "metadata", "validate-all"} <= actions


def test_what_is_given_can_be_checked_without_a_host(agents: Agent) -> None:
    good = {"ip": "192.0.2.1", "username": "root", "password": "x", "plug": "vm", "host_key": "ssh-ed25519 AAAA"}
    assert agents("validate-all", **good).code == 0
    for change, words in (
        ({"ip": None}, "fence address"),
        ({"password": None}, "password"),
        ({"plug": None}, "plug"),
        ({"host_key": "MD5:00:11"}, "host_key: 'MD5:00:11' is neither"),
    ):
        said = agents("validate-all", **{**good, **change})
        assert said.code == 1 and words in said.err


def test_odd_names_are_only_names(agent: Agent, esxi: Esxi, tmp_path: Path) -> None:
    for machine in [one for one in esxi.machines if one.number < 10]:
        others = [one for one in esxi.machines if one is not machine]
        before = [one.power.state() for one in others]
        said = agent("off", plug=machine.name)
        assert (said.code, said.out, machine.power.state()) == (0, "Success: Powered OFF\n", "off"), machine.name
        assert [one.power.state() for one in others] == before
    assert not (tmp_path / "mark").exists()
    assert {command[0] for command in esxi.server.commands} == {
        "vmsvc/getallvms",
        "vmsvc/power.getstate",
        "vmsvc/power.off",
    }
    assert all(argument.isdigit() for command in esxi.server.commands for argument in command[1:])


def test_a_list_is_one_login_and_one_round_trip(agent: Agent, esxi: Esxi) -> None:
    said = agent("list-status", separator="|")
    found = dict(line.split("|", 1) for line in said.out.splitlines())
    assert found['it\'s "quoted"'] == "3|on" and found["näme übung 機"] == "5|on" and found["a/b%c\\d"] == "6|on"
    assert found["[ds] twin/twin.vmx"] == "21|on" and found["[ds] twin_1/twin.vmx"] == "22|off"
    assert found["sleeping"] == "23|on"  # it may run again at any time
    assert esxi.server.commands.count(["vmsvc/getallvms"]) == 1


def test_an_annotation_that_looks_like_a_machine_is_none(agent: Agent) -> None:
    said = agent("off", plug="ghost")
    assert said.code == 1 and 'NotFound: Unable to find a VM corresponding to "77"' in said.err


def test_a_name_that_two_have_is_refused_and_their_files_are_not(agent: Agent, esxi: Esxi) -> None:
    said = agent("off", plug="twin")
    assert said.code == 1 and "2 virtual machines called 'twin'" in said.err and "[ds] twin_1/twin.vmx" in said.err
    assert agent("off", plug="[ds] twin/twin.vmx").code == 0
    assert [one.power.state() for one in esxi.machines if one.name == "twin"] == ["off", "off"]


def test_an_unknown_machine_is_named_with_those_that_are_there(agent: Agent) -> None:
    for action in ("status", "off", "on", "reboot", "monitor"):
        said = agent(action, plug="t3099cent")
        assert said.code == 1 and "no virtual machine 't3099cent'; it has 't3021cent', 'my web server'" in said.err


def test_power_needs_no_tools_in_the_guest(agent: Agent, esxi: Esxi) -> None:
    assert agent("reboot", plug="no tools").code == 0
    assert esxi.host.answer(["vmsvc/power.shutdown", "20"])[1] == 1


@pytest.mark.parametrize("way", ["password", "script", "key", "protected key"])
def test_ways_to_log_in(agent: Agent, esxi: Esxi, tmp_path: Path, way: str) -> None:
    script, key = tmp_path / "password.sh", tmp_path / "my key %h"
    make_key(key, *(["-N", "passphrase 1"] if way == "protected key" else []))
    script.write_text("#!/bin/sh\ncat <<'END'\n%s\nEND\n" % esxi.password)
    script.chmod(0o700)
    (esxi.directory / "authorized_keys").write_text(key.with_name(key.name + ".pub").read_text())
    more = {
        "password": {},
        "script": {"password": None, "password_script": str(script)},
        "key": {"password": None, "identity_file": str(key)},
        "protected key": {"password": "passphrase 1", "identity_file": str(key)},
    }[way]
    said = agent("status", plug="t3021cent", **more)
    assert (said.code, said.out) == (0, "Status: ON\n"), said.err


@pytest.mark.parametrize("way", ["password", "key"])
def test_a_wrong_login_is_told_as_one_and_tried_once(agent: Agent, tmp_path: Path, way: str) -> None:
    make_key(tmp_path / "stranger")
    more = (
        {"password": "wr0ng-canary"}
        if way == "password"
        else {"password": None, "identity_file": str(tmp_path / "stranger")}
    )
    said = agent("off", plug="t3021cent", **more)
    assert said.code == 1 and "127.0.0.1 refuses the login of root" in said.err
    assert "wr0ng-canary" not in said.err + said.out


def test_the_host_is_known_by_key_fingerprint_or_file(agent: Agent, esxi: Esxi, tmp_path: Path) -> None:
    printed = subprocess.run(
        ["ssh-keygen", "-lf", str(esxi.directory / "host_key.pub")], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    file = tmp_path / "known hosts"
    file.write_text("[127.0.0.1]:%d %s\n" % (esxi.port, esxi.key))
    for more in (
        {"host_key": esxi.key + " root@esxi"},
        {"host_key": printed},
        {"host_key": None, "known_hosts": str(file)},
    ):
        said = agent("status", plug="t3021cent", **more)
        assert said.code == 0, said.err


def test_another_host_or_an_unknown_one_gets_no_password(agent: Agent, esxi: Esxi, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other")
    wrong, empty = tmp_path / "wrong", tmp_path / "empty"
    wrong.write_text("[127.0.0.1]:%d %s\n" % (esxi.port, other))
    empty.write_text("")
    asked = []
    esxi.server.access.__dict__["password"] = lambda: asked.append(1) or esxi.password
    for more, words in (
        ({"host_key": other}, "does not have the host key that it should have"),
        ({"host_key": "SHA256:" + "A" * 43}, "has no key with the fingerprint SHA256:AAA"),
        ({"host_key": None, "known_hosts": str(wrong)}, "does not have the host key that it should have"),
        ({"host_key": None, "known_hosts": str(empty)}, "does not have the host key that it should have"),
        ({"host_key": None, "known_hosts": str(tmp_path / "none")}, "known_hosts: the file"),
        ({"host_key": other, "ssh_options": "-o StrictHostKeyChecking=no"}, "does not have the host key"),
    ):
        said = agent("off", plug="t3021cent", **more)
        assert said.code == 1 and words in said.err, said.err
    assert not asked and not esxi.server.commands


def test_no_password_is_on_a_command_line_or_in_what_is_said(agent: Agent, esxi: Esxi) -> None:
    esxi.mode = ("slow", 1.0)
    seen, done = [], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            seen.append(processes_with("127.0.0.1"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    said = agent("status", plug="t3021cent", verbose="1")
    done.set()
    watcher.join()
    lines = {line for lines in seen for line in lines if "ssh" in line}
    assert said.code == 0 and lines
    assert not [line for line in lines if esxi.password in line]
    assert esxi.password not in said.err + said.out and "c4nary" not in said.err + said.out


@pytest.mark.parametrize(
    ("mode", "limits", "words"),
    [
        (("silent", 0.0), {"login_timeout": "1"}, "127.0.0.1: no answer within 1 s"),
        (("slow", 60.0), {"shell_timeout": "1"}, "no answer within 1 s to 'vim-cmd vmsvc/getallvms'"),
        (("error", 0.0), {}, "does not list its virtual machines: SystemError: A general system error"),
    ],
)
def test_a_host_that_is_not_well_is_told_in_time(
    agent: Agent, esxi: Esxi, mode: tuple[str, float], limits: dict[str, str], words: str
) -> None:
    esxi.mode = mode
    began = time.monotonic()
    said = agent("off", plug="t3021cent", **limits)
    assert time.monotonic() - began < 20  # for a machine that is busy; a host that is silent would take minutes
    assert said.code == 1 and (words in said.err or "timed out" in said.err), said.err
    assert esxi.named("t3021cent").power.state() == "on"


def test_one_that_is_killed_leaves_nothing_behind(agent: Agent, esxi: Esxi) -> None:
    esxi.mode = ("slow", 30.0)
    before = set(os.listdir("/tmp"))
    given = "".join("%s=%s\n" % item for item in {**agent.options, "action": "off", "plug": "t3021cent"}.items())
    with subprocess.Popen(
        [str(agent.program)], stdin=subprocess.PIPE, env=agent.environment(), start_new_session=True
    ) as running:
        assert running.stdin is not None
        running.stdin.write(given.encode())
        running.stdin.close()
        while not esxi.server.commands:
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGKILL)  # as Pacemaker does when its patience ends
    assert not [line for line in processes_with("-p %d" % esxi.port) if "ssh" in line]
    assert not [name for name in set(os.listdir("/tmp")) - before if "fence" in name]


def test_no_host_at_all(agent: Agent, esxi: Esxi) -> None:
    said = agent("off", plug="t3021cent", ipport="1")
    assert said.code == 1 and "no connection to 127.0.0.1" in said.err and "refused" in said.err


def test_a_slow_host_is_waited_for(agent: Agent, esxi: Esxi) -> None:
    esxi.mode = ("slow", 0.3)
    assert agent("off", plug="t3021cent").code == 0


def test_one_that_only_pretends_to_switch_is_found_out(agent: Agent, esxi: Esxi) -> None:
    power = esxi.named("t3021cent").power
    power.switch = lambda action: None  # type: ignore[method-assign]
    said = agent("off", plug="t3021cent", power_timeout="1")
    assert said.code == 1 and "Timed out waiting to power OFF" in said.err
