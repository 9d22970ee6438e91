# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which request means which operation, for whom, and what is kept of it."""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple
from urllib.parse import parse_qsl, unquote, urlsplit

from . import wire
from .disorder import Disorder, Dropped
from .errors import ApiError, invalid, not_found
from .identity import Identity, Principal, pem_of
from .network import Tenancy

VERSION = "/20160918"
Answer = Tuple[int, Any]
Found = Callable[[], Any]


class Service:
    """One tenancy in one region. `moved` is told of each private IP that got another card."""

    def __init__(
        self, tenancy: Tenancy, identity: Identity, directory: Path, moved: Optional[Callable[[], None]] = None
    ) -> None:
        self.tenancy, self.identity = tenancy, identity
        self.disorder = Disorder(directory / "faults.jsonl")
        self.calls = directory / "calls.jsonl"
        self._moved = moved or (lambda: None)
        self._lock = threading.Lock()

    # The API

    def api(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Tuple[int, Any, Dict[str, str]]:
        request = headers.get("opc-request-id") or uuid.uuid4().hex.upper()
        operation, who = "?", ""
        try:
            operation, run, principal = self._operation(method, target, headers, body)
            who = principal.id
            self.disorder.strike(operation, self._name(principal))
            with self._lock:
                answer = run()
            status = 200
        except ApiError as error:
            status, answer = error.status, {"code": error.code, "message": error.message}
        except Dropped:
            self._keep(operation, who, 0, request)
            raise
        except Exception as error:
            status, answer = 500, {"code": "InternalServerError", "message": repr(error)}
        self._keep(operation, who, status, request)
        return status, answer, {"opc-request-id": request, "etag": "1"}

    def _operation(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Tuple[str, Found, Principal]:
        split = urlsplit(target)
        if (method, split.path) == ("POST", "/v1/x509"):
            return self._federate(target, headers, body)
        principal = wire.authenticate(method, target, headers, body, self.identity.of_key)
        query = dict(parse_qsl(split.query))
        operation, run = self._route(method, unquote(split.path), query, _json(body), headers)
        if principal.id not in self.identity.group:
            raise not_found()
        return operation, run, principal

    def _federate(self, target: str, headers: Mapping[str, str], body: bytes) -> Tuple[str, Found, Principal]:
        """An instance's certificate for a session token; signed with the certificate's key."""
        content = _json(body)
        principal = wire.authenticate(
            "POST",
            target,
            headers,
            body,
            lambda key_id: self.identity.of_certificate(key_id, content),
            needed=("date", "(request-target)"),
        )
        return "Federate", lambda: {"token": self.identity.token(principal, content["publicKey"])}, principal

    def _route(
        self, method: str, path: str, query: Dict[str, str], body: Dict[str, Any], headers: Mapping[str, str]
    ) -> Tuple[str, Found]:
        tenancy = self.tenancy
        if not path.startswith(VERSION + "/"):
            raise not_found()
        path = path[len(VERSION) :]
        routes: List[Tuple[str, str, str, Callable[..., Any]]] = [
            ("GET", "/vnics/([^/]+)", "GetVnic", lambda one: tenancy.vnic_json(tenancy.get_vnic(one))),
            ("GET", "/privateIps", "ListPrivateIps", lambda: self._list_private_ips(query)),
            ("POST", "/privateIps", "CreatePrivateIp", lambda: self._create_private_ip(body)),
            (
                "GET",
                "/privateIps/([^/]+)",
                "GetPrivateIp",
                lambda one: tenancy.private_ip_json(tenancy.get_private_ip(one)),
            ),
            ("PUT", "/privateIps/([^/]+)", "UpdatePrivateIp", lambda one: self._update_private_ip(one, body, headers)),
            ("GET", "/instances/?", "ListInstances", lambda: self._list_instances(query)),
            ("GET", "/instances/([^/]+)", "GetInstance", lambda one: tenancy.instance_json(tenancy.get_instance(one))),
            ("POST", "/instances/([^/]+)", "InstanceAction", lambda one: self._instance_action(one, query)),
        ]
        for verb, pattern, operation, run in routes:
            found = re.fullmatch(pattern, path)
            if found and verb == method:
                return operation, lambda run=run, found=found: run(*found.groups())
        raise not_found()

    def _list_private_ips(self, query: Dict[str, str]) -> Any:
        found = self.tenancy.list_private_ips(
            query.get("subnetId", ""), query.get("vnicId", ""), query.get("ipAddress", "")
        )
        return [self.tenancy.private_ip_json(one) for one in found]

    def _create_private_ip(self, body: Dict[str, Any]) -> Any:
        if not body.get("vnicId") or not body.get("ipAddress"):
            raise invalid("vnicId and ipAddress are needed")
        made = self.tenancy.create_private_ip(body["vnicId"], body["ipAddress"])
        self._moved()
        return self.tenancy.private_ip_json(made)

    def _update_private_ip(self, one: str, body: Dict[str, Any], headers: Mapping[str, str]) -> Any:
        found = self.tenancy.update_private_ip(one, body.get("vnicId"), headers.get("if-match", ""))
        self._moved()
        return self.tenancy.private_ip_json(found)

    def _list_instances(self, query: Dict[str, str]) -> Any:
        return [self.tenancy.instance_json(one) for one in self.tenancy.list_instances(query.get("compartmentId", ""))]

    def _instance_action(self, one: str, query: Dict[str, str]) -> Any:
        return self.tenancy.instance_json(self.tenancy.instance_action(one, query.get("action", "")))

    def _name(self, principal: Principal) -> str:
        instance = self.tenancy.instances.get(principal.id)
        return instance.name if instance else ""

    def _keep(self, operation: str, who: str, status: int, request: str) -> None:
        entry = {
            "time": round(time.time(), 3),
            "operation": operation,
            "who": who,
            "status": status,
            "request": request,
        }
        with self._lock, self.calls.open("a") as stream:
            stream.write(json.dumps(entry) + "\n")

    # The metadata service

    def metadata(self, path: str, headers: Mapping[str, str], instance: str) -> Answer:
        """What an instance may know of itself; `instance` is who asks, by its address."""
        one = next((one for one in self.tenancy.instances.values() if one.name == instance), None)
        if one is None or headers.get("authorization") != "Bearer Oracle":
            return 404, "not found"
        self.disorder.strike("Metadata", instance)
        pems = pem_of(self.identity, one.id) or ("", "")
        answers: Dict[str, Found] = {
            "/opc/v2/instance": lambda: self.tenancy.metadata_json(one),
            "/opc/v2/instance/region": lambda: self.tenancy.region,
            "/opc/v2/vnics": lambda: self.tenancy.metadata_vnics(one),
            "/opc/v2/identity/cert.pem": lambda: pems[0],
            "/opc/v2/identity/key.pem": lambda: pems[1],
            "/opc/v2/identity/intermediate.pem": self.identity.authority.pem,
        }
        found = answers.get(path.rstrip("/"))
        return (200, found()) if found else (404, "not found")


def _json(body: bytes) -> Dict[str, Any]:
    try:
        found = json.loads(body) if body else {}
    except ValueError:
        raise invalid("The body is no JSON") from None
    if not isinstance(found, dict):
        raise invalid("The body is no object")
    return found
