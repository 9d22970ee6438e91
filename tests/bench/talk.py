# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a node: talk to the agent as a module does, and time what is done."""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import time
from typing import Any, Callable, Dict, List

Summary = Dict[str, float]


def ask(path: str, operation: str, params: Dict[str, Any], deadline: float = 600) -> Dict[str, Any]:
    """One request on a connection of its own."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(path)
        stream = link.makefile("rwb")
        frame = {"v": 1, "id": "bench", "op": operation, "params": params, "deadline": deadline}
        stream.write(json.dumps(frame).encode() + b"\n")
        stream.flush()
        for line in stream:
            answer = json.loads(line)
            if "error" in answer:
                raise SystemExit(f"{operation}: {answer['error']['message']}")
            if "result" in answer:
                return dict(answer["result"])
    raise SystemExit(f"{operation}: no answer")


def milliseconds(call: Callable[..., Any], *arguments: Any, **more: Any) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    call(*arguments, **more)
    return (time.perf_counter() - started) * 1000


def cpu_milliseconds(pid: int) -> float:
    """What a process itself has used so far, its children aside (proc(5): utime and stime)."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    with open(f"/proc/{pid}/status") as file:
        return int(next(line for line in file if line.startswith("VmRSS")).split()[1]) / 1024


def summary(found: List[float]) -> Summary:
    return {"median": statistics.median(found), "least": min(found), "most": max(found), "runs": len(found)}


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
