# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A power controller's hand on its node's buttons, with the faults that a controller may have (see bmc.py)."""

from __future__ import annotations

from typing import Optional, Tuple

from . import bmc, chassis, panel
from .files import read
from .paths import Paths


class Buttons:
    """Presses what the chassis has, or only says so."""

    def __init__(self, paths: Paths, node: str, kind: str) -> None:
        self.paths, self.node, self.kind = paths, node, kind
        self.pretended: Optional[bool] = None

    def mode(self) -> Tuple[str, float]:
        """What is wrong just now, and the delay of a slow one."""
        mode = bmc.parse_mode(read(self.paths.mode(self.node, self.kind)))
        if mode[0] != "pretending":
            self.pretended = None
        return mode

    def is_on(self) -> bool:
        if self.mode()[0] == "lying":
            return False
        if self.pretended is not None:
            return self.pretended
        return bool(panel.press(self.paths, self.node, "status")["power"] == "on")

    def press(self, operation: str, ordered: bool) -> None:
        """`on`, `cut`, `cycle` or `off`; `ordered` is what the power is afterwards. Raises LabError."""
        if self.mode()[0] in ("lying", "pretending"):
            self.pretended = ordered
            chassis.log("%s: not done" % operation)
            return
        panel.press(self.paths, self.node, operation)
        chassis.log("%s: done" % operation)
