# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured: documents of any size, the same on every run. Runs on nodes too, so it imports nothing of ours."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

Document = Dict[str, Any]

EMPTY = """<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0"><configuration>
<crm_config><cluster_property_set id="cib-bootstrap-options"><nvpair id="cib-bootstrap-options-stonith-enabled"
 name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
<nodes><node id="1" uname="c1"/><node id="2" uname="c2"/></nodes><resources/><constraints/></configuration><status/></cib>"""


def site(size: int) -> Document:
    """`size` addresses with operations and meta attributes, and twice as many constraints."""
    resources: List[Document] = []
    constraints: List[Document] = []
    for number in range(size):
        resources.append(
            {
                "id": f"vip-{number}",
                "agent": "ocf:heartbeat:IPaddr2",
                "params": {"ip": f"10.{number // 65536}.{number // 256 % 256}.{number % 256}", "cidr_netmask": 24},
                "meta": {"migration-threshold": 3, "failure-timeout": "10min"},
                "ops": [
                    {"name": "start", "interval": "0s", "timeout": "40s"},
                    {"name": "stop", "interval": "0s", "timeout": "40s"},
                    {"name": "monitor", "interval": "10s", "timeout": "20s"},
                ],
            }
        )
        node = f"c{number % 2 + 1}"
        constraints.append({"kind": "location", "resource": f"vip-{number}", "node": node, "score": 100})
        after = {"kind": "order", "first": f"vip-{number}", "then": f"vip-{(number + 1) % size}", "mode": "Optional"}
        beside = {"kind": "colocation", "resource": f"vip-{number}", "with": f"vip-{(number + 2) % size}", "score": 10}
        constraints.append(beside if number % 2 else after)
    return {"resources": resources, "constraints": constraints}


def dummies(size: int, prefix: str) -> Document:
    """`size` resources that do nothing but run."""
    operations = [{"name": "monitor", "interval": "10s"}]
    return {
        "resources": [
            {"id": f"{prefix}-{number}", "agent": "ocf:heartbeat:Dummy", "ops": operations} for number in range(size)
        ]
    }


# -- many of one kind --------------------------------------------------------------------------------------------------


def _members(size: int) -> Document:
    made = dummies(size, "m")
    made["resources"].append({"id": "all", "kind": "group", "members": [f"m-{number}" for number in range(size)]})
    return made


def _joining(size: int) -> Document:
    made = dummies(size, "m")
    for number, resource in enumerate(made["resources"]):
        resource["group"] = f"group-{number // 10}"
    return made


def _owned(size: int) -> Document:
    return {"name": "bench", **dummies(size, "m")}


def _clones(size: int) -> Document:
    made = dummies(size // 2, "m")
    made["resources"] += [
        {"id": f"c-{number}", "kind": "clone", "resource": f"m-{number}"} for number in range(size // 2)
    ]
    return made


def _sets(size: int) -> Document:
    made = dummies(size, "m")
    names = [resource["id"] for resource in made["resources"]]
    made["constraints"] = [{"kind": "order", "sets": [{"resources": names, "sequential": False}]}]
    return made


def _rules(size: int) -> Document:
    made = dummies(1, "m")
    made["constraints"] = [
        {
            "kind": "location",
            "resource": "m-0",
            "rule": {"score": 1, "expressions": [{"attribute": f"a{number}", "operation": "defined"}]},
        }
        for number in range(size)
    ]
    return made


def _levels(size: int) -> Document:
    return {
        "stonith": [{"id": "f", "agent": "fence_dummy", "ops": []}],
        "levels": [{"target": f"n{number}", "level": 1, "devices": ["f"]} for number in range(size)],
    }


def _nodes(size: int) -> Document:
    return {"nodes": [{"id": f"n{number}", "type": "remote", "attributes": {"site": "a"}} for number in range(size)]}


def _tags(size: int) -> Document:
    made = dummies(1, "m")
    made["tags"] = [{"id": f"t{number}", "references": ["m-0"]} for number in range(size)]
    return made


def _alerts(size: int) -> Document:
    return {"alerts": [{"id": f"a{number}", "path": "/bin/true"} for number in range(size)]}


def _settings(size: int) -> Document:
    return {"properties": {f"x{number}": "1" for number in range(size)}}


def _roles(size: int) -> Document:
    permissions = [{"kind": "read", "xpath": "/cib"}]
    return {"acls": [{"kind": "role", "id": f"r{number}", "permissions": permissions} for number in range(size)]}


MANY: Dict[str, Callable[[int], Document]] = {
    "resources and constraints": lambda size: site(max(1, size // 3)),
    "members of one group": _members,
    "members that join groups": _joining,
    "resources with an owner": _owned,
    "clones": _clones,
    "one ordered set": _sets,
    "rules for one resource": _rules,
    "fencing levels": _levels,
    "remote nodes": _nodes,
    "tags": _tags,
    "alerts": _alerts,
    "properties": _settings,
    "roles": _roles,
}
