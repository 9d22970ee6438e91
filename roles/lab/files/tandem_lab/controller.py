# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A management controller that speaks IPMI 2.0 over the network and presses real buttons.

Runs in the lab's network namespace under the emulator's own Python, the only one that
has pyghmi, and is supervised by the chassis.  pyghmi knows the protocol; this knows the
buttons and the faults.
"""

from __future__ import annotations

import time
from typing import Any, Dict, Optional

from pyghmi.ipmi import bmc as ipmi
from pyghmi.ipmi.private import serversession, session as sessions

from . import bmc, chassis
from .buttons import Buttons
from .errors import LabError
from .paths import Paths

_NOT_NOW = 0xD5
_UNSPECIFIED_ERROR = 0xFF
_CHASSIS = 0  # network function of power status and control


class Controller(ipmi.Bmc):  # type: ignore[misc]
    """One node's BMC.  pyghmi serves one request at a time, as slow firmware does."""

    def __init__(self, paths: Paths, node: str, user: str, address: str) -> None:
        self.buttons = Buttons(paths, node, "bmc")
        super().__init__(bmc.Passwords(paths, node, user), address=address)

    def sessionless_data(self, data: Any, sockaddr: Any) -> None:
        if self.buttons.mode()[0] != "silent":
            super().sessionless_data(data, sockaddr)

    def handle_raw_request(self, request: Dict[str, Any], session: Any) -> None:
        mode, delay = self.buttons.mode()
        if mode == "silent":
            return
        if mode == "slow":
            time.sleep(delay)
        if mode == "error" and request["netfn"] == _CHASSIS:
            session.send_ipmi_response(code=_UNSPECIFIED_ERROR)
            return
        super().handle_raw_request(request, session)

    def get_power_state(self) -> int:
        return int(self.buttons.is_on())

    def power_off(self) -> Optional[int]:
        return self.press("cut", False)

    def power_on(self) -> Optional[int]:
        return self.press("on", True)

    def power_cycle(self) -> Optional[int]:
        # The standard has a controller refuse to cycle or reset what is off; fence agents know.
        return _NOT_NOW if self.get_power_state() == 0 else self.press("cycle", True)

    def power_reset(self) -> Optional[int]:
        return self.power_cycle()

    def power_shutdown(self) -> Optional[int]:
        return self.press("off", False)

    def cold_reset(self) -> int:
        return 0

    def press(self, operation: str, ordered: bool) -> Optional[int]:
        """Press a button; returns a completion code when it failed."""
        try:
            self.buttons.press(operation, ordered)
        except LabError as error:
            chassis.log("%s: %s" % (operation, error))
            return _UNSPECIFIED_ERROR
        return None


def _forget(closed: Any) -> None:
    """Drop a closed session: pyghmi keeps every one, and this program may live for weeks."""
    sessions.Session.bmc_handlers.pop(closed.sockaddr, None)


def _like_a_stranger(closed: Any, data: Any, sockaddr: Any) -> None:
    """A request repeated after its session was closed goes where a stranger's would."""
    closed.bmc.sessionless_data(data, sockaddr)


def serve(paths: Paths, node: str) -> int:
    """Answer until killed."""
    serversession.ServerSession.close_server_session = _forget
    serversession.ServerSession.sessionless_data = _like_a_stranger
    unit = chassis.Chassis(paths, node).spec.nodes[node].bmc
    if unit is None:
        raise LabError("%s has no BMC" % node)
    Controller(paths, node, unit.user, "::ffff:%s" % unit.address)
    chassis.log("listening on %s" % unit.address)
    while True:
        sessions.Session.wait_for_rsp(timeout=30)
