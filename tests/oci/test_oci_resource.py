# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resource agent: what it does to the address, and what it makes of each answer."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree

import pytest
from conftest import OTHER, SUBNET, VIP, World, installed

SUCCESS, ERROR, ARGUMENTS, UNIMPLEMENTED, PERMISSION, INSTALLED, NOT_RUNNING = 0, 1, 2, 3, 4, 5, 7


def test_an_address_that_nobody_has_is_assigned(world: World) -> None:
    """S4.09"""
    assert world.resource("start") == (SUCCESS, "", "")
    assert world.vip().vnic == world.vnic("node1")
    assert world.resource("monitor").code == SUCCESS


def test_as_it_is_installed_the_systems_python_hands_over(world: World) -> None:
    assert world.installed_resource("start") == (SUCCESS, "", "")
    assert world.installed_resource("monitor").code == SUCCESS
    assert world.installed_resource("validate-all") == (SUCCESS, "", "")
    assert world.installed_resource("stop").code == SUCCESS
    assert world.installed_resource("monitor").code == NOT_RUNNING


def test_the_survivor_takes_the_address_and_nobody_gives_it_up(world: World) -> None:
    world.resource("start")
    assert world.resource("start", "node2").code == SUCCESS
    assert world.vip().vnic == world.vnic("node2")
    assert len(world.calls("UpdatePrivateIp")) == 1
    left = world.resource("monitor")
    assert left.code == NOT_RUNNING
    assert "points to %s" % world.vnic("node2") in left.err


def test_a_start_where_the_address_is_already_changes_nothing(world: World) -> None:
    world.resource("start")
    world.resource("stop")
    assert world.resource("start").code == SUCCESS
    assert len(world.calls("CreatePrivateIp")) == 1
    assert not world.calls("UpdatePrivateIp")


def test_before_a_start_and_after_a_stop_nothing_is_asked(world: World) -> None:
    assert world.resource("monitor").code == NOT_RUNNING
    assert not (world.directory / "calls.jsonl").exists()
    world.resource("start")
    before = len((world.directory / "calls.jsonl").read_text())
    assert world.resource("stop") == (SUCCESS, "", "")
    assert world.resource("stop").code == SUCCESS
    assert world.resource("monitor").code == NOT_RUNNING
    assert len((world.directory / "calls.jsonl").read_text()) == before
    assert world.vip().vnic == world.vnic("node1")


def test_a_stop_and_a_probe_need_neither_settings_nor_sdk(world: World) -> None:
    world.resource("start")
    broken = {"settings": "/nonexistent", "python": "/nonexistent"}
    assert world.resource("stop", **broken).code == SUCCESS
    assert world.resource("monitor", **broken).code == NOT_RUNNING


@pytest.mark.parametrize(
    "rule",
    [
        {"status": 503},
        {"status": 429},
        {"status": 404, "code": "NotAuthorizedOrNotFound"},
        {"status": 401, "code": "NotAuthenticated"},
        {"drop": True},
    ],
    ids=["503", "429", "404", "401", "dropped"],
)
def test_no_answer_is_not_moved_away(world: World, rule: dict) -> None:
    world.resource("start")
    world.spoil({"operation": "ListPrivateIps", **rule})
    assert world.resource("monitor", timeout=1).code == SUCCESS
    assert world.resource("monitor", timeout=1, grace="0").code == ERROR


def test_an_answer_that_comes_too_late_is_no_answer_and_bounded(world: World) -> None:
    world.resource("start")
    world.spoil({"operation": "*", "delay": 40})
    begun = time.monotonic()
    assert world.resource("monitor", timeout=3).code == SUCCESS
    assert time.monotonic() - begun < 20


def test_the_metadata_service_may_hang_and_the_action_ends_in_time(world: World) -> None:
    world.resource("start")
    world.spoil({"operation": "Metadata", "delay": 40})
    begun = time.monotonic()
    assert world.resource("monitor", timeout=3).code == SUCCESS
    late = world.resource("start", timeout=3)
    assert late.code == ERROR
    assert time.monotonic() - begun < 20


def test_grace_ends_and_says_since_when_nothing_is_known(world: World) -> None:
    world.resource("start")
    marker = next((world.directory / "tmp-node1").glob("oci-private-ip-*.json"))
    held = json.loads(marker.read_text())
    marker.write_text(json.dumps({**held, "confirmed": held["confirmed"] - 400}))
    world.spoil({"operation": "*", "status": 500})
    late = world.resource("monitor", timeout=3)
    assert late.code == ERROR
    assert "nothing known of %s for 40" % VIP in late.err
    world.spoil()
    assert world.resource("monitor").code == SUCCESS
    assert json.loads(marker.read_text())["confirmed"] > held["confirmed"]


