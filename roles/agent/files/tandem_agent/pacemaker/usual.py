# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations a new resource gets unasked: those of its agent's metadata, as users of pcs expect."""

from __future__ import annotations

from typing import Dict, List, Tuple

from ..model.declaration import Document
from ..model.objects import Operation, Primitive, State
from .metadata import Metadata


def default_operations(metadata: Metadata, document: Document, current: State) -> Dict[str, Tuple[Operation, ...]]:
    """The operations of the agents' metadata, for resources that do not exist yet."""
    found: Dict[str, Tuple[Operation, ...]] = {}
    for entry in document.entries:
        declared = entry.object
        if not isinstance(declared, Primitive) or entry.absent or not declared.agent or declared.agent in found:
            continue
        if current.resource(declared.id) is None and declared.ops != ():
            found[declared.agent] = _usual(metadata, declared.agent)
    return found


# Actions of the metadata that are no operations of a resource.
_NO_OPERATION = ("meta-data", "metadata", "validate-all", "status")


def _usual(metadata: Metadata, agent: str) -> Tuple[Operation, ...]:
    if agent.startswith("stonith:"):
        return (Operation("monitor", "60s"),)
    about = metadata.of(agent)
    if about is None:
        return ()
    made: List[Operation] = []
    for action in about.actions:
        if action.name in _NO_OPERATION or (action.name == "monitor" and not action.interval):
            continue
        options = {"timeout": action.timeout} if action.timeout else {}
        operation = Operation(action.name, action.interval or "0s", action.role or "", dict(options))
        if all(operation.key != other.key for other in made):
            made.append(operation)
    return tuple(made)
