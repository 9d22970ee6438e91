# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power buttons: pretended ones for unit tests, and those of the lab's nodes."""

from __future__ import annotations

import time
from typing import Any, Dict, Protocol, Tuple


class Power(Protocol):
    def state(self, name: str) -> str:
        """Of the instance."""

    def act(self, name: str, action: str) -> None:
        """Order it."""


class Pretended:
    """States on a clock: an order takes `seconds` until it has had its effect."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.stuck: Dict[str, str] = {}  # instances that do not leave this state
        self._states: Dict[str, Tuple[str, str, float]] = {}

    def state(self, name: str) -> str:
        if name in self.stuck:
            return self.stuck[name]
        passing, final, when = self._states.get(name, ("", "RUNNING", 0.0))
        return final if time.monotonic() >= when else passing

    def act(self, name: str, action: str) -> None:
        passing, final = {
            "STOP": ("STOPPING", "STOPPED"),
            "SOFTSTOP": ("STOPPING", "STOPPED"),
            "START": ("STARTING", "RUNNING"),
            "RESET": ("RUNNING", "RUNNING"),
        }[action]
        self._states[name] = (passing, final, time.monotonic() + self.seconds)


class OfLab:
    """The buttons of the lab's chassis, which really switch a node. The lab's own package must be on the path."""

    STATES = {"off": "STOPPED", "post": "STARTING", "running": "RUNNING", "stopping": "STOPPING"}
    BUTTONS = {"STOP": "cut", "SOFTSTOP": "off", "START": "on", "RESET": "cycle"}

    def __init__(self, name: str, state_dir: str, run_dir: str) -> None:
        from tandem_lab import panel
        from tandem_lab.paths import Paths

        self._panel: Any = panel
        self._paths = Paths.of(name, state_dir, run_dir)

    def state(self, name: str) -> str:
        return self.STATES[self._panel.press(self._paths, name, "status")["state"]]

    def act(self, name: str, action: str) -> None:
        self._panel.press(self._paths, name, self.BUTTONS[action])