def test_a_broken_sdk_moves_nothing(world: World) -> None:
    world.resource("start")
    assert world.resource("monitor", python="/nonexistent").code == SUCCESS
    gone = world.resource("start", python="/nonexistent")
    assert gone.code == INSTALLED
    assert "python: /nonexistent is not there" in gone.err


def test_a_start_asks_again_until_it_is_answered(world: World) -> None:
    world.spoil(
        {"operation": "ListPrivateIps", "status": 429, "count": 2},
        {"operation": "CreatePrivateIp", "status": 500, "count": 1},
    )
    assert world.resource("start", timeout=60).code == SUCCESS
    assert world.vip().vnic == world.vnic("node1")


def test_a_start_that_gets_no_answer_says_why(world: World) -> None:
    world.spoil({"operation": "*", "status": 429})
    throttled = world.resource("start", timeout=8)
    assert throttled.code == ERROR
    assert "throttles" in throttled.err
    assert world.resource("monitor").code == NOT_RUNNING


def test_two_that_start_at_once_leave_it_with_one(world: World) -> None:
    world.spoil({"operation": "CreatePrivateIp", "status": 409, "code": "Conflict", "count": 1})
    assert world.resource("start").code == SUCCESS
    assert world.vip().vnic == world.vnic("node1")


def test_an_api_key_does_as_well(world: World) -> None:
    world.settings(auth="api_key", config=world.api_key())
    assert world.resource("start").code == SUCCESS
    assert world.calls("CreatePrivateIp")[0]["who"] == "ocid1.user.oc1..somebody"
    assert not world.calls("Federate")


# What a person does wrong


def test_credentials_that_are_revoked(world: World) -> None:
    world.settings(auth="api_key", config=world.api_key())
    world.identity.revoked.add("ocid1.user.oc1..somebody")
    said = world.resource("validate-all")
    assert said.code == PERMISSION
    assert "refuses the credentials" in said.err
    assert "NotAuthenticated" in said.err


def test_a_certificate_that_is_expired(world: World) -> None:
    world.identity.add_instance("ocid1.instance.oc1.test.node1", seconds=-60)
    said = world.resource("validate-all")
    assert said.code == PERMISSION
    assert "expired" in said.err


def test_a_session_that_expires_is_refused(world: World) -> None:
    world.identity.token_seconds = -5
    said = world.resource("start", timeout=8)
    assert said.code == ERROR
    assert "401 NotAuthenticated" in said.err


def test_the_key_of_somebody_else(world: World) -> None:
    config = world.api_key()
    own = world.identity.users["ocid1.user.oc1..somebody"][0]
    world.api_key()  # a new key in the file; the cloud knows the old one's fingerprint
    text = Path(config).read_text()
    world.identity.users["ocid1.user.oc1..somebody"] = (
        own,
        world.identity.add_user("ocid1.user.oc1..other").public_key(),
    )
    Path(config).write_text(text.replace(text.split("fingerprint=")[1].split("\n")[0], own.rsplit("/", 1)[1]))
    world.settings(auth="api_key", config=config)
    said = world.resource("validate-all")
    assert said.code == PERMISSION
    assert "signature is not that of the key" in said.err


def test_an_instance_that_the_policy_does_not_know(world: World) -> None:
    """S4.03"""
    world.identity.group.clear()
    said = world.resource("validate-all")
    assert said.code == PERMISSION
    assert "policy" in said.err


def test_an_address_outside_every_subnet(world: World) -> None:
    """S4.01"""
    said = world.resource("start", ip="10.0.9.200")
    assert said.code == ARGUMENTS
    assert "10.0.9.200 is in the subnet of no network card" in said.err


def test_a_card_in_another_subnet(world: World) -> None:
    said = world.resource("start", vnic_id=world.vnic("node1", OTHER))
    assert said.code == ARGUMENTS
    assert "vnic_id: %s is in the subnet of no network card" % VIP in said.err


def test_a_card_of_another_instance(world: World) -> None:
    said = world.resource("start", vnic_id=world.vnic("node2"))
    assert said.code == ARGUMENTS
    assert "no network card of this instance" in said.err


def test_a_subnet_that_is_the_wrong_one_is_refused_by_the_cloud(world: World) -> None:
    said = world.resource("start", subnet_id=OTHER)
    assert said.code != SUCCESS or world.vip().subnet == SUBNET


@pytest.mark.parametrize("address", ["10.0.0.11", "10.0.0.12"])
def test_a_primary_address_does_not_move(world: World, address: str) -> None:
    said = world.resource("start", ip=address)
    assert said.code == ARGUMENTS
    assert "primary address" in said.err


def test_an_endpoint_where_nobody_is(world: World) -> None:
    world.settings(endpoint="https://127.0.0.1:1")
    said = world.resource("start", timeout=8)
    assert said.code == ERROR
    assert "no connection to OCI" in said.err


