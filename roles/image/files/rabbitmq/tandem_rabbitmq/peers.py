# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether another member still acknowledges what it is sent. The kernel knows first, and asking it costs next to nothing."""

from __future__ import annotations

from typing import Iterable, List

DISTRIBUTION = 25672  # where members listen for each other
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
ESTABLISHED = "01"
ENOUGH = 2  # retransmissions in a row: 0.6 s with the kernel's shortest timeout


def unheard(tables: Iterable[str] = TABLES) -> bool:
    """Whether there is a connection between members of which one end has not been heard for a moment."""
    for table in tables:
        try:
            with open(table, encoding="ascii") as stream:
                if any(_waits(line.split()) for line in stream):
                    return True
        except OSError:
            continue
    return False


def _waits(fields: List[str]) -> bool:
    """One line, as in proc(5): number, local and remote address, state, queues, timer, retransmissions."""
    if len(fields) < 7 or fields[3] != ESTABLISHED:
        return False
    ports = {int(address.rpartition(":")[2], 16) for address in fields[1:3]}
    return DISTRIBUTION in ports and int(fields[6], 16) >= ENOUGH
