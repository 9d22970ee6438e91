# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs among a node's programs: the agent and pcs, asked the same things about the same CIB file, in turn. Prints JSON.

    python3 on_node.py unchanged AGENT.pyz RUNS SIZE
    python3 on_node.py create AGENT.pyz RUNS SIZE

Both work offline on a file (`CIB_file`, `pcs -f`), so that no cluster is touched and neither waits for one. The agent
serves a real socket and is asked over it; pcs is started, as it must be, once a call.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from json import dumps
from pathlib import Path
from typing import Any, Callable, Dict, List

from talk import ask, cpu_milliseconds, milliseconds, resident_mib, run, summary
from workload import EMPTY, dummies, site


class Agent:
    """The agent on a CIB file, behind its socket."""

    def __init__(self, pyz: str, directory: Path, cib: Path) -> None:
        self.path = str(directory / "agent.sock")
        started = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, pyz, "serve", "--socket", self.path], env=dict(os.environ, CIB_file=str(cib)),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while not self._listens():
            if time.perf_counter() - started > 30 or self.process.poll() is not None:
                raise SystemExit("the agent did not open its socket")
            time.sleep(0.005)
        self.call("hello")
        self.start_milliseconds = (time.perf_counter() - started) * 1000

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as link:
            return link.connect_ex(self.path) == 0

    def call(self, operation: str, **params: Any) -> Dict[str, Any]:
        return ask(self.path, operation, params)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def in_turn(runs: int, calls: Dict[str, Callable[[], Any]]) -> Dict[str, List[float]]:
    """Milliseconds of several calls, one of each in every round: what else the machine does meets all of them."""
    for call in calls.values():
        call()
    found: Dict[str, List[float]] = {name: [] for name in calls}
    for _round in range(runs):
        for name, call in calls.items():
            found[name].append(milliseconds(call))
    return found


def configured(pyz: str, wanted: Dict[str, Any]) -> bytes:
    """A CIB that is what a document wants, by the agent's own code: to apply thousands of constraints is not measured."""
    sys.path.insert(0, pyz)
    from tandem_agent.cib.read import read
    from tandem_agent.cib.tree import parse, serialize
    from tandem_agent.cib.write import write
    from tandem_agent.model.document import read_document
    from tandem_agent.plan.declare import declare
    from tandem_agent.plan.diff import diff

    root = parse(EMPTY.encode())
    state = read(root)
    write(root, diff(state, declare(state, read_document(wanted, [])).state))
    return bytes(serialize(root))


def unchanged(pyz: str, runs: int, size: int, directory: Path) -> Dict[str, Any]:
    """The call that finds nothing to do, beside what a playbook would have to ask pcs."""
    wanted = site(size)
    cib = directory / "cib.xml"
    cib.write_bytes(configured(pyz, wanted))
    agent = Agent(pyz, directory, cib)
    idle = resident_mib(agent.process.pid)
    used: List[float] = []

    def agent_call() -> None:
        before = cpu_milliseconds(agent.process.pid)
        if agent.call("plan", document=wanted)["changed"]:
            raise SystemExit("the call that should find nothing to do found something")
        used.append(cpu_milliseconds(agent.process.pid) - before)

    update = ("resource", "update", "vip-0", "ip=10.0.0.0")
    try:
        found = in_turn(
            runs,
            {
                "agent": agent_call,
                "pcs config": lambda: [
                    run("pcs", "-f", str(cib), kind, "config") for kind in ("resource", "constraint")
                ],
                "pcs update": lambda: run("pcs", "-f", str(cib), *update),
            },
        )
        return {
            "times": {name: summary(times) for name, times in found.items()},
            "cpu": summary(used[1:]),
            "idle_mib": idle,
            "busy_mib": resident_mib(agent.process.pid),
            "start": agent.start_milliseconds,
        }
    finally:
        agent.stop()


def create(pyz: str, runs: int, size: int, directory: Path) -> Dict[str, Any]:
    """`size` new resources in one transaction, beside as many calls of pcs."""
    found = []
    for number in range(runs):
        own = directory / str(number)
        own.mkdir()
        (own / "cib.xml").write_text(EMPTY)
        agent = Agent(pyz, own, own / "cib.xml")
        try:
            found.append(milliseconds(agent.call, "apply", document=dummies(size, "new")))
        finally:
            agent.stop()
    cib = directory / "cib.xml"
    cib.write_text(EMPTY)
    command = ("pcs", "-f", str(cib), "resource", "create")
    one_by_one = [milliseconds(run, *command, f"new-{number}", "ocf:heartbeat:Dummy") for number in range(size)]
    return {"agent": summary(found), "pcs": sum(one_by_one), "pcs call": summary(one_by_one)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        measure = {"unchanged": unchanged, "create": create}[sys.argv[1]]
        print(dumps(measure(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(scratch))))
