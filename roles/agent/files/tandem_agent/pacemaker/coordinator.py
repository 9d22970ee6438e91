# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this node's copy of the CIB is the coordinator's (DC's).

Every node applies a patch to its own copy. The copy of a node that has just joined may count its versions otherwise than
the coordinator's for a while (seen on Pacemaker 2.1.5: 0.21.27 here, 0.21.29 there). A patch that is made of it holds here
and is refused there, and from then on the two copies are two configurations. So none is made before they agree.
"""

from __future__ import annotations

import time

from ..cib.tree import Version, parse, version_of
from ..errors import AgentError
from .tools import Tools

PATIENCE = 10.0  # seconds; after a join they agree with the coordinator's next write
PAUSE = 0.2


def agree(tools: Tools, coordinator: str) -> None:
    """Return when they do. Errors: `cib.apart` when they still do not after PATIENCE.

    Where the coordinator cannot be asked nothing is known, and nothing is held up.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            # It may change meanwhile: what it was must be here, and what is here must then be there.
            before, here, after = (_version(tools, node) for node in (coordinator, "", coordinator))
        except AgentError:
            return
        if before <= here <= after:
            return
        if time.monotonic() >= deadline:
            raise AgentError(
                "cib.apart",
                f"this node's copy of the configuration ({here}) is not that of the coordinator {coordinator} ({after}), so it is"
                f" not changed from here; ask on {coordinator}, or try again when this node has joined for good",
                {"here": str(here), "coordinator": coordinator, "there": str(after)},
                retryable=True,
            )
        time.sleep(PAUSE)


def _version(tools: Tools, node: str) -> Version:
    return version_of(parse(tools.query_version(node)))
