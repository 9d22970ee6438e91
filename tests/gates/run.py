# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the gates of table.py, show how they go, and say in one line how many passed.

    python tests/gates/run.py [--only NAME ...] [--skip NAME ...] [--jobs N] [--list]

A NAME is a gate or a group of gates. Some gates run only when they are named or with TANDEM_ALL=1, as `make test-all`
does; `--list` says which. Each gate's output goes to .build/logs/NAME.log; the end of it is shown when the
gate fails. Exit code 0 when every gate that ran passed, 1 when one failed, 130 when interrupted.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from table import GATES, Gate
from tree import BUILD, TOP

LOGS = BUILD / "logs"
SKIP = 77  # a gate's exit code for "cannot run on this machine"
# How a gate is ended, and for how long it is waited for: pytest takes its labs down when interrupted, not when terminated.
ENDING = ((signal.SIGINT, 40), (signal.SIGTERM, 10), (signal.SIGKILL, 5))
TAIL = 40  # lines of a failed gate's log that are shown
HEARTBEAT = 60  # seconds between two signs of life
# How pytest, our own checks and ansible-test say that they left something out.
LEFT_OUT = re.compile(r"^(?:SKIPPED \[\d+\] |skipped: |WARNING: (?=(?:Skipping|Excluding|Skipped) ))(.*)", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """How one gate ended: `passed`, `failed` or `skipped`, and why."""

    gate: Gate
    verdict: str
    seconds: float
    note: str = ""


def environment(gate: Gate, scratch: str) -> dict[str, str]:
    """What every gate sees: the tools first on PATH, caches below .build, this checkout's ansible.cfg.

    `scratch` is the gate's own temporary directory: nothing of its neighbours is in it, and it goes with the gate.
    """
    cache = BUILD / "cache"
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin",
        "ANSIBLE_CONFIG": str(TOP / "ansible.cfg"),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(cache / "hypothesis"),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "PYTHONPYCACHEPREFIX": str(cache / "python"),
        "RUFF_CACHE_DIR": str(cache / "ruff"),
        "TMPDIR": scratch,
        **dict(gate.environment),
    }


class Runner:
    """Starts gates, each in a process group of its own, and ends them when they or the user run out of time."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._interrupted = threading.Event()

    @property
    def interrupted(self) -> bool:
        return self._interrupted.is_set()

    def say(self, word: str, gate: Gate, rest: str) -> None:
        with self._lock:
            print(f"[{time.monotonic() - self._began:5.0f} s] {word:8}{gate.name:23}{rest}", flush=True)

    def run_all(self, gates: list[Gate], jobs: int) -> list[Outcome]:
        """Gates that share the machine first, `jobs` at a time, and beside them those that mostly wait for a lab's nodes,
        one at a time; then one by one those that want the machine alone.
        """
        pulse = threading.Thread(target=self._heartbeat, daemon=True)
        pulse.start()
        shared = [gate for gate in gates if not gate.alone]
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool, concurrent.futures.ThreadPoolExecutor(1) as nodes:
            running = [(nodes if gate.nodes else pool).submit(self.run_one, gate) for gate in shared]
        return [one.result() for one in running] + [self.run_one(gate) for gate in gates if gate.alone]

    def run_one(self, gate: Gate) -> Outcome:
        began = time.monotonic()
        missing = [path for path in gate.needs if not (TOP / path).exists()]
        if missing:
            outcome = Outcome(gate, "failed", 0.0, f"{', '.join(missing)} is missing")
        elif self._interrupted.is_set():
            return Outcome(gate, "failed", 0.0, "not run: interrupted")
        else:
            self.say("start", gate, gate.what)
            verdict, note = self._commands(gate)
            outcome = Outcome(gate, verdict, time.monotonic() - began, note)
        self._report(outcome)
        return outcome

    def _commands(self, gate: Gate) -> tuple[str, str]:
        """Run all commands, also after one failed: the first fault is not the only one worth seeing."""
        deadline = time.monotonic() + gate.limit
        notes = []
        # A short path: tests make Unix sockets there, whose names may not have more than 107 bytes.
        with (LOGS / f"{gate.name}.log").open("wb") as log, tempfile.TemporaryDirectory(prefix="gate-") as scratch:
            for command in gate.commands:
                log.write(f"$ {shlex.join(command)}\n".encode())
                log.flush()
                code = self._process(gate, command, log, scratch, deadline)
                if code == SKIP and len(gate.commands) == 1:
                    return "skipped", last_line(gate)
                if code is None:
                    return "failed", f"ended after its time limit of {gate.limit} s"
                if code:
                    notes.append(f"{command[0]} exited with {code}")
        return ("failed", "; ".join(notes)) if notes else ("passed", "")

    def _process(
        self, gate: Gate, command: tuple[str, ...], log: BinaryIO, scratch: str, deadline: float
    ) -> int | None:
        """Exit code of one command, or None when its time was up."""
        with subprocess.Popen(
            command,
            cwd=TOP,
            env=environment(gate, scratch),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            self._running[gate.name] = process
            try:
                return process.wait(max(1.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                end_group(process)
                return None
            finally:
                del self._running[gate.name]
                sweep(process)

    def _heartbeat(self) -> None:
        while not self._interrupted.wait(HEARTBEAT):
            names = " ".join(sorted(self._running))
            if names:
                with self._lock:
                    print(f"[{time.monotonic() - self._began:5.0f} s] running {names}", flush=True)

    def _report(self, outcome: Outcome) -> None:
        gate = outcome.gate
        if outcome.verdict != "failed":
            self.say(
                "ok" if outcome.verdict == "passed" else "skipped",
                gate,
                f"{outcome.seconds:.0f} s  {outcome.note}".rstrip(),
            )
            return
        self.say(
            "FAILED",
            gate,
            f"{outcome.seconds:.0f} s  {outcome.note}; all of it in {LOGS.relative_to(TOP)}/{gate.name}.log",
        )
        with self._lock:
            for line in tail(gate):
                print(f"          | {line}", flush=True)

    def interrupt(self) -> None:
        """End everything that runs; gates that did not start yet will not."""
        self._interrupted.set()
        for process in list(self._running.values()):
            end_group(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask the gate to end, wait, then make it."""
    for signum, patience in ENDING:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signum)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
        break
    sweep(process)


