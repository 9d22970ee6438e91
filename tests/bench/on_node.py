# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a node: the agent and pcs, asked the same things about the same CIB file, in turn. Prints JSON.

    python3 on_node.py AGENT.pyz RUNS SIZE ...

Both work offline on a file (`CIB_file`, `pcs -f`), so that no cluster is touched and neither waits for one. The agent
serves a real socket and is asked over it, as a module asks it; pcs is started, as it must be, once a call.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

EMPTY = """<cib crm_feature_set="3.3.0" validate-with="pacemaker-3.4" epoch="1" num_updates="0" admin_epoch="0"><configuration>
<crm_config><cluster_property_set id="cib-bootstrap-options"><nvpair id="cib-bootstrap-options-stonith-enabled"
 name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
<nodes><node id="1" uname="c1"/><node id="2" uname="c2"/></nodes><resources/><constraints/></configuration><status/></cib>"""


def document(size: int) -> Dict[str, Any]:
    """`size` addresses, each bound to a node."""
    ops = [{"name": "monitor", "interval": "10s"}]
    return {
        "resources": [
            {"id": f"r{n}", "agent": "ocf:heartbeat:IPaddr2", "params": {"ip": f"192.0.2.{n % 250 + 1}"}, "ops": ops}
            for n in range(size)
        ],
        "constraints": [{"kind": "location", "resource": f"r{n}", "node": "c1", "score": 100} for n in range(size)],
    }


class Agent:
    """The agent on a CIB file, behind its socket."""

    def __init__(self, pyz: str, directory: Path, cib: Path) -> None:
        self.path = str(directory / "agent.sock")
        self.process = subprocess.Popen(
            [sys.executable, pyz, "serve", "--socket", self.path], env=dict(os.environ, CIB_file=str(cib)),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while not os.path.exists(self.path):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise SystemExit("the agent did not open its socket")
            time.sleep(0.02)

    def call(self, operation: str, **params: Any) -> Dict[str, Any]:
        """One request on a connection of its own, as a module makes it."""
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(self.path)
            stream = link.makefile("rwb")
            stream.write(json.dumps({"v": 1, "id": "bench", "op": operation, "params": params}).encode() + b"\n")
            stream.flush()
            for line in stream:
                answer = json.loads(line)
                if "error" in answer:
                    raise SystemExit(f"{operation}: {answer['error']['message']}")
                if "result" in answer:
                    return dict(answer["result"])
        raise SystemExit(f"{operation}: no answer")

    def resident_kib(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def timed(runs: int, call: Callable[[], Any]) -> List[float]:
    """Milliseconds of each run, one warm-up aside."""
    call()
    found = []
    for _run in range(runs):
        started = time.perf_counter()
        call()
        found.append((time.perf_counter() - started) * 1000)
    return found


def pcs(cib: Path, *arguments: str) -> Callable[[], None]:
    def run() -> None:
        subprocess.run(
            ["pcs", "-f", str(cib), *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    return run


def measure(pyz: str, runs: int, size: int) -> Dict[str, Any]:
    """One size: the no-change call of the agent beside the two pcs calls a playbook would need for it."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        cib = directory / "cib.xml"
        cib.write_text(EMPTY)
        agent = Agent(pyz, directory, cib)
        try:
            wanted = document(size)
            agent.call("apply", document=wanted)

            def unchanged() -> None:
                if agent.call("apply", document=wanted)["changed"]:
                    raise SystemExit("the no-change call changed something")

            times = {
                "agent apply, no change": timed(runs, unchanged),
                "pcs resource config": timed(runs, pcs(cib, "resource", "config")),
                "pcs resource update": timed(runs, pcs(cib, "resource", "update", "r0", "ip=192.0.2.1")),
            }
            memory = agent.resident_kib()
        finally:
            agent.stop()
    return {
        "size": size,
        "median_ms": {name: statistics.median(found) for name, found in times.items()},
        "agent_kib": memory,
    }


if __name__ == "__main__":
    print(json.dumps([measure(sys.argv[1], int(sys.argv[2]), int(size)) for size in sys.argv[3:]]))
