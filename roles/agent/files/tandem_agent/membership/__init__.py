# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations `cluster.info`, `cluster.plan` and `cluster.apply`: this node's part in the membership."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Dict, List

from ..context import Context
from ..corosync import read, timing
from ..corosync.options import QDEVICE, RESTART
from ..corosync.parse import Section
from ..corosync.render import flat, render
from ..corosync.runtime import QDEVICE_MARK, RESTART_MARK, classify, differences, marked
from ..errors import AgentError
from ..model.fields import Fields
from .decide import CONF, Plan, decide
from .hands import Hands, Owner, system_owner
from .host import Paths, Snapshot, certificate_of, live_members, look
from .ready import wait_ready
from .relation import pristine
from .request import Request, read_request

SYSTEM = Paths()
_SECRET_LINE = re.compile(r"^(\s*key\s*:).*$", re.MULTILINE)  # totem.key holds the key itself


def info(context: Context, params: Fields, paths: Paths = SYSTEM) -> Dict[str, Any]:
    """What this host is a member of, without any secret."""
    params.conclude()
    snapshot = look(context, paths)
    tree = snapshot.tree
    told: Dict[str, Any] = {
        "configured": tree is not None and bool(read.cluster_name(tree)),
        "pristine": pristine(snapshot, {}),
        "hostname": snapshot.hostname,
        "cluster": None if tree is None else read.describe(tree),
        "keys": {name: key is not None for name, key in snapshot.keys.items()},
        "certificate": certificate_of(context, paths),
        "trusted": sorted(snapshot.trusted),
        "services": {
            unit: {"installed": it.loaded, "active": it.active, "enabled": it.enabled}
            for unit, it in snapshot.services.items()
        },
        "members": [{"id": number, "name": name} for number, name in sorted(live_members(snapshot.running).items())],
        "pending": _pending(snapshot),
        "timing": None,
    }
    if tree is not None:
        told["timing"] = _timing(tree, timing.Fencing())
    return told


def plan(context: Context, params: Fields, paths: Paths = SYSTEM) -> Dict[str, Any]:
    """What `apply` would do with the same parameters."""
    request = read_request(params)
    snapshot = _look(context, request, paths)
    return _outcome(request, snapshot, decide(request, snapshot))


def apply(context: Context, params: Fields, paths: Paths = SYSTEM, owner: Owner = system_owner) -> Dict[str, Any]:
    """Make this node what the request says. A call that is cut off anywhere is finished by the same call again."""
    request = read_request(params)
    snapshot = _look(context, request, paths)
    decided = decide(request, snapshot)
    for obstacle in decided.obstacles:
        raise obstacle
    hands = Hands(context, paths, owner)
    _take(context, decided, hands)
    if _must_run(request, snapshot) and decided.local is not None:
        try:
            wait_ready(context, decided.local.name, not request.unreached, request.wait)
            decided = _rejoined(context, request, paths, hands, decided)
        except AgentError as error:
            raise _after_change(error, bool(decided.shown())) from error
    return _outcome(request, snapshot, decided)


def _rejoined(context: Context, request: Request, paths: Paths, hands: Hands, decided: Plan) -> Plan:
    """After a join, forget again who has left: with it Pacemaker's coordinator writes down all whom it still remembers."""
    if not any(step.do in ("start", "restart") and "pacemaker" in step.args[0] for step in decided.steps):
        return decided
    again = decide(request, _look(context, request, paths))
    late = replace(again, steps=tuple(step for step in again.steps if step.do == "forget"))
    _take(context, late, hands)
    return replace(decided, steps=(*decided.steps, *late.steps))


def _look(context: Context, request: Request, paths: Paths) -> Snapshot:
    runs = request.activate and request.state in ("present", "started")
    return look(context, paths, removing=bool(request.remove), remembered=runs)


def _take(context: Context, decided: Plan, hands: Hands) -> None:
    changed = False
    for step in decided.steps:
        try:
            context.deadline.check(step.summary or step.do)
            if step.summary:
                context.emit("step", {"summary": step.summary})
            getattr(hands, step.do)(*step.args)
        except AgentError as error:
            raise _after_change(error, changed) from error
        changed = changed or bool(step.summary)


def _after_change(error: AgentError, changed: bool) -> AgentError:
    """The same error, saying that something was changed before it came."""
    return AgentError(error.code, error.message, {**error.details, "changed": changed}, error.retryable)


def _must_run(request: Request, snapshot: Snapshot) -> bool:
    """Whether Pacemaker is to work on this node after this call."""
    running = request.state == "started" or (request.state == "present" and snapshot.service("pacemaker").active)
    return running and request.activate and request.wait > 0


def _pending(snapshot: Snapshot) -> Dict[str, List[str]]:
    """What the running Corosync has yet to learn from its file."""
    if snapshot.tree is None or snapshot.running is None:
        return {"reload": [], "qdevice": [], "restart": [], "stop": []}
    wanted = flat(snapshot.tree)
    found = classify(differences(wanted, snapshot.running))
    told = {
        "reload": list(found.reload),
        "qdevice": list(found.qdevice),
        "restart": list(found.restart),
        "stop": list(found.stop),
    }
    if marked(wanted, snapshot.running, RESTART_MARK, RESTART):
        told["restart"] = told["restart"] or ["quorum"]
    if marked(wanted, snapshot.running, QDEVICE_MARK, QDEVICE) and read.device(snapshot.tree) is not None:
        told["qdevice"] = told["qdevice"] or ["quorum.device"]
    return told


def _outcome(request: Request, snapshot: Snapshot, decided: Plan) -> Dict[str, Any]:
    shown = decided.shown()
    tree = decided.tree
    return {
        "changed": bool(shown),
        "plan": [step.as_json() for step in shown],
        "diff": _diff(snapshot, decided),
        "actions": [step.summary for step in shown],
        "pending": {
            "reload": list(decided.pending.reload + decided.pending.qdevice),
            "restart": list(decided.pending.restart),
        },
        "timing": None if tree is None else {"profile": request.spec.profile, **_timing(tree, request.spec.fencing)},
        "warnings": list(decided.warnings),
    }


def _timing(tree: Section, fencing: timing.Fencing) -> Dict[str, Any]:
    """The timeouts in ms and the prediction in s."""
    totem = read.totem_of(tree)
    return {
        "token": totem.effective_token,
        "consensus": totem.effective_consensus,
        "qdevice_timeout": read.qdevice_timeout_of(tree),
        **read.prediction_of(tree, fencing).as_dict(),
    }


def _diff(snapshot: Snapshot, decided: Plan) -> List[Dict[str, str]]:
    """corosync.conf before and after; of a key only that there is one."""
    found = []
    for step in decided.shown():
        if step.do == "write_conf" and decided.tree is not None:
            found.append(_entry(CONF, _masked(snapshot.conf or ""), _masked(render(decided.tree))))
        elif step.do == "write_key":
            found.append(_entry(step.id, "", "(the cluster's key)\n"))
        elif step.do == "remove_cluster":
            found.append(_entry(CONF, _masked(snapshot.conf or ""), ""))
            found.extend(
                _entry(f"/etc/{name}/authkey", "(the cluster's key)\n", "")
                for name, key in snapshot.keys.items()
                if key
            )
    return found


def _masked(text: str) -> str:
    return _SECRET_LINE.sub(r"\1 ********", text)


def _entry(path: str, before: str, after: str) -> Dict[str, str]:
    return {"before_header": path, "after_header": path, "before": before, "after": after}
