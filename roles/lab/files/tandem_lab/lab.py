# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's verbs: up, down, reset, status, power.  Each returns what the caller prints."""

from __future__ import annotations

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional

from . import access, bmc, emulator, machine, names, panel, processes, repository, steps, teardown, tools
from .errors import LabError
from .files import locked, remove_if_empty, write
from .paths import Paths
from .plan import Step
from .progress import say
from .spec import KINDS, Node, Spec

BOOT_TIMEOUT = 90.0


def up(paths: Paths, spec: Spec, check: bool = False) -> Dict[str, Any]:
    """Make what is missing and wait until SSH answers on every node."""
    tools.check(only_look=check, containers=bool(spec.images), shapes=spec.has_shapes())
    with _lock(paths, check):
        done = _carry_out(steps.up(paths, spec), check)
    if not check:
        _await_ssh(paths, spec)
    return {"changed": bool(done), "steps": done, "lab": _summary(paths, spec)}


def warm(paths: Paths, spec: Spec, check: bool = False) -> Dict[str, Any]:
    """Only the cache: what takes long and every lab shares."""
    tools.check(only_look=check, containers=bool(spec.images), shapes=spec.has_shapes())
    done = _carry_out(steps.cache(paths, spec), check)
    return {"changed": bool(done), "steps": done}


def down(paths: Paths, check: bool = False, purge_cache: bool = False) -> Dict[str, Any]:
    """Leave nothing of the lab behind; the cache stays unless told otherwise."""
    tools.check(only_look=True)
    with _lock(paths, check, keep=False):
        done = _carry_out(teardown.down(paths), check)
        if purge_cache and paths.cache.exists():
            done.append("remove %s" % paths.cache)
            if not check:
                _refuse_if_used(paths)
                shutil.rmtree(str(paths.cache))
    if not check:
        remove_if_empty(paths.run.parent)
        remove_if_empty(paths.state.parent)
    return {"changed": bool(done), "steps": done}


def reset(paths: Paths, spec: Spec, check: bool = False) -> Dict[str, Any]:
    """New disks, new keys: down, then up."""
    before = down(paths, check)
    if check:
        return {"changed": True, "steps": [*before["steps"], "make the lab anew"]}
    after = up(paths, spec)
    return {**after, "changed": True, "steps": before["steps"] + after["steps"]}


def status(paths: Paths) -> Dict[str, Any]:
    """What is, by asking: the chassis, the SSH ports, the BMCs over IPMI."""
    spec = steps.saved(paths)
    if spec is None:
        return {"changed": False, "name": paths.name, "exists": False, "up": False, "nodes": {}}
    with ThreadPoolExecutor(max_workers=8) as pool:
        nodes = dict(zip(spec.nodes, pool.map(lambda node: _node_status(paths, spec, node), spec.nodes.values())))
    return {
        "changed": False,
        **_summary(paths, spec),
        "exists": True,
        "up": all(node["ssh"] for node in nodes.values()),
        "nodes": nodes,
    }


def power(paths: Paths, node: str, action: str) -> Dict[str, Any]:
    """Press a button.  `changed` says whether the node's state is another afterwards."""
    spec = _existing(paths, node)
    before = panel.press(paths, node, "status")
    after = panel.press(paths, node, action)
    if action == "off":
        after = _await_off(paths, node)
    changed = any(before[key] != after[key] for key in ("state", "frozen", "since"))
    return {"changed": changed, "node": node, "address": str(spec.address(node)), **after}


def set_mode(paths: Paths, node: str, kind: str, mode: str, delay: float = bmc.DEFAULT_DELAY) -> Dict[str, Any]:
    """Make a power controller faulty, or well again; it notices with the next request."""
    if kind not in _existing(paths, node).nodes[node].controllers:
        raise LabError("%s has no %s" % (node, kind))
    text = "slow %g\n" % delay if mode == "slow" else mode + "\n"
    path = paths.mode(node, kind)
    before = path.read_text() if path.exists() else "ok\n"
    if before != text:
        write(path, text)
    return {"changed": before != text, "node": node, "kind": kind, "mode": text.strip()}


def execute(paths: Paths, node: str, argv: List[str]) -> int:
    """Run a command in a node, with our own stdin, stdout and stderr; returns its exit code."""
    spec = _existing(paths, node)
    pid = panel.press(paths, node, "status")["pids"]["node"]
    if not pid:
        raise LabError("%s is off" % node)
    return machine.execute(spec, node, machine.leader(pid), argv)


def _existing(paths: Paths, node: Optional[str] = None) -> Spec:
    spec = steps.saved(paths)
    if spec is None:
        raise LabError("there is no lab named %s: run `up` first" % paths.name)
    if node is not None and node not in spec.nodes:
        raise LabError("the lab %s has no node %s: there is %s" % (paths.name, node, ", ".join(spec.nodes)))
    return spec


def _lock(paths: Paths, check: bool, keep: bool = True) -> AbstractContextManager[None]:
    """One run at a time changes a lab; one that only looks leaves not even a lock file."""
    return nullcontext() if check else locked(paths.lock, keep)


