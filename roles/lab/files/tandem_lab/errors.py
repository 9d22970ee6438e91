# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, said in sentences a person can act on."""

from __future__ import annotations

from typing import Sequence


class LabError(Exception):
    """Something failed; the message says what and, where known, the remedy."""


class SpecError(LabError):
    """The description of the lab is wrong: all its faults at once."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = list(faults)
        super().__init__("the lab's description is wrong:\n" + "\n".join("- " + fault for fault in self.faults))


class CommandError(LabError):
    """A tool failed; carries its name, exit code and what it said."""

    def __init__(self, argv: Sequence[str], code: int, said: str) -> None:
        self.code = code
        super().__init__("%s ended with %d: %s" % (" ".join(argv[:4]), code, said.strip() or "(no message)"))


class ChassisGone(LabError):
    """No supervisor answers for this node."""
