# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of some resources has failed and is not cleaned up: their failed actions and fail counts."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Set
from xml.etree.ElementTree import Element

from .history import plain, records
from .status import read_status
from .structure import Structure
from .tools import Tools

Json = Dict[str, Any]


class Failed(NamedTuple):
    """As `failures` and `fail_counts` of the status, of these resources alone."""

    failures: List[Json]
    counts: List[Json]


def failed(tools: Tools, root: Element, scope: Set[str], status: Optional[Mapping[str, Any]] = None) -> Failed:
    """What failed of `scope`. The CIB in hand says whether there can be anything; only then, and only without a
    `status` of the same moment, the cluster is asked.
    """
    if not scope or not _any(root):
        return Failed([], [])
    known = read_status(tools.monitor()) if status is None else status
    structure = Structure(root)
    return Failed(
        [one for one in known["failures"] if concerns(structure, scope, plain(one["resource"]))],
        [one for one in known["fail_counts"] if concerns(structure, scope, plain(one["resource"]))],
    )


def concerns(structure: Structure, scope: Set[str], name: str) -> bool:
    """Whether a resource is of the scope; what a bundle is made of counts as the bundle."""
    bundle = structure.bundle_of(name)
    return name in scope or (bundle is not None and not scope.isdisjoint([bundle, *structure.inside(bundle)]))


def _any(root: Element) -> bool:
    """Whether anything has failed at all, by the nodes' records and attributes."""
    counts = root.iterfind("status/node_state/transient_attributes//nvpair")
    return any(pair.get("name", "").startswith("fail-count-") for pair in counts) or any(
        record.failed and record.rc for record in records(root)
    )