def test_a_region_that_does_not_exist(world: World) -> None:
    """Its endpoint's name has no address. Here without asking a name server, which would be outside."""
    world.settings(endpoint="", region="xx-nowhere-1", auth="api_key", config=world.api_key())
    resolve = socket.getaddrinfo

    def nobody(host: str, *rest: object, **options: object) -> list:
        if host == "iaas.xx-nowhere-1.oraclecloud.com":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *rest, **options)

    with mock.patch.object(socket, "getaddrinfo", nobody):
        said = world.resource("start", timeout=8)
    assert said.code == ERROR
    assert "is the region right" in said.err


def test_a_card_that_is_not_the_one_the_address_goes_to(world: World) -> None:
    said = world.resource("start", nic="lo")
    assert said.code == ARGUMENTS
    assert "nic: the network card lo has the MAC 00:00:00:00:00:00" in said.err
    assert "no network card eth99" in world.resource("start", nic="eth99").err


@pytest.mark.parametrize(
    ("parameter", "value", "told"),
    [
        ("ip", "10.0.0.200/24", "ip: '10.0.0.200/24' is no address"),
        ("ip", "", "ip: '' is no address"),
        ("vnic_id", "vnic; rm -rf /", "vnic_id: 'vnic; rm -rf /' is no OCID"),
        ("subnet_id", "10.0.0.0/24", "subnet_id: '10.0.0.0/24' is no OCID"),
        ("grace", "a while", "grace: 'a while' is no time"),
        ("settings", "/nonexistent", "settings: /nonexistent does not exist"),
    ],
)
def test_a_parameter_that_is_wrong(world: World, parameter: str, value: str, told: str) -> None:
    for action in ("start", "validate-all", "reload-agent"):
        said = world.resource(action, **{parameter: value})
        assert said.code == ARGUMENTS
        assert told in said.err
    assert not (world.directory / "calls.jsonl").exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"auth": "password"}, "auth is 'password'"),
        ({"region": "Frankfurt"}, "region is 'Frankfurt'"),
        ({"endpoint": "iaas.example.com"}, "endpoint is 'iaas.example.com'"),
        ({"ca_bundle": "/nonexistent.pem"}, "there is no file /nonexistent.pem"),
        ({"read_timeout": "soon"}, "read_timeout is 'soon'"),
        ({"user": "me"}, "user is unknown"),
        ({"auth": "api_key"}, "config is missing"),
        ({"auth": "api_key", "config": "/nonexistent"}, "/nonexistent cannot be used"),
    ],
)
def test_a_setting_that_is_wrong(world: World, changes: dict, told: str) -> None:
    world.settings(**changes)
    said = world.resource("validate-all")
    assert said.code == ARGUMENTS
    assert told in said.err


def test_a_key_that_others_can_read_is_not_used(world: World) -> None:
    config = world.api_key()
    (world.directory / "key.pem").chmod(0o644)
    world.settings(auth="api_key", config=config)
    said = world.resource("validate-all")
    assert said.code == ARGUMENTS
    assert "key_file" in said.err
    assert "chmod 600" in said.err


def test_a_certificate_of_the_endpoint_that_nobody_vouches_for(world: World) -> None:
    world.settings(auth="api_key", config=world.api_key(), ca_bundle="")
    said = world.resource("validate-all")
    assert said.code == ERROR
    assert "ca_bundle" in said.err


def test_no_secret_is_said(world: World) -> None:
    config = world.api_key()
    world.settings(auth="api_key", config=config)
    world.spoil({"operation": "*", "status": 401, "code": "NotAuthenticated"})
    said = world.resource("start", timeout=8)
    assert "PRIVATE KEY" not in said.err + said.out
    assert "Signature" not in said.err + said.out


def test_metadata_and_usage(world: World) -> None:
    found = world.resource("meta-data")
    tree = ElementTree.fromstring(found.out)
    assert tree.findtext("version") == "1.1"
    assert {one.get("name") for one in tree.iter("action")} >= {"start", "stop", "monitor", "validate-all", "meta-data"}
    assert [one.get("name") for one in tree.iter("parameter") if one.get("required") == "1"] == ["ip"]
    assert world.resource("usage").code == SUCCESS
    assert world.resource("promote").code == UNIMPLEMENTED


def test_nothing_of_the_agent_but_the_clouds_questions_needs_the_sdk(world: World) -> None:
    """The system's Python, which has no SDK, reads every other file."""
    program = installed(world.directory, "oci-private-ip")
    names = [
        path.stem for path in (program.parent / "tandem_oci").glob("*.py") if path.stem not in ("cloud", "__init__")
    ]
    code = "import sys; sys.path.insert(0, %r)\n" % str(program.parent) + "".join(
        "import tandem_oci.%s\n" % name for name in names
    )
    subprocess.run(["/usr/bin/python3", "-B", "-c", code], check=True)
