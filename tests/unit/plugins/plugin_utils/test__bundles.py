# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles as documents: what is said is there, what is not said is not, what cannot be is refused by name."""

from __future__ import annotations

import pytest
from ansible_collections.tandem.ha.plugins.plugin_utils._bundles import agent_document, simple_document
from ansible_collections.tandem.ha.plugins.plugin_utils._documents import Invalid

PROXY = {
    "name": "haproxy-bundle",
    "image": "localhost/haproxy:pcmklatest",
    "replicas": 2,
    "storage": [{"id": "cfg", "source": "/etc/tandem/haproxy", "target": "/etc/haproxy"}],
}


def test_a_simple_bundle_stands_behind_its_addresses() -> None:
    assert simple_document(PROXY, ["vip"]) == {
        "name": "haproxy-bundle",
        "resources": [
            {
                "id": "haproxy-bundle",
                "kind": "bundle",
                "container": {
                    "type": "podman",
                    "image": "localhost/haproxy:pcmklatest",
                    "replicas": 2,
                    "network": "host",
                },
                "storage": [
                    {
                        "id": "cfg",
                        "source_dir": "/etc/tandem/haproxy",
                        "target_dir": "/etc/haproxy",
                        "options": "ro",
                    }
                ],
            }
        ],
        "constraints": [
            {"kind": "order", "first": "vip", "then": "haproxy-bundle", "mode": "Optional"},
            {"kind": "colocation", "resource": "vip", "with": "haproxy-bundle", "score": "INFINITY"},
        ],
    }


def test_an_agent_inside_is_a_resource_of_its_own() -> None:
    bundle = {
        **PROXY,
        "name": "db",
        "control_port": "3123",
        "promoted_max": 2,
        "engine": "docker",
        "meta": {"priority": 1},
    }
    inside = {"name": "galera", "agent": "ocf:heartbeat:galera", "ops": [{"name": "stop", "timeout": "120s"}]}
    document = agent_document(bundle, inside)
    primitive, outside = document["resources"]
    assert primitive == {
        "id": "galera",
        "agent": "ocf:heartbeat:galera",
        "params": {},
        "meta": {},
        "ops": [{"name": "stop", "timeout": "120s"}],
    }
    assert outside["resource"] == "galera"
    assert outside["network"] == {"control_port": 3123}
    assert outside["container"]["type"] == "docker"
    assert outside["container"]["promoted_max"] == 2
    assert outside["meta"] == {"priority": 1}
    assert document["constraints"] == []


def test_an_address_follows_the_promoted_one() -> None:
    inside = {"name": "redis", "agent": "ocf:heartbeat:redis"}
    assert agent_document({**PROXY, "name": "db", "promoted_max": 1}, inside, ["db-vip"])["constraints"] == [
        {"kind": "colocation", "resource": "db-vip", "with": "db", "with_role": "Promoted", "score": "INFINITY"},
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"engine": "lxc"}, "haproxy-bundle: the container engine 'lxc' is unknown; known are podman, docker"),
        ({"storage": [{"id": "x", "src": "/a", "target": "/b"}]}, "storage of haproxy-bundle: unknown key 'src'"),
        ({"storage": [{"id": "x", "target": "/b"}]}, "needs source or source_root, and target"),
        (
            {"storage": [{"id": "x", "source": "/a", "source_root": "/a", "target": "/b"}]},
            "needs source or source_root",
        ),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(Invalid, match=".*" + said.replace("(", r"\(")):
        simple_document({**PROXY, **wrong})