def sweep(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of a gate running once its first process is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def log_text(gate: Gate) -> str:
    try:
        return (LOGS / f"{gate.name}.log").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def tail(gate: Gate) -> list[str]:
    return [line[:300] for line in log_text(gate).splitlines()[-TAIL:]]


def last_line(gate: Gate) -> str:
    lines = log_text(gate).strip().splitlines()
    return lines[-1] if lines else ""


def chosen(only: list[str], skip: list[str], everything: bool) -> list[Gate]:
    """The gates named by `only` (when empty those of every day, or `everything`) without those named by `skip`."""
    known = {gate.name for gate in GATES} | {gate.group for gate in GATES}
    unknown = sorted({*only, *skip} - known)
    if unknown:
        raise SystemExit(f"no such gate: {', '.join(unknown)}; there are {', '.join(gate.name for gate in GATES)}")

    def named(gate: Gate, names: list[str]) -> bool:
        return gate.name in names or gate.group in names

    wanted = [gate for gate in GATES if (named(gate, only) if only else gate.daily or everything)]
    return [gate for gate in wanted if not named(gate, skip)]


def summary(outcomes: list[Outcome], left: list[Gate]) -> int:
    """Print what was left out, what failed, and the count; returns the exit code."""
    for outcome in outcomes:
        if outcome.verdict == "skipped":
            print(f"skipped: {outcome.gate.name}: {outcome.note}")
            continue
        for reason in sorted(set(LEFT_OUT.findall(log_text(outcome.gate)))) if outcome.seconds else []:
            print(f"skipped in {outcome.gate.name}: {reason[:200]}")
    if left:
        print(f"left to make test-all: {' '.join(gate.name for gate in left)}")
    failed = [outcome.gate.name for outcome in outcomes if outcome.verdict == "failed"]
    if failed:
        print(f"failed: {' '.join(failed)}")
    print(f"{sum(outcome.verdict == 'passed' for outcome in outcomes)} passed, {len(failed)} failed")
    return 1 if failed else 0


def main() -> int:
    """Parse the command line, run, and print the summary."""
    parser = argparse.ArgumentParser(description="Run the gates.")
    parser.add_argument("--only", action="extend", nargs="+", default=[], metavar="NAME", help="these gates or groups")
    parser.add_argument("--skip", action="extend", nargs="+", default=[], metavar="NAME", help="all but these")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1), help="how many at a time")
    parser.add_argument("--list", action="store_true", help="show the table and stop")
    options = parser.parse_args()
    everything = os.environ.get("TANDEM_ALL") == "1"
    gates = chosen(options.only, options.skip, everything or options.list)
    if options.list:
        for gate in gates:
            print(f"{gate.name:23}{gate.group:13}{gate.limit:5} s  {gate.what}{'' if gate.daily else ' (test-all)'}")
        return 0
    LOGS.mkdir(parents=True, exist_ok=True)
    runner = Runner()

    def stop(signum: int, _frame: object) -> None:
        print(f"\nending the gates: {signal.Signals(signum).name}", flush=True)
        runner.interrupt()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    left = [] if options.only else [gate for gate in GATES if not (gate.daily or everything)]
    code = summary(runner.run_all(gates, options.jobs), left)
    return 130 if runner.interrupted else code


if __name__ == "__main__":
    sys.exit(main())
