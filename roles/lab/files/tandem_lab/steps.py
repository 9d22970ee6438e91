# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is missing for a lab to be up, found by looking; each with the act that mends it.

The same list is the plan of check mode and the work of a real run, so the two agree.
"""

from __future__ import annotations

import json
from ipaddress import IPv4Address
from typing import Any, Dict, Iterator, Optional, Tuple

from . import (
    access,
    chassis,
    containers,
    disk,
    emulator,
    images,
    machine,
    names,
    netns,
    panel,
    repository,
    spec as specs,
    teardown,
)
from .errors import ChassisGone, LabError
from .files import read, write
from .paths import Paths
from .plan import Step
from .spec import KINDS, Node, Spec


def saved(paths: Paths) -> Optional[Spec]:
    """The lab as it was described when it was last made."""
    text = read(paths.spec)
    return specs.parse(json.loads(text)) if text else None


def cache(paths: Paths, spec: Spec) -> Iterator[Step]:
    """What every lab shares: roots, repositories, the emulator."""
    for suite in spec.suites():
        if not images.present(paths.cache, suite):
            yield Step.of("make the %s root" % suite, images.make, paths.cache, suite)
        if not repository.present(paths.cache, suite, spec.repository_packages):
            text = "fill the %s package repository" % suite
            yield Step.of(text, repository.make, paths.cache, suite, spec.repository_packages)
    if not containers.present(paths.cache, spec):
        yield from _images(paths, spec)
    if any(node.controllers for node in spec.nodes.values()) and not emulator.present(paths.cache):
        yield Step.of("make the emulators' environment", emulator.make, paths.cache)


def _images(paths: Paths, spec: Spec) -> Iterator[Step]:
    for suite, packages in spec.image_packages().items():
        if suite not in spec.suites() and not images.present(paths.cache, suite):
            yield Step.of("make the %s root" % suite, images.make, paths.cache, suite)
        if not repository.present(paths.cache, suite, packages, apart=True):
            yield Step.of("fetch %s packages for images" % suite, repository.make, paths.cache, suite, packages, True)
    yield Step.of("build container images", containers.make, paths.cache, spec)


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
        for kind in KINDS:
            if before and _place(before, kind) != _place(node, kind):
                faults.append("%s changed its %s" % (name, kind))
    if faults:
        raise LabError("%s: use `reset` for a new lab, or undo it" % "; ".join(faults))


def _place(node: Node, kind: str) -> Optional[Tuple[IPv4Address, str, Optional[str]]]:
    found = node.controllers.get(kind)
    return (found.address, found.user, found.machine) if found else None


def up(paths: Paths, spec: Spec) -> Iterator[Step]:
    """Everything between what is and the lab up, in order."""
    old = saved(paths)
    if old:
        check_change(old, spec)
    yield from cache(paths, spec)
    if old is None or any(not path.is_dir() for path in paths.directories()):
        yield Step.of("make the lab's directories", _directories, paths)
    if not paths.key.exists():
        yield Step.of("make the SSH key", access.make_key, paths.key, "tandem-" + spec.name)
    for node in spec.nodes.values():
        yield from _controllers(paths, node)
    for name in sorted(set(old.nodes) - set(spec.nodes)) if old else []:
        yield Step.of("remove the node %s" % name, teardown.remove_node, paths, old, name)
    yield from _disks(paths, spec)
    if old is None or specs.dump(old) != specs.dump(spec):
        yield Step.of("keep the description", _save, paths, spec)
    if read(paths.known_hosts) != (access.known_hosts(paths, spec) or None) or any(
        not disk.present(paths, name) for name in spec.nodes
    ):
        yield Step.of("pin the host keys", _pin, paths, spec)
    if not netns.lab_is_there(spec):
        yield Step.of("make the networks", _make_networks, spec)
    yield from _power(paths, spec)


def _controllers(paths: Paths, node: Node) -> Iterator[Step]:
    for kind, controller in node.controllers.items():
        if not access.password_is_right(paths, node.name, controller):
            text = "keep the password of %s's %s" % (node.name, kind)
            yield Step.of(text, access.make_password, paths, node.name, controller)
        key = paths.controller_key(node.name, kind)
        if kind == "esxi" and not key.exists():
            yield Step.of("make the host key of %s's %s" % (node.name, kind), access.make_key, key, kind)


def _disks(paths: Paths, spec: Spec) -> Iterator[Step]:
    if spec.images and containers.used(paths) != containers.store(paths.cache, spec):
        yield Step.of("show the nodes their container images, from their next boot on", containers.use, paths, spec)
    for node in spec.nodes.values():
        if not disk.present(paths, node.name):
            yield Step.of("make %s's disk" % node.name, _make_disk, paths, spec, node)


def _power(paths: Paths, spec: Spec) -> Iterator[Step]:
    # What stands on no disk or no network is taken down by the steps before.
    sound = netns.exists(names.lab_name(spec.name))
    states = {name: state_of(paths, name) if sound and disk.present(paths, name) else None for name in spec.nodes}
    for name, state in states.items():
        if state is None:
            yield Step.of("start the chassis of %s" % name, _start_chassis, paths, spec, name)
    for name in spec.nodes:
        state = states[name]
        if state is None or state["power"] == "off":
            yield Step.of("switch %s on" % name, _switch_on, paths, name)
        elif state["frozen"]:
            yield Step.of("thaw %s" % name, panel.press, paths, name, "thaw")


def state_of(paths: Paths, node: str) -> Optional[Dict[str, Any]]:
    """What the node's chassis says; None when it has none."""
    try:
        return panel.press(paths, node, "status")
    except ChassisGone:
        return None


def _directories(paths: Paths) -> None:
    for path in paths.directories():
        path.mkdir(parents=True, exist_ok=True)
    for path in (paths.state, *(paths.state / kind for kind in KINDS), paths.ssh_control):
        path.chmod(0o700)


def _make_disk(paths: Paths, spec: Spec, node: Node) -> None:
    # A running node whose disk is incomplete has lost it already.
    teardown.clear_node(spec, node.name)
    disk.make(paths, node, images.root(paths.cache, node.suite))
    if spec.images:
        containers.configure(paths.node(node.name) / "upper/etc")


def _save(paths: Paths, spec: Spec) -> None:
    write(paths.spec, json.dumps(specs.dump(spec), indent=2) + "\n")


def _pin(paths: Paths, spec: Spec) -> None:
    write(paths.known_hosts, access.known_hosts(paths, spec))


def _make_networks(spec: Spec) -> None:
    if not netns.exists(names.lab_name(spec.name)):
        # Without its namespace every cable is gone: what still runs of the lab is wreckage.
        machine.group(spec.name).kill()
    netns.make_lab(spec)


def _start_chassis(paths: Paths, spec: Spec, name: str) -> None:
    """Clear what a dead supervisor left of its node, then start a new one."""
    teardown.clear_node(spec, name)
    chassis.launch(paths, name)


def _switch_on(paths: Paths, name: str) -> None:
    panel.wait(paths, name, timeout=15)
    panel.press(paths, name, "on", delay=0)
