# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said of a management controller without speaking IPMI: its faults and its passwords.

The fault modes serve drills: what a fence agent does when the controller is

ok          as it should be
silent      dead: answers nothing at all
lying       reports every order done and the power off, whatever it is, and does nothing: the way to two masters
pretending  reports every order done and the power as ordered, and does nothing
slow        answers, but late (``slow SECONDS``)
error       refuses every order with a completion code
"""

from __future__ import annotations

from typing import Optional, Tuple

from .files import read
from .paths import Paths

MODES = ("ok", "silent", "lying", "pretending", "slow", "error")
DEFAULT_DELAY = 5.0


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
    """Where a user's password is looked up; reads the file each time, so a new password holds at once."""

    def __init__(self, paths: Paths, node: str, user: str, kind: str = "bmc") -> None:
        self.path, self.user = paths.password(node, kind), user

    def get(self, user: str, default: Optional[str] = None) -> Optional[str]:
        return (read(self.path) or "").rstrip("\n") or default if user == self.user else default
