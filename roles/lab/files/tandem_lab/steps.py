# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is missing for a lab to be up, found by looking; each with the act that mends it.

The same list is the plan of check mode and the work of a real run, so the two agree.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

from . import access, chassis, disk, emulator, images, machine, netns, panel, processes, repository
from . import spec as specs
from .errors import ChassisGone, LabError
from .files import read, write
from .paths import Paths
from .spec import Node, Spec


@dataclass(frozen=True)
class Step:
    """One thing to do: what people read, what machines match, how."""

    text: str
    act: Callable[[], Any]


def saved(paths: Paths) -> Optional[Spec]:
    """The lab as it was described when it was last made."""
    text = read(paths.spec)
    return specs.parse(json.loads(text)) if text else None


def cache(paths: Paths, spec: Spec) -> Iterator[Step]:
    """What every lab shares: roots, repositories, the emulator."""
    for suite in spec.suites():
        if not images.present(paths.cache, suite):
            yield Step("make the %s root" % suite, _bind(images.make, paths.cache, suite))
        if not repository.present(paths.cache, suite, spec.repository_packages):
            yield Step("fill the %s package repository" % suite, _bind(repository.make, paths.cache, suite, spec.repository_packages))
    if any(node.bmc for node in spec.nodes.values()) and not emulator.present(paths.cache):
        yield Step("make the BMC emulator's environment", _bind(emulator.make, paths.cache))


def check_change(old: Spec, new: Spec) -> None:
    """Nodes come and go; what exists does not change its nature.  Raises LabError."""
    faults = []
    if old.networks != new.networks:
        faults.append("the networks changed")
    for name, node in new.nodes.items():
        before = old.nodes.get(name)
        if before and before.suite != node.suite:
            faults.append("%s changed its suite from %s to %s" % (name, before.suite, node.suite))
        if before and before.addresses != node.addresses:
            faults.append("%s changed its addresses" % name)
        if before and _bmc_place(before) != _bmc_place(node):
            faults.append("%s changed its BMC" % name)
    if faults:
        raise LabError("%s: use `reset` for a new lab, or undo it" % "; ".join(faults))


def _bmc_place(node: Node) -> Optional[tuple]:  # type: ignore[type-arg]
    return (node.bmc.address, node.bmc.user) if node.bmc else None


def up(paths: Paths, spec: Spec) -> Iterator[Step]:
    """Everything between what is and the lab up, in order."""
    old = saved(paths)
    if old:
        check_change(old, spec)
    yield from cache(paths, spec)
    if old is None or any(not path.is_dir() for path in paths.directories()):
        yield Step("make the lab's directories", _bind(_directories, paths))
    if not paths.key.exists():
        yield Step("make the SSH key", _bind(access.make_key, paths.key, "tandem-" + spec.name))
    for node in spec.nodes.values():
        if node.bmc and not access.password_is_right(paths, node):
            yield Step("keep the password of %s's BMC" % node.name, _bind(access.make_password, paths, node))
    for name in sorted(set(old.nodes) - set(spec.nodes)) if old else []:
        yield Step("remove the node %s" % name, _bind(remove_node, paths, old, name))
    for node in spec.nodes.values():
        if not disk.present(paths, node.name):
            yield Step("make %s's disk" % node.name, _bind(_make_disk, paths, spec, node))
    if old is None or specs.dump(old) != specs.dump(spec):
        yield Step("keep the description", _bind(_save, paths, spec))
    if read(paths.known_hosts) != (access.known_hosts(paths, spec) or None) or any(
        not disk.present(paths, name) for name in spec.nodes
    ):
        yield Step("pin the host keys", _bind(_pin, paths, spec))
    if not netns.lab_is_there(spec):
        yield Step("make the networks", _bind(_make_networks, paths, spec))
    yield from _power(paths, spec)


def _power(paths: Paths, spec: Spec) -> Iterator[Step]:
    states = {name: state_of(paths, name) for name in spec.nodes}
    for name, state in states.items():
        if state is None:
            yield Step("start the chassis of %s" % name, _bind(_start_chassis, paths, spec, name))
    for name in spec.nodes:
        state = states[name]
        if state is None or state["power"] == "off":
            yield Step("switch %s on" % name, _bind(_switch_on, paths, name))
        elif state["frozen"]:
            yield Step("thaw %s" % name, _bind(panel.press, paths, name, "thaw"))


