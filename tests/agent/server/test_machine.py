# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent on a machine that is full, read-only, out of descriptors or of memory, or killed half-way: the real agent on
the real tools, in a process and, where something is mounted, a mount namespace of its own.
"""

from __future__ import annotations

import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import unicodedata
from typing import Any, Callable, Dict, List

import pytest
from harness import AGENT_FILES

VIP = {"id": "vip", "agent": "ocf:pacemaker:Dummy"}
DOCUMENT = {"properties": {"stonith-enabled": False}, "resources": [VIP]}
APPLY = {"op": "apply", "params": {"document": DOCUMENT}}
PLAN = {"op": "plan", "params": {"document": DOCUMENT}}

SERVE = """
import sys
from tandem_agent.journal import Journal
from tandem_agent.pacemaker.runner import Runner
from tandem_agent.server.dispatch import ROOT, Dispatcher
from tandem_agent.server.operations import OPERATIONS
made = Dispatcher(OPERATIONS, Runner())
made.journal = Journal(sys.argv[1])
for line in sys.stdin.buffer:
    made.answer(line, ROOT, sys.stdout.buffer.write)
    sys.stdout.flush()
"""
NOWHERE = "import tandem_agent.pacemaker.runner as runner; runner.SEARCH_PATH = ();"


class Machine:
    """Runs requests in a new agent; `mounts` is a shell script that spoils the file systems before."""

    def __init__(self, tools: str, cib: str, scratch: pathlib.Path) -> None:
        self.cib, self.journal = pathlib.Path(cib), scratch / "journal"
        self.serve = SERVE
        self.full = scratch / "full"
        self.full.mkdir()
        self.environment = {
            "PYTHONPATH": AGENT_FILES,
            "TANDEM_TOOLS": tools,
            "CIB_file": cib,
            "PATH": os.environ["PATH"],
        }

    def mount_full(self, *keep: pathlib.Path) -> str:
        """A script: `full` is a file system of 64 KiB with a copy of `keep` and no room for more."""
        copies = "".join(f"cp {file} {self.full}; " for file in keep)
        fill = f"! head -c 100k /dev/zero > {self.full}/fill 2>/dev/null; "
        return f"mount -t tmpfs -o size=64k none {self.full}; {copies}mkdir {self.full}/journal; {fill}"

    def mount_read_only(self, *keep: pathlib.Path) -> str:
        return self.mount_full(*keep) + f"rm {self.full}/fill; mount -o remount,ro {self.full}; "

    def run(self, argv: List[str], mounts: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
        if mounts:
            user = [] if os.geteuid() == 0 else ["-r"]
            argv = ["unshare", *user, "-m", "sh", "-ec", mounts + 'exec "$@"', "sh", *argv]
        options.setdefault("encoding", "utf-8")
        return subprocess.run(argv, env=self.environment, capture_output=True, check=False, timeout=120, **options)

    def ask(self, *requests: Dict[str, Any], mounts: str = "", **options: Any) -> List[Dict[str, Any]]:
        lines = "".join(json.dumps({"v": 1, "id": "i", **request}) + "\n" for request in requests)
        done = self.run([sys.executable, "-c", self.serve, str(self.journal)], mounts, input=lines, **options)
        assert "Traceback" not in done.stderr
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(answers) == len(requests), done.stderr
        return answers

    def tandem(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return self.run([sys.executable, "-m", "tandem_agent", *words], **options)


@pytest.fixture
def machine(bookworm: str, cib_file: str, tmp_path: pathlib.Path) -> Machine:
    return Machine(bookworm, cib_file, tmp_path)


# -- disks


@pytest.mark.parametrize("state", ["full", "read_only"])
def test_a_journal_that_cannot_be_written_is_a_warning(machine: Machine, state: str) -> None:
    mounts = getattr(machine, f"mount_{state}")()
    machine.journal = machine.full / "journal"
    done, history = machine.ask(APPLY, {"op": "history"}, mounts=mounts)
    assert done["result"]["changed"] is True
    (warning,) = done["result"]["warnings"]
    assert "could not be written" in warning and "no record to roll back by" in warning
    assert history["result"]["transactions"] == []
    assert 'id="vip"' in machine.cib.read_text()


@pytest.mark.parametrize("state", ["full", "read_only"])
def test_no_temporary_directory_is_needed(machine: Machine, state: str) -> None:
    machine.environment["TMPDIR"] = str(machine.full)
    plan, done = machine.ask(PLAN, APPLY, mounts=getattr(machine, f"mount_{state}")())
    assert plan["result"]["preview"]["available"] is True
    assert done["result"]["warnings"] == []


@pytest.mark.parametrize("state", ["full", "read_only"])
def test_a_cib_file_that_cannot_be_written_stays_as_it_was(machine: Machine, cib_text: str, state: str) -> None:
    """cibadmin writes over the file itself: on a full disk it would leave half of it."""
    many = "".join(f'<primitive id="r{n}" class="ocf" provider="pacemaker" type="Dummy"/>' for n in range(600))
    machine.cib.write_text(cib_text.replace("<resources/>", f"<resources>{many}</resources>"))
    machine.environment["CIB_file"] = str(machine.full / machine.cib.name)
    mounts = getattr(machine, f"mount_{state}")(machine.cib)
    error, export = machine.ask(APPLY, {"op": "export"}, mounts=mounts)
    assert error["error"]["code"] == "cib.unavailable"
    assert "is its disk full or read-only?" in error["error"]["message"]
    assert error["error"]["details"]["changed"] is False
    assert [entry["id"] for entry in export["result"]["document"]["resources"]] == [f"r{n}" for n in range(600)]


def test_a_socket_that_cannot_be_made(machine: Machine) -> None:
    done = machine.tandem("serve", "--socket", f"{machine.full}/run/agent.sock", mounts=machine.mount_read_only())
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("tandem: this host did not let the agent go on (Read-only file system: ")
    long = machine.tandem("serve", "--socket", f"/tmp/{'x' * 200}")
    assert long.returncode == 1 and long.stderr.startswith("tandem: ") and "Traceback" not in long.stderr


# -- descriptors, memory, tools


def limited(what: int, least: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(what, (least, least))


def test_too_few_descriptors(machine: Machine) -> None:
    """Wherever they run out: an error that says so, no crash, and the CIB as it was."""
    before, needed = machine.cib.read_bytes(), []
    for least in range(6, 24):
        answer = machine.ask(APPLY, preexec_fn=limited(resource.RLIMIT_NOFILE, least))[0]
        if "result" in answer:
            break
        assert answer["error"]["code"] in ("tool.failed", "host.failed")
        assert "Too many open files" in answer["error"]["message"]
        assert machine.cib.read_bytes() == before
        needed.append(least)
    assert len(needed) > 3, "it was short of descriptors at fewer places than there are"
    assert 'id="vip"' in machine.cib.read_text()


def test_no_file_may_grow(machine: Machine) -> None:
    error = machine.ask(APPLY, preexec_fn=limited(resource.RLIMIT_FSIZE, 0))[0]["error"]
    assert error["code"] == "tool.failed"
    assert "no room for what a tool is to be given" in error["message"]


def test_no_tool_is_there(machine: Machine) -> None:
    machine.environment["TANDEM_TOOLS"] = ""
    machine.serve = NOWHERE + machine.serve
    error, export = machine.ask(APPLY, {"op": "export"})
    assert error["error"]["code"] == "tool.missing"
    assert "pacemaker-cli-utils" in error["error"]["message"]
    assert export["result"]["cib"] == "0.5.2"


# -- killed


KILLER = """#!/bin/sh
kill -KILL $PPID
exec {tools}/crm_simulate "$@"
"""


def test_killed_in_a_preview_the_agent_leaves_nothing_on_a_disk(machine: Machine, tmp_path: pathlib.Path) -> None:
    tools, scratch, shadow = tmp_path / "tools", tmp_path / "scratch", tmp_path / "shadow"
    for directory in (tools, scratch, shadow):
        directory.mkdir()
    real = machine.environment["TANDEM_TOOLS"]
    (tools / "crm_simulate").write_text(KILLER.format(tools=real))
    (tools / "crm_simulate").chmod(0o755)
    machine.environment.update(TANDEM_TOOLS=f"{tools}:{real}", TMPDIR=str(scratch), CIB_shadow_dir=str(shadow))
    before = machine.cib.read_bytes()
    done = machine.tandem("apply", "-", input=json.dumps(DOCUMENT))
    assert done.returncode == -signal.SIGKILL
    assert os.listdir(str(scratch)) == os.listdir(str(shadow)) == []
    assert machine.cib.read_bytes() == before


# -- what a person sees


@pytest.mark.parametrize("word", ["status", "export", "doctor", "history", "info"])
def test_output_that_nobody_can_take(machine: Machine, word: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tandem_agent", word],
            env=machine.environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("tandem: this host did not let the agent go on (No space left on device)")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("words", ["status", "export", "plan -", "serve --stdio"])
def test_closed_streams(machine: Machine, closed: str, words: str) -> None:
    shell = f'exec "$0" -m tandem_agent {words} {closed}'
    done = machine.run(["sh", "-c", shell, sys.executable], input='{"resources": []}')
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr
    assert done.returncode == (1 if words == "plan -" and "<&-" in closed else 0)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_values_that_a_terminal_cannot_show(machine: Machine, cib_text: str, encoding: str) -> None:
    """Nothing in a CIB writes over a terminal or fakes a line, and no encoding makes the command fail."""
    nasty = "\u00e9\u009b31mred\x7f \u2028&#10;x: y&#13;&#9;z"
    vip = f'<primitive id="vip" class="ocf" provider="pacemaker" type="Dummy" description="{nasty}"/>'
    machine.cib.write_text(cib_text.replace("<resources/>", f"<resources>{vip}</resources>"), encoding="utf-8")
    machine.environment.update(PYTHONIOENCODING=encoding, TANDEM_TOOLS="")
    document = json.dumps({"resources": [{"id": "vip", "description": "plain"}]})
    code = NOWHERE + "import sys; from tandem_agent.cli import main; sys.exit(main(sys.argv[1:]))"
    for words in (["export"], ["plan", "-"], ["export", "--json"], ["plan", "-", "--json"]):
        done = machine.run([sys.executable, "-c", code, *words], input=document, encoding=encoding)
        assert done.returncode == 0, done.stderr
        assert "31mred" in done.stdout and "\nx: y" not in done.stdout
        assert not any(unicodedata.category(char) == "Cc" and char != "\n" for char in done.stdout)
