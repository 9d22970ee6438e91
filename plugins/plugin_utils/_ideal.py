# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: may change in any release.
"""What a cluster does not yet have that its configuration promises of bundles: replicas that run, replicas that are promoted. Pure.

A replica that is not promoted yet is no problem of the cluster's, which goes on with it; but its peer must not be taken away meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.tandem.ha.plugins.module_utils import _health as health

Status = Mapping[str, Any]
Entry = Mapping[str, Any]


def lacking(status: Status, document: Mapping[str, Any]) -> list[str]:
    """What is missing, each a sentence; `document` is what the agent exports."""
    bundles = [entry for entry in document.get("resources") or [] if entry.get("kind") == "bundle"]
    return [sentence for bundle in bundles for sentence in _of_bundle(bundle, status)]


def _of_bundle(bundle: Entry, status: Status) -> Iterator[str]:
    name, container = str(bundle["id"]), bundle.get("container") or {}
    promoted_max = int(container.get("promoted_max") or 0)
    replicas = int(container.get("replicas") or promoted_max or 1)
    inside = [one for one in status["resources"] if one["bundle"] == name]
    if inside and all(health.stopped_on_purpose(one, status) for one in inside):
        return
    engine = f"{name}-{container.get('type', 'podman')}-"
    running = sum(len(one["nodes"]) for one in inside if one["id"].startswith(engine))
    if running < replicas:
        yield f"{name} has {running} of its {replicas} containers"
        return
    of_agent = [one for one in inside if one["id"] == bundle.get("resource")]
    for wanted, roles, word in (
        (replicas if bundle.get("resource") else 0, ("Started", "Promoted", "Unpromoted", "Master", "Slave"), "runs"),
        (min(promoted_max, replicas), ("Promoted", "Master"), "is promoted"),
    ):
        count = sum(len(one["nodes"]) for one in of_agent if one["role"] in roles)
        if count < wanted:
            yield f"{bundle['resource']} {word} in {count} of {wanted} containers of {name}"
            return
