# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's half of the contract: every recorded request gets the recorded answers. See README.md beside this file."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import sys
from typing import Any, Dict, List

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
if str(TOP / "roles" / "agent" / "files") not in sys.path:
    sys.path.insert(0, str(TOP / "roles" / "agent" / "files"))

from tandem_agent.pacemaker.runner import Runner  # noqa: E402 (the path comes first)
from tandem_agent.server.dispatch import ROOT, Caller, Dispatcher  # noqa: E402
from tandem_agent.server.operations import OPERATIONS  # noqa: E402

TOOLS = TOP / ".build" / "pacemaker" / "bookworm" / "bin"
CASES = sorted((HERE / "cases").glob("*.json"))
UPDATE = bool(os.environ.get("TANDEM_CONTRACT_UPDATE"))

pytestmark = pytest.mark.offline
Json = Dict[str, Any]


def load(path: pathlib.Path) -> Json:
    found: Json = json.loads(path.read_text(encoding="utf-8"))
    return found


def of_the_agent() -> List[pathlib.Path]:
    return [path for path in CASES if "agent" in load(path).get("sides", ["agent"])]


def dispatcher_for(case: Json, directory: pathlib.Path) -> Dispatcher:
    if not (TOOLS / "cibadmin").exists():
        pytest.fail("Pacemaker's tools are missing; make them with: tests/gates/pacemaker-tools bookworm")
    environment = {}
    if "cib" in case:
        target = directory / "cib.xml"
        if case["cib"] != "missing":
            shutil.copy(str(HERE / "cibs" / case["cib"]), str(target))
        environment["CIB_file"] = str(target)
    return Dispatcher(OPERATIONS, Runner([str(TOOLS)], environment))


def ask(dispatcher: Dispatcher, line: bytes, case: Json) -> List[Json]:
    answers: List[bytes] = []
    who = case.get("caller")
    caller = ROOT if who is None else Caller(who["uid"], who.get("read", False), who.get("write", False))
    dispatcher.answer(line, caller, answers.append)
    return [json.loads(answer) for answer in answers]


def line_of(case: Json) -> bytes:
    if "raw" in case:
        return str(case["raw"]).encode("utf-8", "surrogateescape")
    return json.dumps(case["request"]).encode()


def kind(value: Any) -> Any:
    """What must not vary about a value that varies."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "number"
    return sorted(value) if isinstance(value, dict) else type(value).__name__


def blur(value: Any, varies: List[str], path: str = "") -> Any:
    """The answer with varying values replaced by their kind."""
    if path in varies:
        return f"<{kind(value)}>"
    if isinstance(value, dict):
        return {name: blur(item, varies, f"{path}.{name}".lstrip(".")) for name, item in value.items()}
    if isinstance(value, list):
        return [blur(item, varies, f"{path}[]") for item in value]
    return value


@pytest.mark.parametrize("path", of_the_agent(), ids=lambda path: path.stem)
def test_the_agent_answers_as_recorded(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    case = load(path)
    dispatcher = dispatcher_for(case, tmp_path)
    for number, earlier in enumerate(case.get("before", [])):
        frame = {"v": 1, "id": f"before-{number}", "params": {}, **earlier}
        assert "result" in ask(dispatcher, json.dumps(frame).encode(), {})[-1]
    found = json.loads(json.dumps(ask(dispatcher, line_of(case), case)).replace(str(tmp_path), "/tmp/contract"))
    varies = case.get("varies", [])
    if UPDATE and [blur(answer, varies) for answer in found] != [blur(answer, varies) for answer in case["answers"]]:
        case["answers"] = found
        path.write_text(json.dumps(case, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert [blur(answer, varies) for answer in found] == [blur(answer, varies) for answer in case["answers"]]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_file_is_in_order(path: pathlib.Path) -> None:
    case = load(path)
    known = {"about", "cib", "caller", "before", "request", "raw", "answers", "varies", "sides", "expect"}
    assert set(case) <= known
    assert case["about"].endswith(".")
    assert ("request" in case) != ("raw" in case)
    *events, last = case["answers"]
    assert all("event" in answer for answer in events)
    assert ("result" in last) != ("error" in last)
    if "request" in case and isinstance(case["request"].get("id"), str):
        assert all(answer["id"] == case["request"]["id"] for answer in case["answers"])


def test_every_operation_is_in_the_contract() -> None:
    asked = {load(path)["request"].get("op") for path in CASES if "request" in load(path)}
    assert set(OPERATIONS) <= asked, f"no case for {sorted(set(OPERATIONS) - asked)}"
