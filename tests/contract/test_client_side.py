# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's half of the contract: what the collection makes of every recorded answer. See README.md beside this file."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from typing import Any, Dict, Iterator, List, Tuple

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
subprocess.run([str(TOP / "tests" / "gates" / "link-collection")], check=True)
for directory in (TOP / ".build" / "collections", TOP / "roles" / "agent" / "files"):
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))

from ansible_collections.tandem.ha.plugins.module_utils import _client, _module  # noqa: E402 (the path comes first)
from ansible_collections.tandem.ha.tests.unit.plugins.module_utils.scripted import ScriptedAgent  # noqa: E402

from tandem_agent.model import secrets  # noqa: E402

Json = Dict[str, Any]
CASES: Dict[str, Json] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((HERE / "cases").glob("*.json"))
}
# What the client can be made to say: a raw line, another version or a frame without an id it cannot.
SENDABLE = [
    name
    for name, case in CASES.items()
    if {"id", "op"} <= set(case.get("request", {})) and isinstance(case["request"].get("params", {}), dict)
]
CHANGES = [name for name in SENDABLE if CASES[name]["request"]["op"] == "apply"]


@pytest.fixture
def replayed(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[Tuple[Json, ScriptedAgent, str]]:
    """An agent that gives the recorded answers once: the case, the agent, its socket."""
    case = CASES[request.param]
    path = str(tmp_path / "agent.sock")

    def answer(frame: Json) -> List[bytes]:
        return [json.dumps({**line, "id": frame["id"]}).encode() + b"\n" for line in case["answers"]]

    agent = ScriptedAgent(path, [answer])
    yield case, agent, path
    agent.close()


@pytest.mark.parametrize("replayed", SENDABLE, indirect=True)
def test_the_client_understands_the_answers(replayed: Tuple[Json, ScriptedAgent, str]) -> None:
    case, agent, path = replayed
    wanted, last = case["request"], case["answers"][-1]
    with _client.Client(path) as client:
        if "result" in last:
            assert client.call(wanted["op"], wanted.get("params"), deadline=1) == last["result"]
        else:
            with pytest.raises(_client.ClientError) as caught:  # with no time left nothing is tried again
                client.call(wanted["op"], wanted.get("params"), deadline=1)
            found = {name: getattr(caught.value, name) for name in ("code", "message", "details", "retryable")}
            assert found == last["error"]
        assert client.events == [(line["event"], line["data"]) for line in case["answers"][:-1]]
    (sent,) = agent.requests
    assert (sent["v"], sent["op"], sent["params"]) == (1, wanted["op"], wanted.get("params", {}))


class Ended(Exception):
    """How a module ended."""


class FakeModule:
    """The parts of AnsibleModule that a change needs."""

    def __init__(self, params: Json) -> None:
        self.params = params
        self.check_mode = False
        self._diff = True
        self.warnings: List[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def exit_json(self, **returned: Any) -> None:
        raise Ended("ok", returned)

    def fail_json(self, **returned: Any) -> None:
        raise Ended("failed", returned)


@pytest.mark.parametrize("replayed", CHANGES, indirect=True)
def test_a_module_returns_all_that_the_agent_says(
    replayed: Tuple[Json, ScriptedAgent, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    case, _agent, path = replayed
    monkeypatch.setattr(_module, "WORKING", 1)
    module = FakeModule({"agent_socket": path, "allow": [], "wait": 0})
    with pytest.raises(Ended) as caught:
        _module.run(module, lambda _params: case["request"]["params"].get("document", {}), "contract")
    how, returned = caught.value.args
    last = case["answers"][-1]
    if "result" in last:
        assert how == "ok"
        assert returned == {
            name: value for name, value in last["result"].items() if name not in ("warnings", "timings")
        }
        assert module.warnings == last["result"]["warnings"]
    else:
        assert how == "failed"
        assert (returned["msg"], returned["code"]) == (last["error"]["message"], last["error"]["code"])
        for name in ("faults", "failures", "refused", "pending"):
            assert returned.get(name) == last["error"]["details"].get(name)
        assert returned["changed"] is (returned["code"] in ("settle.failed", "settle.timeout", "prove.failed"))


def test_both_sides_speak_of_the_same_version_limits_and_socket() -> None:
    from tandem_agent.server import frames, unix

    assert _client.VERSION in frames.VERSIONS
    assert _client.LONGEST_LINE == frames.LINE_LIMIT
    assert _client.LONGEST == frames.LONGEST_DEADLINE
    assert _client.SOCKET == unix.PATH


def test_both_sides_hide_the_same_secrets() -> None:
    names = """passwd password passwd_script password_script secret_key access_key api_key apikey token token_file
        community snmp_auth_prot snmp_priv_passwd snmp_priv_passwd_script identity_file private_key private_key_file
        login username ip plug PASSWORD requirepass masterauth passphrase login_timeout password_timeout key""".split()
    assert [name for name in names if _module.is_secret(name)] == [name for name in names if secrets.is_secret(name)]
