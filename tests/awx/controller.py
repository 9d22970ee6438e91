# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for AWX 24's REST interface, on loopback: AWX itself is a Kubernetes operator's business and cannot be had here.

It keeps what it is given, finds it again by the fields it is asked for, associates, masks secrets, and checks a survey by the rules
that AWX's own view has. It runs nothing. What it cannot show, such as who may do what, is AWX's own.
"""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict, List, Optional, Self, Tuple
from urllib.parse import parse_qsl, urlsplit

API = "/api/v2/"
TOKEN = "stand-in"
PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
RELATED = ("survey_spec", "labels", "credentials", "instance_groups", "success_nodes", "always_nodes", "failure_nodes",
           "notification_templates_started", "notification_templates_success", "notification_templates_error",
           "notification_templates_approvals", "galaxy_credentials", "input_inventories")  # fmt: skip
TEMPLATES = {"job_templates": "job_template", "workflow_job_templates": "workflow_job_template"}
APPROVAL = ("name", "description", "timeout")
SURVEY_TYPES = ("text", "textarea", "password", "multiplechoice", "multiselect", "integer", "float")

Json = Dict[str, Any]
Answer = Tuple[int, Any]


class Store:
    """Everything that a controller was told."""

    def __init__(self, api: str = API) -> None:
        self.api = api
        self.objects: Dict[str, Dict[int, Json]] = {"credential_types": {}}
        self.links: Dict[str, List[int]] = {}
        self.surveys: Dict[str, Json] = {}
        self.secrets: List[Json] = []
        self.written: List[str] = []
        self.last = 0
        # What the repository of a project has, at which revision, and the updates that fetched it.
        self.revision = "1"
        self.playbooks = sorted(f"playbooks/{path.name}" for path in PLAYBOOKS.glob("*.yml"))
        self.fetched: Dict[int, Json] = {}
        self.add("credential_types", {"name": "Machine", "kind": "ssh"})
        self.written.clear()

    def add(self, kind: str, given: Json) -> Json:
        self.last += 1
        url = f"{self.api}{kind}/{self.last}/"
        related = {name: f"{url}{name}/" for name in RELATED}
        made = {"id": self.last, "url": url, "type": kind[:-1], "related": related, "summary_fields": {}, **given}
        made.setdefault("scm_revision", "")
        self.objects.setdefault(kind, {})[self.last] = made
        if kind == "projects":
            made["related"]["update"] = f"{url}update/"
            made["summary_fields"]["current_update"] = {"id": self.fetch(made)}
        self.written.append(f"POST {kind}")
        return made

    def fetch(self, project: Json) -> int:
        """Update a project from its repository, which takes no time here; the number of the update."""
        number = len(self.fetched) + 1
        self.fetched[number] = {
            "id": number, "url": f"{self.api}project_updates/{number}/", "type": "project_update", "status": "successful",
            "finished": "2026-01-01T00:00:00Z", "failed": False, "scm_revision": self.revision,
        }  # fmt: skip
        project["scm_revision"], project["playbook_files"] = self.revision, list(self.playbooks)
        return number

    def shown(self, item: Json) -> Json:
        """As AWX shows it: what a credential's fields hold is not told."""
        if item["type"] != "credential":
            return item
        self.secrets.append(item["inputs"])
        hidden = {
            key: value if key in ("username", "bmc_user") else "$encrypted$" for key, value in item["inputs"].items()
        }
        return {**item, "inputs": hidden}

    def find(self, kind: str, wanted: Dict[str, str]) -> List[Json]:
        if kind == "unified_job_templates":
            found = [one for name in TEMPLATES for one in self.objects.get(name, {}).values()]
        else:
            found = list(self.objects.get(kind, {}).values())
        matching = [
            one for one in found if all(str(one.get(key)) == value for key, value in wanted.items() if key != "type")
        ]
        for one in matching:
            one["summary_fields"].pop(
                "current_update", None
            )  # it was running when the project was made, and is not now
        return [self.shown(one) for one in matching]


