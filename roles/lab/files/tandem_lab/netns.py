# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces, bridges, cables and addresses, by the `ip` tool in batches."""

from __future__ import annotations

import ctypes
import os
import socket
from pathlib import Path
from typing import List, Sequence

from . import names, tools
from .errors import CommandError, LabError
from .spec import Node, Spec

NAMESPACES = Path("/run/netns")
_CLONE_NEWNET = 0x40000000


def path(namespace: str) -> Path:
    return NAMESPACES / namespace


def exists(namespace: str) -> bool:
    """True for a live namespace; a left-over file without its mount is none."""
    try:
        return os.stat(path(namespace)).st_dev == os.stat("/proc/self/ns/net").st_dev
    except OSError:
        return False


def of_lab(lab: str) -> List[str]:
    """Every namespace of the lab that has at least its file: nodes' first, the lab's own last."""
    own = names.lab_name(lab)
    found = sorted(entry.name for entry in NAMESPACES.glob(own + ".*")) if NAMESPACES.is_dir() else []
    return found + ([own] if path(own).exists() else [])


def delete(namespace: str) -> None:
    """Remove a namespace or what is left of one."""
    try:
        tools.run(["ip", "netns", "delete", namespace])
    except CommandError:
        try:
            path(namespace).unlink()
        except FileNotFoundError:
            pass
        except OSError as error:
            raise LabError("cannot remove the network namespace %s: %s" % (namespace, error)) from error


def batch(namespace: str, lines: Sequence[str], force: bool = False) -> None:
    """Several `ip` commands in one namespace; `force` goes on after one that fails."""
    if lines:
        argv = ["ip", "-n", namespace, *(["-force"] if force else []), "-batch", "-"]
        tools.run(argv, stdin="\n".join(lines) + "\n", accept=(0, 1) if force else (0,))


def lab_is_there(spec: Spec) -> bool:
    """Whether the lab's namespace holds every bridge and control address."""
    namespace = names.lab_name(spec.name)
    if not exists(namespace):
        return False
    have = set()
    for line in tools.run(["ip", "-n", namespace, "-o", "-4", "addr", "show"]).splitlines():
        words = line.split()
        have.add((words[1], words[3]))
    return {(line.split()[4], line.split()[2]) for line in _addresses(spec)} <= have


def make_lab(spec: Spec) -> None:
    """The switch room: a namespace with a bridge per network, the control side's and the power controllers' addresses."""
    namespace = names.lab_name(spec.name)
    if not exists(namespace):
        delete_remains(namespace)
        tools.run(["ip", "netns", "add", namespace])
    batch(namespace, ["link set lo up"])
    for network in spec.networks:
        bridge = names.bridge(network.name)
        # Two networks never talk through the lab itself: it forwards nothing, as a new namespace does not.
        batch(namespace, ["link add %s type bridge stp_state 0 forward_delay 0 mcast_snooping 0" % bridge], force=True)
        batch(
            namespace,
            [
                "link set dev %s address %s" % (bridge, names.mac(spec.name, network.name)),
                "link set dev %s up" % bridge,
            ],
        )
    batch(namespace, _addresses(spec))


def remove_controllers(spec: Spec, node: Node) -> None:
    """Take the addresses of a removed node's power controllers off the bridges."""
    lab = names.lab_name(spec.name)
    if exists(lab):
        batch(lab, ["addr delete " + where for where in _controllers(spec, node)], force=True)


def delete_remains(namespace: str) -> None:
    if path(namespace).exists():
        delete(namespace)


def _addresses(spec: Spec) -> List[str]:
    lines = [
        "addr replace %s/%d dev %s" % (network.control, network.subnet.prefixlen, names.bridge(network.name))
        for network in spec.networks
    ]
    return lines + ["addr replace " + where for node in spec.nodes.values() for where in _controllers(spec, node)]


def _controllers(spec: Spec, node: Node) -> List[str]:
    return [
        "%s/32 dev %s" % (controller.address, names.bridge(spec.network_of(controller.address).name))
        for controller in node.controllers.values()
    ]


def plug(spec: Spec, node: Node) -> None:
    """A fresh namespace for the node, cabled to its networks, with the addresses and sysctls set."""
    lab, own = names.lab_name(spec.name), names.node_namespace(spec.name, node.name)
    unplug(spec, node)
    tools.run(["ip", "netns", "add", own])
    outside: List[str] = []
    inside = ["link set lo up"]
    for index, network in enumerate(spec.networks):
        if network.name not in node.addresses:
            continue
        port, device = names.port(node.name, index), names.interface(index)
        mac = names.mac(spec.name, node.name, network.name)
        outside.append("link add %s type veth peer name %s address %s netns %s" % (port, device, mac, own))
        outside.append("link set %s master %s up" % (port, names.bridge(network.name)))
        inside.append("addr add %s/%d brd + dev %s" % (node.addresses[network.name], network.subnet.prefixlen, device))
        inside.append("link set %s up" % device)
    batch(lab, outside)
    batch(own, inside)
    # The node sees /proc/sys read-only, so what it may need is set from here, at every power on.
    if spec.sysctls:
        tools.run(["ip", "netns", "exec", own, "sysctl", "-q", *("%s=%s" % item for item in spec.sysctls.items())])


def unplug(spec: Spec, node: Node) -> None:
    """Pull the cables, then remove the namespace: one that stays still answers for its addresses."""
    pull_cables(spec, node)
    delete_remains(names.node_namespace(spec.name, node.name))


def pull_cables(spec: Spec, node: Node) -> None:
    lab = names.lab_name(spec.name)
    if exists(lab):
        batch(lab, ["link delete " + names.port(node.name, index) for index in range(len(spec.networks))], force=True)


def socket_in(namespace: str, family: int, kind: int) -> socket.socket:
    """A socket that lives in the namespace; the calling thread is back where it was."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as home, open(str(path(namespace))) as there:
        _setns(libc, there.fileno())
        try:
            return socket.socket(family, kind)
        finally:
            _setns(libc, home.fileno())


def _setns(libc: ctypes.CDLL, descriptor: int) -> None:
    if libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns: " + os.strerror(ctypes.get_errno()))
