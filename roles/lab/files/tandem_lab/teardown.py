# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking a lab or one of its nodes away, whatever state it is in."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import List

from . import access, machine, names, netns, panel, processes, tools
from .errors import LabError
from .paths import Paths
from .plan import Step
from .spec import KINDS, Spec


def down(paths: Paths) -> List[Step]:
    """Everything of the lab that is there, found without its description: that may be lost."""
    found: List[Step] = []
    group = machine.group(paths.name)
    namespaces = netns.of_lab(paths.name)
    if paths.ssh_control.is_dir():
        found.append(Step.of("close SSH connections", access.close_connections, paths))
    if group.exists():
        found.append(Step.of("end every process", _end_processes, paths))
    if names.lab_name(paths.name) in namespaces:
        found.append(Step.of("end relays into the lab", _end_relays, names.lab_name(paths.name)))
    for mount in mounts_below(paths.state) + mounts_below(paths.run):
        found.append(Step.of("unmount %s" % mount, tools.run, ["umount", "--lazy", mount]))
    for namespace in namespaces:
        found.append(Step.of("remove the network namespace %s" % namespace, netns.delete_remains, namespace))
    if group.exists():
        found.append(Step.of("remove the control groups", group.remove))
    for path in (paths.run, paths.state):
        if path.exists():
            found.append(Step.of("remove %s" % path, remove_tree, path))
    return found


def remove_node(paths: Paths, spec: Spec, name: str) -> None:
    """Take a node out for good: power, supervisor, network, disk."""
    clear_node(spec, name)
    netns.remove_controllers(spec, spec.nodes[name])
    kept = [path for kind in KINDS for path in (paths.state / kind).glob("%s.*" % name)]
    for path in [*kept, *paths.run.glob("*/%s.*" % name)]:
        if path.exists():
            path.unlink()
    remove_tree(paths.node(name))


def clear_node(spec: Spec, name: str) -> None:
    """Everything alive of a node goes, its supervisor first: it would switch the node on again."""
    chassis = machine.group(spec.name, name, "chassis")
    chassis.kill()
    chassis.remove()
    machine.cut(spec, spec.nodes[name])


def mounts_below(path: Path) -> List[str]:
    """Mount points below a directory, innermost first."""
    found = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        target = line.split()[1]
        if target.startswith("%s/" % path):
            found.append(target)
    return sorted(found, key=len, reverse=True)


def remove_tree(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(str(path))


def _end_processes(paths: Paths) -> None:
    """Power off by the chassis, which then wait for their children; kill whoever is left."""
    for path in (paths.run / "chassis").glob("*.sock"):
        try:
            panel.press(paths, path.stem, "quit", timeout=5)
        except LabError:
            continue
    machine.group(paths.name).kill()


def _end_relays(namespace: str) -> None:
    """Whoever still uses the lab's network, such as the relay of an open SSH connection."""
    for pid in processes.in_network_namespace(netns.path(namespace)):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
