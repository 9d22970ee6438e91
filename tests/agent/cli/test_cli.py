# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line on a CIB file, with Pacemaker's tools and without, and through the socket."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import time
from typing import Any, Dict, List, Optional

import pytest

TOP = pathlib.Path(__file__).resolve().parents[3]
DOCUMENT = {"name": "vip", "resources": [{"id": "vip", "agent": "ocf:pacemaker:Dummy", "params": {"state": "/run/x"}}]}


class Tandem:
    """Runs the command."""

    def __init__(self, cib: Optional[str], tools: str) -> None:
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(TOP / "roles/agent/files"),
            "TANDEM_TOOLS": tools,
        }
        if cib:
            self.environment["CIB_file"] = cib

    def __call__(self, *words: str, stdin: str = "", cwd: Optional[str] = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tandem_agent", *words],
            input=stdin, env=self.environment, cwd=cwd, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def json(self, *words: str, **options: Any) -> Dict[str, Any]:
        done = self(*words, "--json", **options)
        found: Dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture
def tandem(bookworm: str, cib_file: str) -> Tandem:
    return Tandem(cib_file, bookworm)


@pytest.fixture
def document(tmp_path: pathlib.Path) -> str:
    path = tmp_path / "site.json"
    path.write_text(json.dumps(DOCUMENT))
    return str(path)


@pytest.mark.offline
def test_plan_apply_and_again(tandem: Tandem, document: str) -> None:
    assert tandem.json("plan", document)["changed"] is True
    assert tandem("plan", "--check-exit", document).returncode == 3
    done = tandem("apply", document)
    assert done.returncode == 0, done.stderr
    assert "+ create primitive vip (ocf:pacemaker:Dummy)" in done.stdout
    assert "applied as" in done.stdout
    again = tandem("apply", document)
    assert (again.returncode, again.stdout) == (0, "nothing to change\n")
    assert tandem("plan", "--check-exit", document).returncode == 0


@pytest.mark.offline
def test_what_is_exported_plans_to_nothing(tandem: Tandem, document: str, tmp_path: pathlib.Path) -> None:
    tandem("apply", document)
    exported = tandem("export", "--json").stdout
    assert json.loads(exported)["document"]["resources"][0]["id"] == "vip"
    assert tandem.json("plan", "-", stdin=exported)["changed"] is False
    assert "- id: vip" in tandem("export", "--yaml").stdout
    assert tandem("export").stdout == tandem("export", "--yaml").stdout


NOWHERE = "import sys, tandem_agent.pacemaker.runner as r; r.SEARCH_PATH = (); from tandem_agent.cli import main; "


def test_without_any_tool(cib_file: str, document: str) -> None:
    """A control node has no Pacemaker: export and plan work, and say what they could not look at."""
    environment = Tandem(cib_file, "").environment

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        code = NOWHERE + "sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", code, *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    assert json.loads(run("export", "--json").stdout)["cib"] == "0.5.2"
    plan = json.loads(run("plan", document, "--json").stdout)
    assert plan["changed"] is True
    assert plan["preview"]["available"] is False
    assert plan["preview"]["reason"]
    assert "no preview: " in run("plan", document).stdout
    assert json.loads(run("apply", document, "--json").stdout)["error"]["code"] == "tool.missing"


@pytest.mark.offline
def test_a_relative_file_name(bookworm: str, cib_file: str) -> None:
    tandem = Tandem("cib.xml", bookworm)
    assert tandem("status", cwd=str(pathlib.Path(cib_file).parent)).returncode == 0


@pytest.mark.offline
def test_status_doctor_info_history(tandem: Tandem) -> None:
    shown = tandem("status")
    assert shown.returncode == 0
    assert "c1  online  dc" in shown.stdout
    assert "resources: none" in shown.stdout
    assert "fencing.none" in [one["code"] for one in tandem.json("doctor")["findings"]]
    assert tandem("doctor").returncode == 0
    assert tandem("doctor", "--check-exit").returncode == 3
    assert tandem.json("info")["protocol"] == [1]
    assert tandem("history").stdout == "no transactions on this node\n"


@pytest.mark.offline
def test_cleanup_of_what_has_not_failed(tandem: Tandem, document: str) -> None:
    assert tandem("apply", document).returncode == 0
    assert tandem("cleanup").stdout == "nothing has failed there\n"
    assert tandem.json("cleanup", "vip", "--node", "c1", "--plan") == {"changed": False, "cleaned": []}
    wrong = tandem("cleanup", "vip", "--node", "c9")
    assert wrong.returncode == 1
    assert "there is no node 'c9'" in wrong.stderr


@pytest.mark.offline
def test_errors_name_the_remedy_and_end_with_1(tandem: Tandem, tmp_path: pathlib.Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"resources": [{"id": "vip", "agent": "ocf:heartbeat:IPaddr2", "params": {"ipp": "1"}}]}')
    done = tandem("apply", str(wrong))
    assert done.returncode == 1
    assert "did you mean ip?" in done.stderr
    assert done.stderr.endswith("[document.invalid]\n")
    assert tandem.json("apply", str(wrong))["error"]["details"]["faults"]
    assert tandem("rollback", "20260101T000000-0001-x").returncode == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no JSON"),
        ("[1]", "an object is expected"),
        ('{"a":1,"a":2}', "stands twice"),
        ("{a: 1}", "no JSON"),
        (None, "cannot read"),
    ],
)
def test_a_document_that_cannot_be_read(
    cib_file: str, tmp_path: pathlib.Path, content: Optional[str], message: str
) -> None:
    path = tmp_path / "x.json"
    if content is not None:
        path.write_text(content)
    done = Tandem(cib_file, "")("plan", str(path))
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [[], ["nonsense"], ["plan"], ["plan", "x", "--allow", "everything"], ["history", "--limit", "x"]]
)
def test_wrong_usage_ends_with_2(words: List[str]) -> None:
    done = Tandem(None, "")(*words)
    assert done.returncode == 2
    assert "usage: tandem" in done.stderr


