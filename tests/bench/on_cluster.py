# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a node of a live cluster and prints JSON. What it makes is called `bench-…` and removed again.

    python3 on_cluster.py settle RUNS SIZE
    python3 on_cluster.py create RUNS SIZE

`settle`: how long after the cluster became idle the agent has seen it. A thread looks at the CIB's version all the time;
the last change it sees is the last result that the cluster waited for.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import Any, Dict, List, Tuple

from talk import ask, milliseconds, run, summary
from workload import Document, dummies

SOCKET = "/run/tandem/agent.sock"
LOOK = 0.02  # seconds between two looks at the CIB's version


def apply(document: Document) -> Dict[str, Any]:
    return ask(SOCKET, "apply", {"document": document, "wait": 300, "request": "bench"})


def removed(document: Document) -> Document:
    return {"resources": [{"id": one["id"], "state": "absent"} for one in document["resources"]]}


class Watch(threading.Thread):
    """The CIB's version over time."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: List[Tuple[float, bytes]] = []  # when it was first seen
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.is_set():
            text = subprocess.run(
                ["cibadmin", "--query", "--xpath", "/cib", "--no-children"], stdout=subprocess.PIPE, check=False
            ).stdout
            if text and (not self.seen or self.seen[-1][1] != text):
                self.seen.append((time.perf_counter(), text))
            time.sleep(LOOK)


def settle(runs: int, size: int) -> Dict[str, Any]:
    found = []
    document = dummies(size, "bench")
    for _run in range(runs):
        watch = Watch()
        watch.start()
        try:
            apply(document)
            answered = time.perf_counter()
            watch.done.set()
            watch.join()
            found.append((answered - max(at for at, _text in watch.seen if at <= answered)) * 1000)
        finally:
            apply(removed(document))
    return {"after idle": summary(found)}


def create(runs: int, size: int) -> Dict[str, Any]:
    document = dummies(size, "bench")
    found = []
    for _run in range(runs):
        try:
            found.append(milliseconds(apply, document))
        finally:
            apply(removed(document))
    try:
        one_by_one = [milliseconds(_create, one["id"]) for one in document["resources"]]
        waited = milliseconds(run, "crm_resource", "--wait")
    finally:
        apply(removed(document))
    return {"agent": summary(found), "pcs": sum(one_by_one), "wait": waited}


def _create(name: str) -> None:
    run("pcs", "resource", "create", name, "ocf:heartbeat:Dummy", "op", "monitor", "interval=10s")


if __name__ == "__main__":
    measure = {"settle": settle, "create": create}[sys.argv[1]]
    print(json.dumps(measure(int(sys.argv[2]), int(sys.argv[3]))))