def state_of(paths: Paths, node: str) -> Optional[Dict[str, Any]]:
    """What the node's chassis says; None when it has none."""
    try:
        return panel.press(paths, node, "status")
    except ChassisGone:
        return None


def remove_node(paths: Paths, spec: Spec, name: str) -> None:
    """Take a node out for good: power, supervisor, namespace, disk."""
    machine.group(spec.name, name, "chassis").kill()
    machine.cut(spec, spec.nodes[name])
    machine.group(spec.name, name, "chassis").remove()
    for path in [paths.socket(name), paths.password(name), *paths.run.glob("*/%s.*" % name)]:
        if path.exists():
            path.unlink()
    remove_tree(paths.node(name))


def remove_tree(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(str(path))


def _directories(paths: Paths) -> None:
    for path in paths.directories():
        path.mkdir(parents=True, exist_ok=True)
    for path in (paths.state / "bmc", paths.ssh_control):
        path.chmod(0o700)


def _make_disk(paths: Paths, spec: Spec, node: Node) -> None:
    # A running node whose disk is incomplete has lost it already.
    machine.group(spec.name, node.name, "chassis").kill()
    machine.cut(spec, node)
    disk.make(paths, node, images.root(paths.cache, node.suite))


def _save(paths: Paths, spec: Spec) -> None:
    write(paths.spec, json.dumps(specs.dump(spec), indent=2) + "\n")


def _pin(paths: Paths, spec: Spec) -> None:
    write(paths.known_hosts, access.known_hosts(paths, spec))


def _make_networks(paths: Paths, spec: Spec) -> None:
    if not netns.exists(machine.names.lab_name(spec.name)):
        # Without its namespace every cable is gone: what still runs of the lab is wreckage.
        machine.group(spec.name).kill()
    netns.make_lab(spec)


def _start_chassis(paths: Paths, spec: Spec, name: str) -> None:
    """Clear what a dead supervisor left of its node, then start a new one."""
    machine.group(spec.name, name, "chassis").kill()
    machine.cut(spec, spec.nodes[name])
    chassis.launch(paths, name)


def _switch_on(paths: Paths, name: str) -> None:
    panel.wait(paths, name, timeout=15)
    panel.press(paths, name, "on", delay=0)


def _bind(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: function(*arguments)


def pid_of(paths: Paths, node: str, part: str) -> Optional[int]:
    process = processes.recorded(paths.pid(node, part))
    return process.pid if process else None


def down(paths: Paths) -> List[Step]:
    """Everything of the lab that is there, found without its description: it may be lost."""
    from . import names

    found: List[Step] = []
    own = names.lab_name(paths.name)
    group = machine.group(paths.name)
    if paths.ssh_control.is_dir():
        found.append(Step("close SSH connections", _bind(access.close_connections, paths)))
    if group.exists():
        found.append(Step("end every process", _bind(_end_processes, paths)))
    namespaces = netns.of_lab(paths.name)
    if own in namespaces:
        found.append(Step("end relays into the lab", _bind(_end_relays, own)))
    for mount in mounts_below(paths.state) + mounts_below(paths.run):
        found.append(Step("unmount %s" % mount, _bind(_unmount, mount)))
    for namespace in namespaces:
        found.append(Step("remove the network namespace %s" % namespace, _bind(netns.delete, namespace)))
    if group.exists():
        found.append(Step("remove the control groups", _bind(group.remove)))
    for path in (paths.run, paths.state):
        if path.exists():
            found.append(Step("remove %s" % path, _bind(remove_tree, path)))
    return found


def _end_processes(paths: Paths) -> None:
    """Power off by the chassis, which then wait for their children; kill whoever is left."""
    for path in (paths.run / "chassis").glob("*.sock"):
        try:
            panel.press(paths, path.stem, "quit", timeout=5)
        except LabError:
            continue
    machine.group(paths.name).kill()


def mounts_below(path: Path) -> List[str]:
    """Mount points below a directory, innermost first."""
    found = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        target = line.split()[1].replace("\\040", " ")
        if target.startswith("%s/" % path):
            found.append(target)
    return sorted(found, key=len, reverse=True)


def _unmount(mount: str) -> None:
    from . import tools

    tools.run(["umount", "--lazy", mount])


def _end_relays(namespace: str) -> None:
    import os
    import signal

    for pid in processes.in_network_namespace(netns.path(namespace)):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