def _carry_out(plan: Iterable[Step], check: bool) -> List[str]:
    """Look first, then act: what the steps do must not change what is found."""
    todo = list(plan)
    for step in todo:
        if not check:
            say(step.text)
            step.act()
    return [step.text for step in todo]


def _await_ssh(paths: Paths, spec: Spec) -> None:
    deadline = time.monotonic() + BOOT_TIMEOUT + spec.post_delay
    waiting = list(spec.nodes)
    while True:
        waiting = [node for node in waiting if not access.ssh_answers(spec, node)]
        if not waiting:
            return
        states = {node: steps.state_of(paths, node) or {"power": "off", "reason": "no supervisor"} for node in waiting}
        # What went off again by itself will not come back by waiting.
        failed = (
            waiting if time.monotonic() > deadline else [node for node in waiting if states[node]["power"] == "off"]
        )
        if failed:
            reasons = "; ".join("%s: %s" % (node, states[node]["reason"]) for node in failed)
            raise LabError("no SSH from %s (logs are in %s)" % (reasons, paths.run / "node"))
        time.sleep(0.1)


def _await_off(paths: Paths, node: str, timeout: float = 100) -> Dict[str, Any]:
    deadline = time.monotonic() + timeout
    while True:
        state = panel.press(paths, node, "status")
        if state["state"] == "off":
            return state
        if time.monotonic() > deadline:
            raise LabError("%s does not shut down within %d s: use `cut`" % (node, timeout))
        time.sleep(0.1)


def _summary(paths: Paths, spec: Spec) -> Dict[str, Any]:
    return {
        "name": spec.name,
        "state_dir": str(paths.state),
        "run_dir": str(paths.run),
        "namespace": names.lab_name(spec.name),
        "ssh": {"key": str(paths.key), "known_hosts": str(paths.known_hosts), "control": str(paths.ssh_control)},
        "networks": {
            network.name: {"subnet": str(network.subnet), "control": str(network.control)} for network in spec.networks
        },
    }


def _node_status(paths: Paths, spec: Spec, node: Node) -> Dict[str, Any]:
    state = steps.state_of(paths, node.name) or {
        "power": "off",
        "state": "lost",
        "frozen": False,
        "reason": "no supervisor: run `up`",
        "pids": {part: _recorded(paths, node.name, part) for part in ("chassis", "node", *KINDS)},
    }
    return {
        **state,
        "address": str(spec.address(node.name)),
        "suite": node.suite,
        "ssh": state["power"] == "on" and not state["frozen"] and access.ssh_answers(spec, node.name),
        "bmc": _bmc_status(paths, spec, node),
        **{kind: _controller_status(paths, node, kind) for kind in KINDS if kind != "bmc"},
    }


def _recorded(paths: Paths, node: str, part: str) -> Optional[int]:
    process = processes.recorded(paths.pid(node, part))
    return process.pid if process else None


def _bmc_status(paths: Paths, spec: Spec, node: Node) -> Optional[Dict[str, Any]]:
    """What the BMC says on the wire: `on`, `off`, or None when it gives no good answer."""
    if not node.bmc:
        return None
    argv = ["nsenter", "--net=/run/netns/" + names.lab_name(spec.name)]
    argv += [
        "ipmitool",
        "-I",
        "lanplus",
        "-C",
        "3",
        "-N",
        "1",
        "-R",
        "1",
        "-H",
        str(node.bmc.address),
        "-U",
        node.bmc.user,
    ]
    argv += ["-f", str(paths.password(node.name)), "chassis", "power", "status"]
    try:
        said = tools.run(argv, timeout=10).strip().rsplit(" ", 1)[-1]
    except LabError:
        said = ""
    return {**(_controller_status(paths, node, "bmc") or {}), "power": said if said in ("on", "off") else None}


def _controller_status(paths: Paths, node: Node, kind: str) -> Optional[Dict[str, Any]]:
    """Where a controller is, how to speak to it, and what is wrong with it."""
    found, mode = node.controllers.get(kind), paths.mode(node.name, kind)
    if found is None:
        return None
    return {
        "address": str(found.address),
        "user": found.user,
        "password_file": str(paths.password(node.name, kind)),
        "mode": mode.read_text().strip() if mode.exists() else "ok",
    }


def _refuse_if_used(paths: Paths) -> None:
    """No cache is taken from under a running node: its mount shows in the node's own table."""
    for entry in Path("/proc").glob("[0-9]*/mounts"):
        try:
            text = entry.read_text()
        except OSError:
            continue
        if "lowerdir=%s/" % paths.cache in text:
            raise LabError("the cache %s is used by a running node of another lab: take that down first" % paths.cache)


def cache_report(paths: Paths) -> Dict[str, Any]:
    """What the cache holds."""
    return {
        "directory": str(paths.cache),
        "roots": sorted(path.name for path in (paths.cache / "roots").glob("*")) if paths.cache.is_dir() else [],
        "packages": repository.sizes(paths.cache),
        "images": sorted(path.name for path in (paths.cache / "images").glob("[0-9a-f]*")),
        "emulator": emulator.present(paths.cache),
    }
