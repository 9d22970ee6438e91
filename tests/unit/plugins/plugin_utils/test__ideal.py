# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle is ideal when everything of it runs and as many are promoted as may be; nothing else is said of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tandem.ha.plugins.plugin_utils._ideal import lacking

DOCUMENT = {
    "resources": [
        {"id": "vip", "agent": "ocf:heartbeat:IPaddr2"},
        {
            "id": "db",
            "kind": "bundle",
            "resource": "galera",
            "container": {"type": "podman", "replicas": "2", "promoted_max": "2"},
        },
        {"id": "web", "kind": "bundle", "container": {"type": "docker", "replicas": 2}},
    ]
}


def resource(name: str, role: str, *nodes: str, bundle: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": name, "role": role, "nodes": list(nodes), "bundle": bundle, "target_role": None, "managed": True, **more,
    }  # fmt: skip


def status(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"cluster": {"maintenance": False}, "nodes": [], "resources": list(resources)}


CONTAINERS = [
    resource("db-podman-0", "Started", "c1", bundle="db"),
    resource("db-podman-1", "Started", "c2", bundle="db"),
    resource("web-docker-0", "Started", "c1", bundle="web"),
    resource("web-docker-1", "Started", "c2", bundle="web"),
]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([*CONTAINERS, resource("galera", "Promoted", "db-0", "db-1", bundle="db")], []),
        (
            [
                *CONTAINERS,
                resource("galera", "Promoted", "db-0", bundle="db"),
                resource("galera", "Unpromoted", "db-1", bundle="db"),
            ],
            ["galera is promoted in 1 of 2 containers of db"],
        ),
        (
            [*CONTAINERS, resource("galera", "Promoted", "db-0", bundle="db")],
            ["galera runs in 1 of 2 containers of db"],
        ),
        (CONTAINERS, ["galera runs in 0 of 2 containers of db"]),
        (CONTAINERS[1:], ["db has 1 of its 2 containers"]),
        ([], ["db has 0 of its 2 containers", "web has 0 of its 2 containers"]),
    ],
)
def test_what_is_missing_is_said_once(found: list[dict[str, Any]], said: list[str]) -> None:
    assert lacking(status(*found), DOCUMENT) == said


def test_what_somebody_stopped_is_not_missing() -> None:
    stopped = [resource("web-docker-0", "Stopped", bundle="web", target_role="Stopped")]
    assert lacking(status(*stopped), {"resources": [DOCUMENT["resources"][2]]}) == []
