# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operation is given beside its parameters: time, tools, and a way to tell progress."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional

from .errors import AgentError

if TYPE_CHECKING:  # the context only carries these; it never calls them
    from .journal import Journal
    from .pacemaker.cibsecret import SecretFiles
    from .pacemaker.metadata import Metadata
    from .pacemaker.runner import Runner
    from .pacemaker.tools import Tools

Emit = Callable[[str, Mapping[str, Any]], None]


def silent(_event: str, _data: Mapping[str, Any]) -> None:
    """Progress that nobody listens to."""


class Deadline:
    """The moment, on the monotonic clock, at which a request must have been answered."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._at = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._at - time.monotonic())

    def check(self, doing: str) -> None:
        """Raise `deadline` when no time is left for `doing`."""
        if self.remaining() <= 0:
            raise AgentError(
                "deadline", f"no time left for {doing}: {self.seconds:g} s had been allowed", retryable=True
            )


@dataclass(frozen=True)
class Context:
    """One request's surroundings."""

    runner: Runner
    tools: Tools
    metadata: Metadata
    journal: Journal
    deadline: Deadline
    emit: Emit = field(default=silent)
    node: str = ""  # this node's name, for the journal
    secrets: Optional[SecretFiles] = None  # None: this is no node, but a CIB file
