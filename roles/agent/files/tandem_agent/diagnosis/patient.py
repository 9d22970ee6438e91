# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a finding is, and everything that the rules look at."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ..model.objects import Key, Primitive, State
from ..pacemaker.clocks import Skew
from ..pacemaker.device import Device
from ..pacemaker.structure import Structure
from ..pacemaker.verdict import Verdict

ERROR, WARNING, INFO = "error", "warning", "info"


class Finding(NamedTuple):
    """One thing to look at."""

    code: str
    severity: str
    message: str
    remedy: str


class Patient(NamedTuple):
    """Everything the rules look at, read once."""

    state: State
    structure: Structure
    status: Mapping[str, Any]  # as in docs/protocol.md
    verdict: Verdict
    qdevice: Optional[bool] = None  # None: corosync.conf could not be read
    versions: Mapping[str, str] = {}  # node → feature set, where more than one is in use
    skews: Sequence[Skew] = ()
    synchronized: Optional[bool] = None  # this host's clock; None: nobody said
    proofs: Optional[Mapping[str, Any]] = None  # device → what was proven of it; None: nobody keeps that here
    changes: Sequence[Mapping[str, Any]] = ()  # the journal's transactions, newest first
    now: float = 0.0

    @property
    def members(self) -> List[Mapping[str, Any]]:
        return [node for node in self.status["nodes"] if node["type"] == "member"]

    @property
    def alone(self) -> bool:
        """Whether the cluster is one node."""
        return len(self.members) == 1

    @property
    def primitives(self) -> List[Primitive]:
        return [found for found in self.state.objects.values() if isinstance(found, Primitive)]

    @property
    def devices(self) -> List[Device]:
        return [device_of(found) for found in self.primitives if found.kind == "stonith"]

    def setting(self, kind: str, name: str) -> Optional[str]:
        """A cluster property or default, None when it is not set."""
        return getattr(self.state.objects.get(Key(kind, name)), "value", None)


def device_of(primitive: Primitive) -> Device:
    """A stonith resource as a device that can be asked."""
    params: Dict[str, str] = {name: value or "" for name, value in (primitive.params or {}).items()}
    return Device(primitive.id, primitive.agent.partition(":")[2], params)
