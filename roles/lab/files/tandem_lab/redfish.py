# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A management controller that speaks Redfish (DMTF DSP0266): emulated, since no such controller can exist here.

As much as switching a system takes: service root, the collection of systems, one system with PowerState and the action
ComputerSystem.Reset with its allowable values, basic and session authentication. What a real one refuses is refused with
the status and the extended error that the standard names. No sockets here: `https.py` carries it.
"""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Protocol, Tuple

ROOT = "/redfish/v1"
SYSTEM = ROOT + "/Systems/1"
RESET = SYSTEM + "/Actions/ComputerSystem.Reset"
SESSIONS = ROOT + "/SessionService/Sessions"
# What is ordered, the button, and the power that it needs to make sense.
RESETS: Dict[str, Tuple[str, Optional[bool]]] = {
    "On": ("on", False),
    "ForceOff": ("cut", True),
    "GracefulShutdown": ("off", True),
    "ForceRestart": ("cycle", True),
    "PowerCycle": ("cycle", True),
}
MOST_SESSIONS = 8


class Power(Protocol):
    """The system's switches."""

    def is_on(self) -> bool:
        """Whether the system has power."""

    def press(self, operation: str, ordered: bool) -> None:
        """Switch it."""


class Reply(NamedTuple):
    """An answer over HTTP."""

    status: int
    body: Optional[Dict[str, Any]] = None
    headers: Mapping[str, str] = {}


class Refused(Exception):
    """What the client did wrong, in the standard's words."""

    def __init__(self, status: int, message: str, said: str, **headers: str) -> None:
        super().__init__(said)
        fault = {"code": "Base.1.8." + message, "message": said}
        fault["@Message.ExtendedInfo"] = [{"MessageId": "Base.1.8." + message, "Message": said}]  # type: ignore[assignment]
        self.reply = Reply(status, {"error": fault}, {name.replace("_", "-"): text for name, text in headers.items()})


class Service:
    """The controller of one system."""

    def __init__(self, power: Power, name: str, user: str, password: Callable[[], Optional[str]]) -> None:
        self.power, self.name, self.user, self.password = power, name, user, password
        self.sessions: Dict[str, str] = {}  # by their tokens

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """What is answered to a request; the names of `headers` are in small letters."""
        try:
            return self._route(method, path.rstrip("/"), headers, body)
        except Refused as refused:
            return refused.reply

    def _route(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if headers.get("odata-version", "4.0") != "4.0":
            raise Refused(412, "HeaderInvalid", "The service implements OData version 4.0 only.")
        if (method, path) == ("POST", SESSIONS):
            return self._open_session(_content(headers, body))
        public = {"/redfish": {"v1": ROOT + "/"}, ROOT: self._root()}
        if path not in public:
            self._check(headers)
        if path.startswith(SESSIONS + "/"):
            return self._end_session(method, path)
        known = {**public, ROOT + "/Systems": _collection("Systems", [SYSTEM]), SYSTEM: None, RESET: None}
        if path not in known:
            raise Refused(404, "ResourceMissingAtURI", "The resource at the URI %s was not found." % path)
        allowed = "POST" if path == RESET else "GET"
        if method != allowed:
            raise Refused(405, "OperationNotAllowed", "The HTTP method is not allowed on this resource.", Allow=allowed)
        if path == RESET:
            return self._reset(_content(headers, body))
        return Reply(200, self._system() if path == SYSTEM else known[path])

    def _check(self, headers: Mapping[str, str]) -> None:
        token, basic = headers.get("x-auth-token"), headers.get("authorization", "")
        if token in self.sessions:
            return
        if basic.startswith("Basic ") and self._is_right(*_pair(basic[len("Basic ") :])):
            return
        said = "There is no valid session established with the implementation."
        raise Refused(401, "NoValidSession", said, WWW_Authenticate='Basic realm="Redfish"')

    def _is_right(self, user: str, password: str) -> bool:
        return user == self.user and bool(password) and password == self.password()

    def _open_session(self, given: Mapping[str, Any]) -> Reply:
        if not self._is_right(str(given.get("UserName")), str(given.get("Password"))):
            raise Refused(401, "InsufficientPrivilege", "The user name or password is wrong.")
        if len(self.sessions) >= MOST_SESSIONS:
            raise Refused(503, "SessionLimitExceeded", "The session establishment failed: too many sessions.")
        token, number = secrets.token_hex(16), secrets.token_hex(4)
        self.sessions[token] = "%s/%s" % (SESSIONS, number)
        body = {"@odata.id": self.sessions[token], "Id": number, "UserName": self.user}
        return Reply(201, body, {"X-Auth-Token": token, "Location": self.sessions[token]})

    def _end_session(self, method: str, path: str) -> Reply:
        tokens = [token for token, uri in self.sessions.items() if uri == path]
        if not tokens or method != "DELETE":
            raise Refused(404, "ResourceMissingAtURI", "The resource at the URI %s was not found." % path)
        del self.sessions[tokens[0]]
        return Reply(204)

    def _root(self) -> Dict[str, Any]:
        return {
            "@odata.id": ROOT + "/",
            "@odata.type": "#ServiceRoot.v1_5_0.ServiceRoot",
            "Id": "RootService",
            "Name": "Root Service",
            "RedfishVersion": "1.6.0",
            "Systems": {"@odata.id": ROOT + "/Systems"},
            "SessionService": {"@odata.id": ROOT + "/SessionService"},
            "Links": {"Sessions": {"@odata.id": SESSIONS}},
        }

    def _system(self) -> Dict[str, Any]:
        return {
            "@odata.id": SYSTEM,
            "@odata.type": "#ComputerSystem.v1_10_0.ComputerSystem",
            "Id": "1",
            "Name": self.name,
            "SystemType": "Physical",
            "PowerState": "On" if self.power.is_on() else "Off",
            "Actions": {
                "#ComputerSystem.Reset": {"target": RESET, "ResetType@Redfish.AllowableValues": sorted(RESETS)}
            },
        }

    def _reset(self, given: Mapping[str, Any]) -> Reply:
        wanted = given.get("ResetType")
        if wanted is None:
            raise Refused(
                400, "ActionParameterMissing", "The action ComputerSystem.Reset requires the parameter ResetType."
            )
        if wanted not in RESETS:
            raise Refused(
                400, "ActionParameterValueNotInList", "The value %s is not in the list of ResetType." % wanted
            )
        button, needed = RESETS[wanted]
        if self.power.is_on() != needed:
            raise Refused(409, "ResourceInUse", "The system is %s already." % ("off" if needed else "on"))
        self.power.press(button, button in ("on", "cycle"))
        return Reply(204)


def _collection(name: str, members: List[str]) -> Dict[str, Any]:
    return {
        "@odata.id": "%s/%s" % (ROOT, name),
        "@odata.type": "#ComputerSystemCollection.ComputerSystemCollection",
        "Name": "Computer System Collection",
        "Members@odata.count": len(members),
        "Members": [{"@odata.id": member} for member in members],
    }


def _content(headers: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refused(415, "HeaderInvalid", "The body must be application/json.")
    try:
        given = json.loads(body)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise Refused(400, "MalformedJSON", "The request body was malformed JSON.")
    return given


def _pair(text: str) -> Tuple[str, str]:
    try:
        user, _colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return user, password
