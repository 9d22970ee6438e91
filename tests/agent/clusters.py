# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters for tests: a CIB with a status of our own writing, and what Pacemaker's real tools make of it."""

from __future__ import annotations

import pathlib
import re
from typing import Any, Dict, Optional, Tuple

from tandem_agent.pacemaker.runner import Runner
from tandem_agent.pacemaker.tools import Tools

UUID = "abcdef12-0000-0000-0000-000000000000"
MEMBER = {"in_ccm": "true", "crmd": "online", "join": "member", "expected": "member"}
LOST = {"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "member"}  # to be fenced
LEFT = {"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "down"}
NOON = 1763719200  # when everything happened
NO_PARAMETERS = "f2317cad3d54cec5d7d7aa7d0bf35cf8"  # digest of a resource without any
_KINDS = (
    (r"fence", 'class="stonith" type="fence_ipmilan"'),
    (r".*-podman-\d", 'class="ocf" provider="heartbeat" type="podman"'),
    (r".*-\d\Z", 'class="ocf" provider="pacemaker" type="remote"'),
    (r"", 'class="ocf" provider="pacemaker" type="Dummy"'),
)


def nvset(tag: str, id: str, values: Dict[str, str]) -> str:
    pairs = "".join(f'<nvpair id="{id}-{name}" name="{name}" value="{value}"/>' for name, value in values.items())
    return f'<{tag} id="{id}">{pairs}</{tag}>' if values else ""


def kind_of(id: str) -> str:
    return next(about for name, about in _KINDS if re.match(name, id))


def primitive(id: str, kind: str = "", inside: str = "", **meta: str) -> str:
    """A resource that does nothing; one whose name begins with `fence` is a fence device. meta: `allow_migrate="true"`."""
    about = kind or kind_of(id)
    values = {name.replace("_", "-"): value for name, value in meta.items()}
    return f'<primitive id="{id}" {about}>{inside}{nvset("meta_attributes", f"{id}-meta", values)}</primitive>'


def operation(id: str, name: str, interval: str = "0s", **more: str) -> str:
    extra = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in more.items())
    return f'<operations><op id="{id}" name="{name}" interval="{interval}"{extra}/></operations>'


def group(id: str, *members: str, **meta: str) -> str:
    values = {name.replace("_", "-"): value for name, value in meta.items()}
    return f'<group id="{id}">{nvset("meta_attributes", f"{id}-meta", values)}{"".join(members)}</group>'


def clone(id: str, inner: str, **meta: str) -> str:
    values = {name.replace("_", "-"): value for name, value in meta.items()}
    return f'<clone id="{id}">{nvset("meta_attributes", f"{id}-meta", values)}{inner}</clone>'


def bundle(id: str, inner: str, replicas: int = 2) -> str:
    return (
        f'<bundle id="{id}"><podman image="localhost/x:1" replicas="{replicas}" network="host"/>'
        f'<network control-port="3121"/>{inner}</bundle>'
    )


def location(id: str, resource: str, node: str, score: str = "-INFINITY") -> str:
    return f'<rsc_location id="{id}" rsc="{resource}" node="{node}" score="{score}"/>'


class Cluster:
    """A CIB in the making. What is not said is harmless: two members, no fencing wanted, nothing running."""

    def __init__(
        self, *resources: str, constraints: str = "", nodes: Tuple[str, ...] = ("c1", "c2"), **properties: str
    ):
        self.resources, self.constraints = "".join(resources), constraints
        self.properties = {"stonith-enabled": "false"}
        self.properties.update({name.replace("_", "-"): value for name, value in properties.items()})
        self.defaults: Dict[str, str] = {}
        self.states: Dict[str, Dict[str, str]] = {node: dict(MEMBER) for node in nodes}
        self.members = nodes
        self.permanent: Dict[str, Dict[str, str]] = {}
        self.transient: Dict[str, Dict[str, str]] = {}
        self.history: Dict[str, Dict[str, Dict[str, str]]] = {node: {} for node in nodes}
        self.quorate = True
        self.epoch, self.updates = 5, 2
        self._calls = 0

    def ran(self, resource: str, node: str, name: str = "start", **more: Any) -> Cluster:
        """`name` of `resource` was performed on `node`; more: rc, status, expected, interval, at, reason, …"""
        self._calls += 1
        interval, status = more.get("interval", 0), more.get("status", 0)
        rc = more.get("rc", 193 if status == -1 else 0)
        expected = more.get("expected", 7 if name == "monitor" and not interval else 0)
        failed = status > 0 or (status == 0 and rc != expected)
        kind = "last_failure_0" if failed else f"monitor_{interval}" if interval else "last_0"
        if name.startswith("migrate"):
            kind = f"{name}_0"
        call = -1 if status == -1 else self._calls
        key = f"{self._calls}:{more.get('transition', 1)}:{expected}:{more.get('uuid', UUID)}"
        self.history.setdefault(node, {}).setdefault(resource, {})[kind] = (
            f'<lrm_rsc_op id="{resource}_{kind}" operation_key="{resource}_{name}_{interval}" operation="{name}"'
            f' crm-debug-origin="x" crm_feature_set="3.3.0" transition-key="{key}" transition-magic="{status}:{rc};{key}"'
            f' exit-reason="{more.get("reason", "")}" on_node="{node}" call-id="{call}" rc-code="{rc}" op-status="{status}"'
            f' interval="{interval}" last-rc-change="{more.get("at", NOON)}" exec-time="12" queue-time="0"'
            f' op-digest="{more.get("digest", NO_PARAMETERS)}"{more.get("also", "")}/>'
        )
        return self

    def probed(self, resource: str, node: str, rc: int = 7, **more: Any) -> Cluster:
        return self.ran(resource, node, "monitor", rc=rc, expected=7, **more)

    def probed_all(self, *names: str) -> Cluster:
        """Each resource that a node knows nothing of was not running there."""
        for node in self.members:
            for name in names or re.findall(r'<primitive id="([^"]+)"', self.resources):
                if name not in self.history[node]:
                    self.probed(name, node)
        return self

    def set(self, node: str, permanent: bool = False, **values: str) -> Cluster:
        """Node attributes: `standby="on"`; a name that is no identifier comes by `**{"fail-count-x#start_0": "1"}`."""
        (self.permanent if permanent else self.transient).setdefault(node, {}).update(values)
        return self

    def lost(self, node: str, state: Optional[Dict[str, str]] = None) -> Cluster:
        self.states[node] = dict(state or LOST)
        return self

    def text(self) -> str:
        nodes = "".join(
            f'<node id="{number}" uname="{node}">'
            f"{nvset('instance_attributes', f'nodes-{number}', self.permanent.get(node, {}))}</node>"
            for number, node in enumerate(self.members, 1)
        )
        defaults = nvset("meta_attributes", "rsc-options", self.defaults)
        return (
            f'<cib crm_feature_set="3.3.0" validate-with="pacemaker-3.4" epoch="{self.epoch}" num_updates="{self.updates}"'
            f' admin_epoch="0" have-quorum="{int(self.quorate)}" dc-uuid="1"><configuration><crm_config>'
            f"{nvset('cluster_property_set', 'cib-bootstrap-options', self.properties)}</crm_config><nodes>{nodes}</nodes>"
            f"<resources>{self.resources}</resources><constraints>{self.constraints}</constraints>"
            + (f"<rsc_defaults>{defaults}</rsc_defaults>" if defaults else "")
            + f"</configuration><status>{''.join(self._state(node) for node in self.states)}</status></cib>"
        )

    def _state(self, node: str) -> str:
        number = self.members.index(node) + 1 if node in self.members else node
        about = "".join(f' {name}="{value}"' for name, value in self.states[node].items())
        resources = "".join(
            f'<lrm_resource id="{id}" {kind_of(id)}>{"".join(operations.values())}</lrm_resource>'
            for id, operations in self.history.get(node, {}).items()
        )
        transient = nvset("instance_attributes", f"status-{number}", self.transient.get(node, {}))
        return (
            f'<node_state id="{number}" uname="{node}"{about}><lrm id="{number}"><lrm_resources>{resources}</lrm_resources>'
            f'</lrm><transient_attributes id="{number}">{transient}</transient_attributes></node_state>'
        )


def tools_for(suite: str, file: pathlib.Path, cluster: Cluster) -> Tools:
    """The tools of one suite, with `cluster` as the file they work on."""
    file.write_text(cluster.text())
    return Tools(Runner([suite], {"CIB_file": str(file)}))
