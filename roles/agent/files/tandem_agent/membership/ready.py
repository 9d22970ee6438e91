# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""EFFECT: waits until this node is a member that Pacemaker works on."""

from __future__ import annotations

import time
from typing import List

from ..context import Context
from ..errors import AgentError
from ..pacemaker.status import read_status

POLL = 0.25  # seconds


def wait_ready(context: Context, node: str, quorum: bool, wait: float) -> None:
    """Until Pacemaker has a DC, sees `node` online and, if `quorum` is expected, has it. Errors: `cluster.timeout`."""
    started = time.monotonic()
    while True:
        pending = _pending(context, node, quorum)
        if not pending:
            return
        waited = time.monotonic() - started
        context.emit("joining", {"waited": round(waited, 1), "pending": pending})
        if waited >= wait or context.deadline.remaining() <= POLL:
            raise AgentError(
                "cluster.timeout",
                f"after {waited:.0f} s {node} still waits for {', '.join(pending)}; see corosync-quorumtool -s, corosync-cfgtool -s and "
                "journalctl -u corosync -u pacemaker on all members",
                {"pending": pending},
                retryable=True,
            )
        time.sleep(POLL)


def _pending(context: Context, node: str, quorum: bool) -> List[str]:
    try:
        status = read_status(context.tools.monitor())
    except AgentError as error:
        if error.code not in ("cib.unavailable", "tool.failed", "tool.timeout"):
            raise
        return ["Pacemaker to answer"]
    found = []
    cluster = status["cluster"]
    if not any(entry["id"] == node and entry["online"] for entry in status["nodes"]):
        found.append(f"{node} to be online")
    if cluster["dc"] is None:
        found.append("the election of a DC")
    if quorum and not cluster["quorate"]:
        found.append("quorum")
    return found