def test_help_has_examples_and_exit_codes() -> None:
    done = Tandem(None, "")("--help")
    assert done.returncode == 0
    assert "tandem plan site.json" in done.stdout
    assert "exit codes: 0" in done.stdout


@pytest.mark.offline
def test_a_reader_that_goes_away_is_no_error(tandem: Tandem) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m tandem_agent doctor | head -c 1; exit 0"],
        env=tandem.environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "Traceback" not in done.stderr


@pytest.mark.offline
def test_serve_on_a_socket_and_on_stdio(tandem: Tandem, tmp_path: pathlib.Path) -> None:
    requests = '{"v":1,"id":"a","op":"hello"}\n{"v":1,"id":"b","op":"status"}\n'
    done = tandem("serve", "--stdio", stdin=requests)
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["a", "b"]
    path = str(tmp_path / "run" / "agent.sock")
    server = subprocess.Popen([sys.executable, "-m", "tandem_agent", "serve", "--socket", path], env=tandem.environment)
    try:
        until = time.monotonic() + 20
        while not os.path.exists(path) and time.monotonic() < until:
            time.sleep(0.05)
        code = (
            "import tandem_agent.client as c; c.offline = lambda: False\n"
            f"call = c.connect({path!r}); print(call('status', {{}}, 20, lambda *_: None)['cluster']['cib'])\n"
            "try: call('history', {'limit': 'x'}, 20, lambda *_: None)\nexcept c.AgentError as e: print(e.code)\n"
        )
        talk = subprocess.run(
            [sys.executable, "-c", code], env=tandem.environment, capture_output=True, text=True, check=False
        )
        assert talk.stdout.splitlines() == ["0.5.2", "params.invalid"], talk.stderr
    finally:
        server.terminate()
        assert server.wait(20) == 0


def test_who_is_not_root_and_has_no_agent_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from tandem_agent import client
    from tandem_agent.errors import AgentError

    monkeypatch.delenv("CIB_file", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(AgentError, match="run this as root, or join the group haclient"):
        client.connect("/nonexistent/agent.sock")
