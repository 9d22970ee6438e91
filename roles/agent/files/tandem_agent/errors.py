# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception that reaches a client. Codes are listed in docs/protocol.md."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence


class AgentError(Exception):
    """A refusal or failure with a stable code, a sentence for a person, and details for a program."""

    def __init__(
        self, code: str, message: str, details: Optional[Mapping[str, Any]] = None, retryable: bool = False
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details: Dict[str, Any] = dict(details or {})
        self.retryable = retryable


class Fault(NamedTuple):
    """One thing wrong with the input: where it stands and what to do about it."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def invalid(code: str, subject: str, faults: Sequence[Fault]) -> AgentError:
    """All faults of one input as a single error, so that nobody has to find them one run at a time."""
    told = list(dict.fromkeys(faults))
    lines: List[str] = [str(fault) for fault in told]
    return AgentError(
        code,
        f"{subject} has {len(lines)} fault{'s' if len(lines) != 1 else ''}: " + "; ".join(lines),
        {"faults": [fault._asdict() for fault in told]},
    )
