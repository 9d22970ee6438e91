# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of resource agents: class:type, or ocf:provider:type."""

from __future__ import annotations

from typing import Optional

from .values import AGENT_PART

CLASSES = ("ocf", "systemd", "lsb", "service", "stonith", "upstart", "nagios", "heartbeat")
_BY_PATH = ("ocf", "lsb")  # classes of which Pacemaker runs a script from anywhere, by its absolute path


def agent_fault(agent: str) -> Optional[str]:
    """Why `agent` names no resource agent, or None."""
    parts = agent.split(":", 2)
    if len(parts) < 2 or parts[0] not in CLASSES:
        return f"{agent!r} is no agent; write class:type or ocf:provider:type with a class of {', '.join(CLASSES)}"
    if (parts[0] == "ocf") != (len(parts) == 3):
        return f"{agent!r} is no agent; ocf agents are written ocf:provider:type, others class:type"
    for index, name in enumerate(parts[1:], 2):
        by_path = index == len(parts) and parts[0] in _BY_PATH
        if not AGENT_PART.match(name[1:] if by_path and name.startswith("/") else name) or ".." in name:
            return f"{agent!r} is no agent; {name!r} holds characters that an agent's name cannot have"
    return None
