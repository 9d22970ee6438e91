# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was proven of fencing from this node, kept beside its journal: which device answered, which node was fenced."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any, Dict, Iterable, Mapping, Optional, Sequence

from .journal import Journal
from .model.secrets import is_secret
from .pacemaker.device import Device

_NAME = "fencing"


def proofs(journal: Journal) -> Optional[Dict[str, Any]]:
    """`devices`: id → what it was when it answered, and for whom; `fenced`: node → when. None: nothing is kept here."""
    found = journal.note(_NAME)
    return None if found is None else {"devices": found.get("devices", {}), "fenced": found.get("fenced", {})}


def remember_answers(journal: Journal, devices: Sequence[Device], answers: Iterable[Mapping[str, Any]]) -> None:
    """Keep which of `devices` gave a good answer, and for which targets."""
    known = proofs(journal)
    if known is None:
        return
    by_id = {device.id: device for device in devices}
    fresh: Dict[str, Any] = {}
    for answer in answers:
        kept = fresh.setdefault(answer["id"], {"targets": []})
        kept.update(what=identity(by_id[answer["id"]]), at=_now())
        kept["targets"] += [answer["target"]] if answer["ok"] else []
    devices_known = {id: kept for id, kept in known["devices"].items() if id in by_id}
    journal.write({"id": _NAME, "devices": {**devices_known, **fresh}, "fenced": known["fenced"]})


def remember_fencing(journal: Journal, node: str) -> None:
    """Keep that `node` was really fenced."""
    known = proofs(journal)
    if known is not None:
        journal.write({"id": _NAME, "devices": known["devices"], "fenced": {**known["fenced"], node: _now()}})


def identity(device: Device) -> str:
    """What makes an old proof worthless when it changes: the agent and its parameters, passwords aside."""
    params = sorted((name, value) for name, value in device.params.items() if not is_secret(name))
    return hashlib.sha256(json.dumps([device.agent, params]).encode()).hexdigest()


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
