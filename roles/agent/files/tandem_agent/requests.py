# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol's operations on the configuration: from what came over the socket to a request of `transaction`."""

from __future__ import annotations

from typing import Any, Dict, List, Set

from .context import Context
from .errors import Fault, invalid
from .model.document import read_document
from .model.fields import Fields
from .model.objects import State
from .pacemaker.usual import default_operations
from .plan.declare import declare
from .plan.draft import Wanted
from .plan.render import document_of
from .plan.undo import recorded, undone
from .secrecy import revealed, sealed
from .transaction import ALLOWANCES, NO_DOCUMENT, Request, carry_out, load

PURGES = ("none", "owned", "all")
ONLY = ("all", "secrets")


def plan(context: Context, params: Fields) -> Dict[str, Any]:
    """What `apply` would do; changes nothing."""
    return carry_out(context, _request(context, params, effect=False))


def apply(context: Context, params: Fields) -> Dict[str, Any]:
    """Make the cluster what the document declares."""
    return carry_out(context, _request(context, params, effect=True))


def export(context: Context, params: Fields) -> Dict[str, Any]:
    """The live configuration as a document."""
    secrets = params.flag("secrets")
    params.conclude()
    loaded = load(context)
    document = document_of(loaded.state, secrets)
    return {"document": revealed(document, context.secrets) if secrets else document, "cib": str(loaded.version)}


def history(context: Context, params: Fields) -> Dict[str, Any]:
    """The transactions of this node's journal."""
    limit = int(params.number("limit", 20, 1, 1000))
    params.conclude()
    return {"transactions": context.journal.history(limit)}


def rollback(context: Context, params: Fields) -> Dict[str, Any]:
    """Undo one transaction: its reverse, through the same path."""
    name = params.text("transaction", required=True)
    only_plan = params.flag("plan_only")
    allow, wait = _allow(params), params.number("wait", 120, 0, 3600)
    params.conclude()
    undoings = recorded(context.journal.read(name), name)
    request = Request(
        want=lambda current: undone(current, undoings, name),
        document=NO_DOCUMENT,
        allow=allow,
        wait=wait,
        who=f"rollback of {name}",
        effect=not only_plan,
    )
    return carry_out(context, request)


def _request(context: Context, params: Fields, effect: bool) -> Request:
    faults: List[Fault] = []
    raw = params.raw("document")
    if raw is None:
        params.fault("document", "is required")
    document = read_document({} if raw is None else raw, faults)
    purge = params.choice("purge", PURGES, "none")
    only_secrets = params.choice("only", ONLY, "all") == "secrets"
    if purge == "owned" and not document.name:
        params.fault("purge", "owned needs a document with a name: the name says what it owns")
    allow, wait = _allow(params), params.number("wait", 120, 0, 3600)
    who = params.text("request")
    if len(who) > 200:
        params.fault("request", "has more than 200 characters")
    params.conclude()
    if faults:
        faults += [doubt for entry in document.entries for doubt in entry.doubts]
        raise invalid("document.invalid", "the document", faults)
    document = sealed(document, context.secrets)

    def want(current: State) -> Wanted:
        wanted = declare(current, document, purge, default_operations(context.metadata, document, current))
        return Wanted(current, wanted.faults) if only_secrets else wanted

    return Request(want, document, allow, wait, who, effect, raw)


def _allow(params: Fields) -> Set[str]:
    given = params.texts("allow")
    for index, word in enumerate(given):
        if word not in ALLOWANCES:
            params.fault(f"allow[{index}]", f"{word!r} is not allowed; choose from {', '.join(ALLOWANCES)}")
    return set(given)
