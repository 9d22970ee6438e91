# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's Redfish controller: its switches are the chassis' buttons.

Runs in the lab's network namespace under the emulators' own Python and is supervised by the chassis.
"""

from __future__ import annotations

from . import bmc, chassis, https, redfish
from .buttons import Buttons
from .errors import LabError
from .paths import Paths

HTTPS = 443


def serve(paths: Paths, node: str) -> int:
    """Answer until killed."""
    unit = chassis.Chassis(paths, node).spec.nodes[node].controllers.get("redfish")
    if unit is None:
        raise LabError("%s has no Redfish controller" % node)
    passwords, buttons = bmc.Passwords(paths, node, unit.user, "redfish"), Buttons(paths, node, "redfish")
    service = redfish.Service(buttons, node, unit.user, lambda: passwords.get(unit.user))
    server = https.Server((str(unit.address), HTTPS), service, paths.controller_key(node, "redfish"), buttons.mode)
    chassis.log("listening on %s" % unit.address)
    server.serve_forever()
    return 0
