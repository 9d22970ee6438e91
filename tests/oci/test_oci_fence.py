# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fence agent: options, answers, and that off is only said of what is off."""

from __future__ import annotations

import threading
import time
from xml.etree import ElementTree

import pytest
from conftest import World

NODE2 = "ocid1.instance.oc1.test.node2"
DONE, FAILED, OFF = 0, 1, 2


def test_off_on_and_status(world: World) -> None:
    assert world.fence("status", plug=NODE2) == (DONE, "Status: ON\n", "")
    assert world.fence("off", plug=NODE2).code == DONE
    assert world.fence("status", plug=NODE2) == (OFF, "Status: OFF\n", "")
    assert world.fence("off", plug=NODE2).code == DONE
    assert world.fence("on", plug=NODE2).code == DONE
    assert world.fence("status", plug=NODE2).code == DONE
    assert len(world.calls("InstanceAction")) == 2


def test_reboot_is_off_and_then_on(world: World) -> None:
    world.power.seconds = 1.0
    begun = time.monotonic()
    assert world.fence("reboot", plug=NODE2).code == DONE
    assert time.monotonic() - begun >= 1.0
    assert world.power.state("node2") == "STARTING"  # it is not waited for
    assert len(world.calls("InstanceAction")) == 2


def test_on_the_command_line(world: World) -> None:
    argv = ["-o", "status", "--plug", NODE2, "--settings", world.settings()]
    assert world.installed_fence(argv).out == "Status: ON\n"


def test_as_it_is_installed_and_pacemaker_calls_it(world: World) -> None:
    options = {"action": "off", "plug": NODE2, "settings": world.settings()}
    assert world.installed_fence([], **options) == (DONE, "", "")
    assert world.power.state("node2") == "STOPPED"
    assert world.installed_fence([], **{**options, "action": "status"}).code == OFF


def test_by_its_display_name(world: World) -> None:
    assert world.fence("off", plug="node2").code == DONE
    assert world.power.state("node2") == "STOPPED"
    assert world.power.state("node1") == "RUNNING"


def test_two_of_one_name_are_not_guessed_between(world: World) -> None:
    twin = world.tenancy.instances[NODE2]
    world.tenancy.instances["ocid1.instance.oc1.test.twin"] = type(twin)(
        "ocid1.instance.oc1.test.twin", "node2", twin.compartment
    )
    said = world.fence("off", plug="node2")
    assert said.code == FAILED
    assert "2 instances are called 'node2'" in said.err
    assert not world.calls("InstanceAction")


def test_an_instance_that_does_not_exist(world: World) -> None:
    for plug, told in (
        ("ocid1.instance.oc1.test.gone", "does not find it"),
        ("nobody", "there is no instance 'nobody'"),
    ):
        said = world.fence("reboot", plug=plug)
        assert said.code == FAILED
        assert told in said.err
    assert not world.calls("InstanceAction")


def test_what_does_not_stop_is_not_fenced(world: World) -> None:
    world.power.stuck["node2"] = "STOPPING"
    said = world.fence("reboot", plug=NODE2, power_timeout="2")
    assert said.code == FAILED
    assert "still STOPPING" in said.err
    assert world.fence("status", plug=NODE2).out == "Status: ON\n"


def test_an_instance_that_is_just_starting_is_stopped_when_it_can_be(world: World) -> None:
    world.power.seconds = 1.5
    world.power.act("node2", "START")
    assert world.fence("off", plug=NODE2).code == DONE
    assert world.power.state("node2") == "STOPPED"


def test_an_api_that_is_ill_is_asked_again(world: World) -> None:
    world.spoil(
        {"operation": "InstanceAction", "status": 500, "count": 2},
        {"operation": "GetInstance", "status": 429, "count": 2},
    )
    assert world.fence("off", plug=NODE2).code == DONE
    assert world.power.state("node2") == "STOPPED"


def test_an_api_that_recovers_while_it_is_waited_for(world: World) -> None:
    world.spoil({"operation": "*", "drop": True})
    threading.Timer(2.0, world.spoil).start()
    assert world.fence("off", plug=NODE2, login_timeout="30").code == DONE


def test_an_api_that_is_away_fails_in_bounded_time(world: World) -> None:
    world.spoil({"operation": "*", "status": 503})
    begun = time.monotonic()
    said = world.fence("monitor", login_timeout="2")
    assert said.code == FAILED
    assert "503" in said.err
    assert time.monotonic() - begun < 20


def test_credentials_that_are_refused_are_said_at_once(world: World) -> None:
    world.identity.group.clear()
    begun = time.monotonic()
    said = world.fence("status", plug=NODE2)
    assert said.code == FAILED
    assert "policy" in said.err
    assert time.monotonic() - begun < 18


def test_lists(world: World) -> None:
    assert world.fence("list").out.splitlines() == ["ocid1.instance.oc1.test.node1,node1", NODE2 + ",node2"]
    assert world.fence("list-status").out.splitlines()[1] == NODE2 + ",node2,ON"
    assert world.fence("monitor").code == DONE
    assert world.fence("validate-all", plug=NODE2).code == DONE


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"action": "explode"}, "action: 'explode' is unknown"),
        ({"action": "off"}, "plug: say which instance"),
        ({"action": "off", "plug": NODE2, "power_timeout": "long"}, "power_timeout: 'long' is no number"),
        ({"action": "list", "compartment": "mine"}, "compartment: 'mine' is no OCID"),
        ({"action": "off", "plug": NODE2, "settings": "/nonexistent"}, "/nonexistent does not exist"),
        ({"action": "off", "plug": NODE2, "python": "/nonexistent"}, "python: /nonexistent is not there"),
    ],
)
def test_an_option_that_is_wrong(world: World, options: dict, told: str) -> None:
    said = world.fence(options.pop("action"), **options)
    assert said.code == FAILED
    assert told in said.err
    assert not world.calls("InstanceAction")


def test_what_pacemaker_sends_and_what_nobody_knows(world: World) -> None:
    said = world.fence("status", plug=NODE2, nodename="node2", unheard_of="1")
    assert said.code == DONE
    assert said.err == "Parse error: Ignoring unknown option 'unheard_of'\n"
    assert world.fence("status", port=NODE2).code == DONE


def test_metadata(world: World) -> None:
    tree = ElementTree.fromstring(world.fence("metadata").out)
    assert tree.get("name") == "fence_oci_instance"
    assert {one.get("name") for one in tree.iter("action")} >= {
        "on",
        "off",
        "reboot",
        "status",
        "list",
        "monitor",
        "metadata",
    }
    assert "plug" in {one.get("name") for one in tree.iter("parameter")}
