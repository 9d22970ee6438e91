# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pair in a lab of its own: run playbooks against it as a user does, look at its nodes from outside of Ansible."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence
from xml.etree import ElementTree

TOP = Path(__file__).resolve().parents[2]
PLAY = Path(sys.executable).with_name("ansible-playbook")
LAB_FILES = TOP / "roles" / "lab" / "files"
CONTROLLERS = ("c1", "c2")
RECAP = re.compile(r"^(\S+)\s+: (ok=.*)$", re.MULTILINE)


@contextmanager
def locked(name: str) -> Iterator[None]:
    """The lab of this name is mine: another run of these tests waits for the end of this one."""
    with Path(f"/run/lock/tandem-{name}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class Source:
    """An inventory of the collection, and the first two numbers of its addresses."""

    name: str
    network: str


LAB, BUNDLES = Source("lab", "10.42"), Source("bundles", "10.46")


@dataclass(frozen=True)
class Outcome:
    """How a run of ansible-playbook ended: its text, and what the recap counts, by host."""

    rc: int
    text: str
    seconds: float
    counts: Dict[str, Dict[str, int]]

    def total(self, what: str) -> int:
        return sum(counts[what] for counts in self.counts.values())

    @property
    def changed(self) -> Dict[str, int]:
        return {host: counts["changed"] for host, counts in self.counts.items() if counts["changed"]}

    @property
    def ok(self) -> bool:
        return self.rc == 0 and not self.total("failed") and not self.total("unreachable")


class Pair:
    """The system of an inventory under another name and with other addresses, so that it stands beside one's own."""

    def __init__(
        self, directory: Path, name: str, network: str, source: Source = LAB, controllers: Sequence[str] = CONTROLLERS
    ) -> None:
        self.name = name
        self.vip = f"{network}.0.100"
        self.directory = directory
        self.controllers = tuple(controllers)  # those that are members; a test may bring another one
        self.inventory = directory / "inventory"
        shutil.copytree(TOP / "inventory" / source.name, self.inventory)
        for path in self.inventory.rglob("*.yml"):
            text = path.read_text().replace(f"{source.network}.", f"{network}.")
            for variable in ("lab_name", "cluster_name"):
                text = text.replace(f"{variable}: {source.name}\n", f"{variable}: {name}\n")
            path.write_text(text.replace("{{ inventory_dir }}/../..", str(TOP)))
        if source is LAB:
            # A second power controller beside the first, and what its agent needs.
            with (self.inventory / "group_vars" / "controllers.yml").open("a") as group:
                group.write("\nnode_extra_packages: [fence-agents-redfish|python3-requests]\n")
            hosts = self.inventory / "hosts.yml"
            beside = r"(lab_bmc:\n +address: \S+\.)11(\d)\n"
            hosts.write_text(
                re.sub(beside, rf"\g<0>          lab_redfish: {{address: {network}.0.12\2}}\n", hosts.read_text())
            )
        if os.environ.get("TANDEM_SUITE"):  # the matrix: other nodes than the inventory's
            suite = {"lab_suite": os.environ["TANDEM_SUITE"]}
            (self.inventory / "group_vars" / "all" / "suite.yml").write_text(json.dumps(suite) + "\n")

    # -- the lab

    def lab(self, verb: str, *arguments: str) -> Dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "tandem_lab", verb, "--name", self.name, *arguments],
            env={**os.environ, "PYTHONPATH": str(LAB_FILES)}, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        found: Dict[str, Any] = json.loads(done.stdout)
        return found

    def up(self, state: str = "up") -> Outcome:
        return self.play("lab", "-e", f"lab_state={state}")

    def down(self) -> Outcome:
        return self.up("down")

    def node(self, node: str, command: str, code: Optional[int] = 0, timeout: float = 120, stdin: str = "") -> str:
        """What a shell command says on a node, run through the lab and not through SSH; `code` None takes any end."""
        done = subprocess.run(
            [sys.executable, "-m", "tandem_lab", "exec", "--name", self.name, node, "--", "sh", "-c", command],
            env={**os.environ, "PYTHONPATH": str(LAB_FILES)}, input=stdin,
            capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        assert code is None or done.returncode == code, (
            f"{node}: {command}: {done.returncode}: {done.stdout}{done.stderr}"
        )
        return done.stdout + done.stderr

    # -- Ansible

    def play(self, playbook: str, *arguments: str, inventory: Optional[Path] = None) -> Outcome:
        """Run a playbook of the collection, or a file with one."""
        path = playbook if "/" in playbook else f"playbooks/{playbook}.yml"
        began = time.monotonic()
        done = subprocess.run(
            [str(PLAY), "-i", str(inventory or self.inventory), path, *arguments],
            cwd=TOP, env=self._environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=900, check=False,
        )  # fmt: skip
        counts = {host: _counts(words) for host, words in RECAP.findall(done.stdout)}
        return Outcome(done.returncode, done.stdout, time.monotonic() - began, counts)

    def site(self, *arguments: str) -> Outcome:
        return self.play("site", *arguments)

    def tasks(self, *tasks: Dict[str, Any], hosts: str = "c1") -> Outcome:
        """A play of these tasks on some hosts."""
        path = self.directory / "tasks.yml"
        path.write_text(json.dumps([{"hosts": hosts, "gather_facts": False, "tasks": list(tasks)}]))
        return self.play(str(path), "--diff")

    def drift(self, *arguments: str) -> Dict[str, List[str]]:
        """The report of drift.yml."""
        output = self.directory / "drift.json"
        run = self.play("drift", "-e", f"drift_output={output}", *arguments)
        assert run.ok, run.text
        found: Dict[str, List[str]] = json.loads(output.read_text())
        return found

    def drill(self, **options: Any) -> Dict[str, Any]:
        """The report of drill.yml, which is not asked to confirm."""
        reports = self.directory / "drills"
        shutil.rmtree(reports, ignore_errors=True)
        options = {"drill_confirm": "yes", "drill_directory": str(reports), **options}
        run = self.play("drill", "-e", json.dumps(options))
        assert run.ok, run.text
        found: Dict[str, Any] = json.loads(next(reports.glob("*.json")).read_text())
        return found

    def _environment(self) -> Dict[str, str]:
        return {
            **os.environ,
            "ANSIBLE_CONFIG": str(TOP / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORCE_COLOR": "0",
            "ANSIBLE_HOME": str(self.directory / "ansible"),
            "LC_ALL": "C.UTF-8",
        }

    # -- the cluster, by the distribution's own tools

    def holder(self) -> str:
        """The controller that has the virtual address; exactly one has it."""
        found = [
            name for name in self.controllers if f" {self.vip}/" in self.node(name, "ip -4 address show", code=None)
        ]
        assert len(found) == 1, f"the virtual address is on {found}"
        return found[0]

    def other(self) -> str:
        return next(name for name in self.controllers if name != self.holder())

    def cib(self, node: str = "") -> str:
        """The configuration, as text; the status is not part of it."""
        return self.node(node or self.controllers[0], "cibadmin --query --scope configuration")

    def settle(self, seconds: float = 120) -> None:
        """Wait until both controllers are online, the address is up and nothing has failed."""
        self.until(self.well, seconds, "the cluster is not well")

    def well(self) -> bool:
        text = self.node(self.controllers[0], "crm_mon -1 --output-as=xml 2>/dev/null", code=None)
        try:
            root = ElementTree.fromstring(text)
        except ElementTree.ParseError:
            return False
        nodes = {node.get("name"): dict(node.attrib) for node in root.iterfind("nodes/node")}
        online = all(
            nodes.get(name, {}).get("online") == "true" and nodes[name]["pending"] == nodes[name]["unclean"] == "false"
            for name in self.controllers
        )
        roles = {resource.get("id"): resource.get("role") for resource in root.iterfind("resources//resource")}
        wanted = ["vip", *(f"fence-{name}" for name in self.controllers)]
        return online and all(roles.get(name) == "Started" for name in wanted) and root.find("failures/failure") is None

    @staticmethod
    def until(what: Callable[[], bool], seconds: float, complaint: str) -> None:
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, complaint
            time.sleep(0.5)


def _counts(words: str) -> Dict[str, int]:
    return {name: int(number) for name, number in (word.split("=") for word in words.split())}
