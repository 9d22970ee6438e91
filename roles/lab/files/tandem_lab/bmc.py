# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A management controller that speaks IPMI 2.0 over the network and presses real buttons.

Runs in the lab's network namespace under the emulator's Python, supervised by the
chassis.  Its fault modes serve drills: what a fence agent does when the controller is

ok      as it should be
silent  dead: answers nothing at all
lying   reports every order done and the power as ordered, and does nothing
slow    answers, but late (``slow SECONDS``)
error   refuses every order with a completion code
"""

from __future__ import annotations

import sys
import time
from typing import Any, Dict, Optional, Tuple

from . import chassis, panel
from .errors import LabError
from .files import read
from .paths import Paths

MODES = ("ok", "silent", "lying", "slow", "error")
DEFAULT_DELAY = 5.0
_UNSPECIFIED_ERROR = 0xFF


def parse_mode(text: Optional[str]) -> Tuple[str, float]:
    """Mode and delay from the control file's text; anything unknown is `ok`."""
    words = (text or "ok").split()
    mode = words[0] if words and words[0] in MODES else "ok"
    try:
        delay = float(words[1])
    except (IndexError, ValueError):
        delay = DEFAULT_DELAY
    return mode, delay


class Passwords:
    """What pyghmi looks users up in; reads the file each time, so a new password holds at once."""

    def __init__(self, paths: Paths, node: str, user: str) -> None:
        self.path, self.user = paths.password(node), user

    def get(self, user: str, default: Optional[str] = None) -> Optional[str]:
        return (read(self.path) or "").rstrip("\n") or default if user == self.user else default


def serve(paths: Paths, node: str) -> int:
    """Answer until killed."""
    from pyghmi.ipmi import bmc as ipmi
    from pyghmi.ipmi.private import serversession, session

    class Controller(ipmi.Bmc):  # type: ignore[misc]
        """pyghmi knows the protocol; this knows the buttons and the faults."""

        lie: Optional[int] = None

        @property
        def mode(self) -> str:
            return parse_mode(read(paths.bmc_mode(node)))[0]

        def sessionless_data(self, data: Any, sockaddr: Any) -> None:
            if self.mode != "silent":
                super().sessionless_data(data, sockaddr)

        def handle_raw_request(self, request: Dict[str, Any], session: Any) -> None:
            mode, delay = parse_mode(read(paths.bmc_mode(node)))
            if mode == "silent":
                return
            if mode == "slow":
                time.sleep(delay)
            if mode != "lying":
                self.lie = None
            if mode == "error" and request["netfn"] == 0:
                session.send_ipmi_response(code=_UNSPECIFIED_ERROR)
                return
            super().handle_raw_request(request, session)

        def press(self, operation: str, lie: int) -> Optional[int]:
            if self.mode == "lying":
                self.lie = lie
                chassis.log("%s: lied" % operation)
                return None
            try:
                panel.press(paths, node, operation)
            except LabError as error:
                chassis.log("%s: %s" % (operation, error))
                return _UNSPECIFIED_ERROR
            chassis.log("%s: done" % operation)
            return None

        def get_power_state(self) -> int:
            if self.mode == "lying" and self.lie is not None:
                return self.lie
            return int(panel.press(paths, node, "status")["power"] == "on")

        def power_off(self) -> Optional[int]:
            return self.press("cut", 0)

        def power_on(self) -> Optional[int]:
            return self.press("on", 1)

        def power_cycle(self) -> Optional[int]:
            # The standard has a controller refuse to cycle or reset what is off; fence agents know.
            return self.restart()

        def power_reset(self) -> Optional[int]:
            return self.restart()

        def power_shutdown(self) -> Optional[int]:
            return self.press("off", 0)

        def restart(self) -> Optional[int]:
            return 0xD5 if self.get_power_state() == 0 else self.press("cycle", 1)

        def cold_reset(self) -> int:
            return 0

    def forget(closed: Any) -> None:
        # pyghmi keeps every session ever opened; this program may live for weeks.
        session.Session.bmc_handlers.pop(closed.sockaddr, None)

    serversession.ServerSession.close_server_session = forget
    # A request repeated after its session was closed goes where a stranger's would.
    serversession.ServerSession.sessionless_data = lambda closed, data, sockaddr: closed.bmc.sessionless_data(data, sockaddr)
    unit = chassis.Chassis(paths, node).spec.nodes[node].bmc
    if unit is None:
        raise LabError("%s has no BMC" % node)
    Controller(Passwords(paths, node, unit.user), address="::ffff:%s" % unit.address)
    chassis.log("listening on %s" % unit.address)
    sys.stdout.flush()
    while True:
        session.Session.wait_for_rsp(timeout=30)
