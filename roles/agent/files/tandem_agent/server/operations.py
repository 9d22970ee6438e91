# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of operations: what docs/protocol.md lists, and nothing else."""

from __future__ import annotations

import platform
from typing import Any, Dict, Mapping, Optional

from .. import __version__, cleanup, doctor, fencing, membership, requests
from ..cib.tree import parse
from ..context import Context
from ..errors import AgentError
from ..model.fields import Fields
from ..model.values import boolean
from ..pacemaker.history import under_way
from ..pacemaker.simulate import Graph
from ..pacemaker.status import read_status
from . import frames
from .dispatch import Operation

Json = Dict[str, Any]


def hello(context: Context, params: Fields) -> Json:
    """Who answers, and what it can do."""
    params.conclude()
    found: Json = {
        "agent": __version__,
        "protocol": list(frames.VERSIONS),
        "python": platform.python_version(),
        "operations": sorted(OPERATIONS),
    }
    found.update(context.tools.versions())
    return found


def status(context: Context, params: Fields) -> Json:
    """The cluster as it is now."""
    params.conclude()
    cib = context.tools.query_cib()
    return read_status(context.tools.monitor(), cib, _idle(context, cib))


def _idle(context: Context, cib: bytes) -> Optional[bool]:
    """Whether nothing is left to do; None when the scheduler could not be asked."""
    if context.tools.offline:
        return None
    try:
        return Graph(context.tools.graph(cib)).idle and not under_way(parse(cib))
    except AgentError:
        return None


def _wants_secrets(params: Mapping[str, Any]) -> bool:
    """Anything but a clear no counts as asking for them; the handler says what is wrong with it."""
    value = params.get("secrets")
    return value is not None and boolean(str(value)) is not False


def _compares_secrets(params: Mapping[str, Any]) -> bool:
    """A plan tells whether a given secret is the one in this node's files: nobody but root may try some."""
    document = params.get("document")
    sections = [document.get(name) for name in ("resources", "stonith")] if isinstance(document, dict) else []
    entries = [entry for section in sections if isinstance(section, list) for entry in section]
    return any(isinstance(entry, dict) and entry.get("secrets") for entry in entries)


def _proposes_devices(params: Mapping[str, Any]) -> bool:
    """Agents run as root and run what their parameters name: only root says which."""
    return params.get("stonith") is not None


OPERATIONS: Dict[str, Operation] = {
    "hello": Operation(hello),
    "status": Operation(status),
    "export": Operation(requests.export, secret=_wants_secrets),
    "plan": Operation(requests.plan, secret=_compares_secrets),
    "apply": Operation(requests.apply, mutates=True),
    "history": Operation(requests.history),
    "rollback": Operation(requests.rollback, mutates=True),
    "doctor": Operation(doctor.doctor),
    "cleanup": Operation(cleanup.cleanup, mutates=True),
    "fence.verify": Operation(fencing.verify, secret=_proposes_devices),
    "fence.reboot": Operation(fencing.reboot, mutates=True),
    "cluster.info": Operation(membership.info),
    "cluster.plan": Operation(membership.plan),
    "cluster.apply": Operation(membership.apply, mutates=True),
}
