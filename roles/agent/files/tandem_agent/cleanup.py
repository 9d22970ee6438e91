# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forget failed actions, so that the cluster tries again."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional, Set

from .cib.read import read
from .cib.tree import parse
from .context import Context
from .errors import AgentError
from .model.fields import Fields
from .model.objects import Key, State, contents
from .pacemaker.settle import settle
from .pacemaker.status import failures

VANISH_SECONDS = 5.0  # the controllers remove the entries after the tool has returned
_POLL = 0.2

Failure = Dict[str, Any]


def cleanup(context: Context, params: Fields) -> Dict[str, Any]:
    """Clean up a resource (with what is in it) or all, on a node or on all; then wait until the cluster has settled."""
    resource, node = params.optional_text("resource"), params.optional_text("node")
    wait, plan_only = params.number("wait", 120, 0, 3600), params.flag("plan_only")
    params.conclude()
    state = read(parse(context.tools.query_cib()))
    scope = _scope(state, resource)
    _check_node(state, node)
    before = failures(context.tools.monitor())
    cleaned = [one for one in before if (scope is None or one["resource"] in scope) and node in (None, one["node"])]
    if plan_only or not cleaned:
        return {"changed": bool(cleaned), "cleaned": cleaned}
    if context.tools.offline:
        raise AgentError("cib.unavailable", "failed actions can only be cleaned up in a running cluster, not in a file")
    context.tools.cleanup(resource, node)
    _wait_until_gone(context, cleaned)
    if wait:
        settle(context, {failure["resource"] for failure in cleaned}, wait, before)
    return {"changed": True, "cleaned": cleaned}


def _scope(state: State, resource: Optional[str]) -> Optional[Set[str]]:
    """The ids whose failures are meant; None for all."""
    if resource is None:
        return None
    if state.resource(resource) is None and resource not in state.ids:
        raise AgentError("params.invalid", f"resource: there is no resource {resource!r}", {"resource": resource})
    scope, todo = set(), [resource]
    while todo:
        name = todo.pop()
        scope.add(name)
        found = state.resource(name)
        todo += list(contents(found)) if found else []
    return scope


def _check_node(state: State, node: Optional[str]) -> None:
    if node is not None and state.objects.get(Key("node", node)) is None:
        known = ", ".join(sorted(key.id for key in state.objects if key.family == "node"))
        raise AgentError("params.invalid", f"node: there is no node {node!r}; the nodes are {known}", {"node": node})


def _wait_until_gone(context: Context, cleaned: List[Failure]) -> None:
    until = time.monotonic() + VANISH_SECONDS
    while time.monotonic() < until:
        now = failures(context.tools.monitor())
        if not any(failure in now for failure in cleaned):
            return
        time.sleep(_POLL)