class Controller:
    """The interface as a server, AWX's or with another `api` a platform's; `with Controller() as one: one.url`."""

    def __init__(self, api: str = API) -> None:
        self.store = Store(api)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.store))
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_fault: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def answer(store: Store, method: str, path: str, query: Dict[str, str], body: Json) -> Answer:
    """One request."""
    parts = [part for part in path.removeprefix(store.api).split("/") if part]
    if len(parts) == 1 and method == "GET":
        results = store.find(parts[0], query)
        return 200, {"count": len(results), "next": None, "results": results}
    if len(parts) == 1:
        return _create(store, parts[0], body)
    if parts[0] == "project_updates":
        return 200, store.fetched[int(parts[1])]
    item = store.objects.get(parts[0], {}).get(int(parts[1]))
    if item is None:
        return 404, {"detail": "Not found."}
    if len(parts) == 3:
        return _below(store, method, path, item, parts[2], body)
    if method == "PATCH":
        store.written.append(f"PATCH {parts[0]}")
        item.update(
            {key: value for key, value in body.items() if key in APPROVAL or "workflow_approval" not in parts[0]}
        )
    return 200, store.shown(item)


def _create(store: Store, kind: str, body: Json) -> Answer:
    if [
        one
        for one in store.find(kind, {"name": str(body.get("name"))})
        if one.get("organization") == body.get("organization") and "name" in body
    ]:
        return 400, {"__all__": [f"{kind} with this name exists"]}
    if kind == "job_templates" and body["playbook"] not in store.objects["projects"][body["project"]]["playbook_files"]:
        return 400, {"playbook": ["Playbook not found for project."]}
    return 201, store.shown(store.add(kind, body))


def _below(store: Store, method: str, path: str, item: Json, name: str, body: Json) -> Answer:
    if name == "survey_spec":
        return _survey(store, method, path, body)
    if name == "update":
        return 202, store.fetched[store.fetch(item)]
    if name == "create_approval_template":
        made = store.add("workflow_approval_templates", {key: body[key] for key in APPROVAL if key in body})
        item["related"]["unified_job_template"] = made["url"]
        return 201, made
    if name not in RELATED:
        return 404, {"detail": "Not found."}
    links = store.links.setdefault(path, [])
    if method == "GET":
        return 200, {"count": len(links), "next": None, "results": [{"id": one} for one in links]}
    store.written.append(f"POST {path}")
    if body.get("disassociate"):
        links.remove(body["id"])
    else:
        links.append(body["id"])
    return 204, None


def _survey(store: Store, method: str, path: str, body: Json) -> Answer:
    if method == "GET":
        return 200, store.surveys.get(path, {})
    fault = survey_fault(body)
    if fault:
        return 400, {"error": fault}
    store.written.append(f"POST {path}")
    store.surveys[path] = body
    return 200, {}


def survey_fault(spec: Json) -> Optional[str]:
    """What AWX says of a survey that it does not take."""
    if not all(isinstance(spec.get(key), str) for key in ("name", "description")) or not spec.get("spec"):
        return "'name', 'description' and 'spec' must be given"
    variables = [question.get("variable") for question in spec["spec"]]
    if len(set(variables)) != len(variables):
        return f"a variable occurs twice in {variables}"
    return next((fault for question in spec["spec"] for fault in [_question_fault(question)] if fault), None)


def _question_fault(question: Json) -> Optional[str]:
    name, kind = question.get("variable"), question.get("type")
    if kind not in SURVEY_TYPES or not question.get("question_name") or not isinstance(question.get("required"), bool):
        return f"{name}: type, question_name or required"
    if not re.match(r"[A-Za-z_]\w*\Z", str(name)):
        return f"{name}: no variable"
    if not all(isinstance(question[key], int) for key in ("min", "max") if key in question):
        return f"{name}: min and max are numbers"
    if kind.startswith("multi") and not (isinstance(question.get("choices"), list) and question["choices"]):
        return f"{name}: choices"
    default = question.get("default", "")
    if default != "" and kind == "multiplechoice" and default not in question["choices"]:
        return f"{name}: the default is no choice"
    if default != "" and not isinstance(default, str):
        return f"{name}: the default is no text"
    return None


def _handler(store: Store) -> type:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            url = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            code, said = 401, {"detail": "who are you?"}
            if not url.path.startswith(store.api):
                code, said = 404, {"detail": "Not found."}
            elif self.headers.get("Authorization") == f"Bearer {TOKEN}":
                code, said = answer(store, self.command, url.path, dict(parse_qsl(url.query)), body)
            data = b"" if said is None else json.dumps(said).encode()
            self.send_response(code)
            self.send_header("X-API-Product-Name", "AWX" if store.api == API else "Red Hat Ansible Automation Platform")
            self.send_header("X-API-Product-Version", "24.6.1")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815 - the base class looks for these names

        def log_message(self, *_arguments: object) -> None:
            pass

    return Handler
