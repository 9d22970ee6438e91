# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a CIB comes from a newer Pacemaker than the one on this host. Pure.

Pacemaker writes the feature set of the stack into the CIB's header. A tool that knows less refuses to change such a CIB
(exit code 76), may misread it, or crashes (crm_mon 3.0.0).
"""

from __future__ import annotations

import re
from typing import List, Optional

from ..errors import AgentError

_START = re.compile(rb"<cib\b[^>]*>")


def header(cib: bytes, name: str) -> str:
    """An attribute of the <cib> element, "" when it has none. Read as text: the rest may be no XML at all."""
    start = _START.search(cib)
    found = re.search(rb"\s%s\s*=\s*[\"']([^\"']*)" % name.encode(), start.group()) if start else None
    return found.group(1).decode("utf-8", "replace") if found else ""


def newer(cib: bytes, own: bytes) -> Optional[AgentError]:
    """`cib.newer` when `cib` has a feature set beyond that of `own`, a CIB that this host's tools made."""
    theirs, ours = header(cib, "crm_feature_set"), header(own, "crm_feature_set")
    if not ours or _numbers(theirs) <= _numbers(ours):
        return None
    return AgentError(
        "cib.newer",
        f"a newer Pacemaker wrote this CIB: its feature set is {theirs}, and Pacemaker on this host knows no more than"
        f" {ours}; update Pacemaker on this host, or run this on a node that has the newer one",
        {"cib": theirs, "host": ours},
    )


def _numbers(version: str) -> List[int]:
    return [int(part) for part in re.findall(r"[0-9]{1,9}", version)]
