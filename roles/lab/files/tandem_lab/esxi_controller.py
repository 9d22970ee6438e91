# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's ESXi host: the node is one of its machines, and its switches are the chassis' buttons.

Runs in the lab's network namespace under the emulators' own Python and is supervised by the chassis. The other machines
are only words: they are there so that a fence agent has something to confuse the node with.
"""

from __future__ import annotations

import asyncio
import socket

from . import bmc, chassis, esxi, vim_cmd
from .buttons import Buttons
from .errors import LabError
from .paths import Paths
from .spec import Controller

SSH = 22


class NodePower:
    """The node's switches, as ESXi has them."""

    def __init__(self, buttons: Buttons) -> None:
        self.buttons = buttons

    def state(self) -> str:
        return "on" if self.buttons.is_on() else "off"

    def switch(self, action: str) -> None:
        operation = {"on": "on", "off": "cut", "reset": "cycle", "shutdown": "off"}[action]
        self.buttons.press(operation, action in ("on", "reset"))


def host(buttons: Buttons, machine: str) -> vim_cmd.Host:
    """The node among others with nearly its name."""
    others = [
        vim_cmd.Machine(
            3, machine + " old", vim_cmd.Pretence("off"), annotation="before the\nlast upgrade of " + machine
        ),
        vim_cmd.Machine(12, "copy of " + machine, vim_cmd.Pretence("off"), tools=False),
        vim_cmd.Machine(13, machine + '\'s "twin"', vim_cmd.Pretence("on")),
    ]
    return vim_cmd.Host([vim_cmd.Machine(11, machine, NodePower(buttons)), *others], invalid=[7])


def serve(paths: Paths, node: str) -> int:
    """Answer until killed."""
    unit = chassis.Chassis(paths, node).spec.nodes[node].controllers.get("esxi")
    if unit is None:
        raise LabError("%s is on no ESXi host" % node)
    listener = socket.create_server((str(unit.address), SSH))
    chassis.log("listening on %s" % unit.address)
    asyncio.run(_server(paths, node, unit).serve(listener))
    return 0


def _server(paths: Paths, node: str, unit: Controller) -> esxi.Server:
    passwords, buttons = bmc.Passwords(paths, node, unit.user, "esxi"), Buttons(paths, node, "esxi")
    key = paths.controller_key(node, "esxi")
    access = esxi.Access(unit.user, lambda: passwords.get(unit.user), key, key.with_suffix(".authorized"))
    return esxi.Server(host(buttons, unit.machine or node), access, buttons.mode)
