# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real agent on a CIB file, and real `ansible-playbook` runs against it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence
from xml.etree import ElementTree

import yaml

TOP = Path(__file__).resolve().parents[2]
TOOLS = TOP / ".build" / "pacemaker" / "bookworm" / "bin"
HERE = Path(__file__).resolve().parent

Task = Dict[str, Any]

EMPTY_CIB = """<cib crm_feature_set="3.3.0" validate-with="{schema}" epoch="5" num_updates="2" admin_epoch="0"\
 have-quorum="1" dc-uuid="1"><configuration><crm_config/><nodes><node id="1" uname="c1"/><node id="2" uname="c2"/></nodes>\
<resources/><constraints/></configuration><status>{states}</status></cib>"""
NODE_STATE = """<node_state id="{id}" uname="{name}" in_ccm="true" crmd="online" join="member" expected="member">\
<lrm id="{id}"><lrm_resources/></lrm></node_state>"""


class Agent:
    """`tandem serve` with Pacemaker's real tools on a CIB file: nothing runs, everything else is real."""

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "agent.sock"
        self.cib = directory / "cib.xml"
        self.log = directory / "agent.log"
        self.reset()
        environment = {
            "CIB_file": str(self.cib),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(TOP / "roles" / "agent" / "files"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TANDEM_TOOLS": str(TOOLS),
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tandem_agent", "serve", "--socket", str(self.socket)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait()

    def _wait(self) -> None:
        for _try in range(200):
            with socket.socket(socket.AF_UNIX) as probe:
                try:
                    probe.connect(str(self.socket))
                    return
                except OSError:
                    time.sleep(0.05)
            if self._process.poll() is not None:
                break
        raise AssertionError(f"the agent does not listen: {self.log.read_text()}")

    def reset(self, schema: str = "pacemaker-3.4") -> None:
        """A cluster of two nodes, both online, without anything in it."""
        states = "".join(NODE_STATE.format(id=number, name=name) for number, name in ((1, "c1"), (2, "c2")))
        self.cib.write_text(EMPTY_CIB.format(states=states, schema=schema))
        self.cib.chmod(0o600)
        for other in self.cib.parent.glob("cib.xml.sig*"):
            other.unlink()

    def stop(self) -> None:
        """Ask it to end, and insist."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass(frozen=True)
class Step:
    """What became of one task."""

    name: str
    failed: bool
    result: Dict[str, Any]
    cib: str  # a digest of the whole file
    configuration: str  # the file

    @property
    def changed(self) -> bool:
        return bool(self.result.get("changed"))

    def foreseen(self) -> Dict[str, Any]:
        """The part of a result that check mode must foresee."""
        kept = {name: self.result.get(name) for name in ("changed", "plan", "diff", "objects")}
        kept["preview"] = {name: self.result["preview"][name] for name in ("available", "reason", "actions", "fences")}
        kept["cib"] = self.result["cib"]["before"]
        return kept

    def objects(self, without: Sequence[str] = ()) -> List[str]:
        """The configuration, element by element with its attributes; empty containers say nothing."""
        found: List[str] = []
        section = ElementTree.fromstring(self.configuration).find("configuration")
        assert section is not None
        _flatten(section, "", found)
        return sorted(line for line in found if not any(f"('id', '{id}')" in line for id in without))


def _flatten(element: ElementTree.Element, path: str, found: List[str]) -> None:
    here = f"{path}/{element.tag}"
    attributes = dict(element.attrib)
    if list(element) or not (set(attributes) <= {"id"}):
        if set(attributes) - {"id"} or element.tag in ("group", "clone"):
            found.append(f"{here} {sorted(attributes.items())}")
        for child in element:
            _flatten(child, here, found)


class Ansible:
    """Runs playbooks of a list of tasks on this machine, as a user would."""

    def __init__(self, directory: Path, agent: Agent, python: str = sys.executable) -> None:
        self.directory = directory
        self.agent = agent
        self.python = python
        self.output = ""

    def run(self, tasks: List[Task], defaults: Optional[Mapping[str, Any]] = None, *arguments: str) -> List[Step]:
        """The steps of one play; a task that fails ends it only when it does not say `ignore_errors`."""
        found = self.play(tasks, *arguments, defaults=defaults)
        assert len(found) == len(tasks), self.output
        return found

    def role(self, name: str, variables: Mapping[str, Any], check: bool = False) -> Dict[str, Step]:
        """The steps of one role by their names, but those that were skipped."""
        task = {
            "ansible.builtin.import_role": {"name": f"tandem.ha.{name}"},
            "vars": dict(variables),
            "check_mode": check,
        }
        return {step.name.rpartition(" : ")[2]: step for step in self.play([task])}

    def play(self, tasks: List[Task], *arguments: str, defaults: Optional[Mapping[str, Any]] = None) -> List[Step]:
        """The same of tasks that may be many at once, such as a role's; none may fail."""
        steps = self.directory / "steps.jsonl"
        steps.write_text("")
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "module_defaults": {"group/tandem.ha.ha": {"agent_socket": str(self.agent.socket), **(defaults or {})}},
            "tasks": tasks,
        }
        playbook = self.directory / "playbook.yml"
        playbook.write_text(yaml.safe_dump([play], sort_keys=False))
        done = subprocess.run(
            [str(Path(sys.executable).parent / "ansible-playbook"), str(playbook), *arguments],
            env=self._environment(steps),
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        self.output = done.stdout
        found = [Step(**json.loads(line)) for line in steps.read_text().splitlines()]
        assert done.returncode == 0, f"{self.output}exit code {done.returncode}"
        return found

    def _environment(self, steps: Path) -> Dict[str, str]:
        inventory = self.directory / "inventory"
        settings = self.directory / "ansible.cfg"
        settings.write_text("[defaults]\n")  # neither the checkout's nor the user's
        inventory.write_text(f"localhost ansible_connection=local ansible_python_interpreter={self.python}\n")
        return {
            "ANSIBLE_CALLBACKS_ENABLED": "steps",
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
            "ANSIBLE_COLLECTIONS_PATH": str(TOP / ".build" / "collections"),
            "ANSIBLE_CONFIG": str(settings),
            "ANSIBLE_HOME": str(self.directory / "ansible"),
            "ANSIBLE_INVENTORY": str(inventory),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_REMOTE_TMP": str(self.directory / "remote"),
            "HOME": str(self.directory),
            "LC_ALL": "C.UTF-8",
            "PATH": os.environ["PATH"],
            "STEPS_CIB": str(self.agent.cib),
            "STEPS_FILE": str(steps),
        }


def task(name: str, module: str, arguments: Mapping[str, Any], check: bool = False, may_fail: bool = False) -> Task:
    """One task; differences are always asked for."""
    made: Task = {"name": name, f"tandem.ha.{module}": dict(arguments), "diff": True, "check_mode": check}
    if may_fail:
        made["ignore_errors"] = True
    return made
