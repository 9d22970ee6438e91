# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated Redfish controller says what the standard says, and refuses what a real one refuses."""

from __future__ import annotations

import base64
import json
from typing import Any, Dict, Optional

import pytest

from tandem_lab import redfish

BASIC = {"authorization": "Basic " + base64.b64encode(b"tandem:s3cret-x").decode()}
JSON = {**BASIC, "content-type": "application/json"}


class Switches:
    def __init__(self) -> None:
        self.on = True
        self.pressed: list[str] = []

    def is_on(self) -> bool:
        return self.on

    def press(self, operation: str, ordered: bool) -> None:
        self.pressed.append(operation)
        self.on = ordered


@pytest.fixture
def switches() -> Switches:
    return Switches()


@pytest.fixture
def service(switches: Switches) -> redfish.Service:
    return redfish.Service(switches, "c1", "tandem", lambda: "s3cret-x")


def reset(service: redfish.Service, kind: Any, headers: Optional[Dict[str, str]] = None) -> redfish.Reply:
    return service.answer("POST", redfish.RESET, JSON if headers is None else headers, json.dumps(kind).encode())


def test_the_way_from_the_root_to_the_switch(service: redfish.Service) -> None:
    root = service.answer("GET", "/redfish/v1/", {}, b"").body
    assert root is not None
    systems = service.answer("GET", root["Systems"]["@odata.id"], BASIC, b"").body
    assert systems is not None
    system = service.answer("GET", systems["Members"][0]["@odata.id"], BASIC, b"").body
    assert system is not None and system["PowerState"] == "On"
    action = system["Actions"]["#ComputerSystem.Reset"]
    assert action["target"] == redfish.RESET and "ForceOff" in action["ResetType@Redfish.AllowableValues"]


def test_the_power_is_switched(service: redfish.Service, switches: Switches) -> None:
    for kind, button, on in (("ForceOff", "cut", False), ("On", "on", True), ("ForceRestart", "cycle", True)):
        assert reset(service, {"ResetType": kind}).status == 204
        assert (switches.pressed[-1], switches.on) == (button, on)


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"ResetType": "Explode"}, 400, "ActionParameterValueNotInList"),
        ({}, 400, "ActionParameterMissing"),
        ([], 400, "MalformedJSON"),
        ({"ResetType": "On"}, 409, "ResourceInUse"),
    ],
)
def test_what_cannot_be_is_refused(
    service: redfish.Service, switches: Switches, given: Any, status: int, code: str
) -> None:
    reply = reset(service, given)
    assert reply.body is not None
    assert (reply.status, reply.body["error"]["code"]) == (status, "Base.1.8." + code)
    assert not switches.pressed


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/redfish/v1/Systems", {}, 401),
        ("GET", "/redfish/v1/Systems", {"authorization": "Basic !!!"}, 401),
        ("GET", "/redfish/v1/Systems", {"x-auth-token": ""}, 401),
        ("GET", "/redfish/v1/Systems/2", BASIC, 404),
        ("GET", redfish.RESET, BASIC, 405),
        ("PATCH", redfish.SYSTEM, BASIC, 405),
        ("POST", redfish.RESET, BASIC, 415),
        ("GET", "/redfish/v1", {"odata-version": "3.0"}, 412),
    ],
)
def test_the_wrong_request_gets_the_right_status(
    service: redfish.Service, method: str, path: str, headers: Dict[str, str], status: int
) -> None:
    assert service.answer(method, path, headers, b"{}").status == status


def test_a_session_lasts_until_it_is_ended(service: redfish.Service) -> None:
    sign = {"content-type": "application/json"}
    assert service.answer("POST", redfish.SESSIONS, sign, b'{"UserName": "tandem", "Password": "x"}').status == 401
    opened = service.answer("POST", redfish.SESSIONS, sign, b'{"UserName": "tandem", "Password": "s3cret-x"}')
    token = {"x-auth-token": opened.headers["X-Auth-Token"]}
    assert service.answer("GET", redfish.SYSTEM, token, b"").status == 200
    assert service.answer("DELETE", opened.headers["Location"], token, b"").status == 204
    assert service.answer("GET", redfish.SYSTEM, token, b"").status == 401
