#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_node
short_description: Manage one node's standby, maintenance mode, attributes and utilization
version_added: 1.0.0
description:
  - Puts a node of a Pacemaker cluster into standby or maintenance mode, takes it out again, and sets its permanent attributes and
    its utilization.
  - What is left out stays as the operator decided it.
  - Nodes join and leave a cluster by M(tandem.ha.ha_cluster).
options:
  name:
    description: The Pacemaker node name.
    type: str
    required: true
  standby:
    description: V(true) moves all resources off the node and keeps them off. V(false) lets it run resources again.
    type: bool
  maintenance:
    description: V(true) lets the cluster neither start nor stop nor monitor anything on the node.
    type: bool
  attributes:
    description:
      - Permanent node attributes. Attributes that are not named stay as they are.
      - A value of null removes an attribute.
    type: dict
  utilization:
    description: What the node has, by name, for resources to take of. What is given is all that there is afterwards.
    type: dict
  attributes_sets:
    description:
      - More sets of node attributes, for each of which a rule may say when it holds.
      - Each is as an entry of O(tandem.ha.ha_config#module:property_sets) without C(state) and C(ahead).
      - The word V(plain) says where C(attributes) stand among them, when that is not first.
    type: list
    elements: raw
  utilization_sets:
    description:
      - More sets of utilization, for each of which a rule may say when it holds.
      - Each is as an entry of O(tandem.ha.ha_config#module:property_sets) without C(state) and C(ahead).
      - The word V(plain) says where C(utilization) stand among them, when that is not first.
    type: list
    elements: raw
  description:
    description: A text for people.
    type: str
  type:
    description: What a node is that Corosync does not make, such as V(remote).
    type: str
  score:
    description: The node's score, which is added to that of every resource.
    type: str
  number:
    description: The node's number, where the node is new and the configuration has none yet.
    type: str
  ids:
    description: Ids to which something refers, by place, such as C(params), C(params.ip) or C(operations).
    type: dict
seealso:
  - module: tandem.ha.ha_cluster
  - module: tandem.ha.ha_info
author:
  - The Tandem contributors (@tandem)
extends_documentation_fragment:
  - tandem.ha._attributes
  - tandem.ha._attributes.action_group
  - tandem.ha._attributes.platform
  - tandem.ha._agent
  - tandem.ha._agent.change
attributes:
  check_mode:
    support: full
    details: The agent does all it would do, with Pacemaker's own scheduler, and stops before the configuration is changed.
  diff_mode:
    support: full
    details: One entry per object. Secrets are redacted; a secret that changes shows as changed.
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Empty the node before its packages are updated
  tandem.ha.ha_node:
    name: c2
    standby: true
    wait: 300

- name: Let it run resources again
  tandem.ha.ha_node:
    name: c2
    standby: false

- name: Keep the cluster's hands off the node
  tandem.ha.ha_node:
    name: c1
    maintenance: true

- name: Where the node is, for location rules
  tandem.ha.ha_node:
    name: c1
    attributes:
      site: north
      rack: 4
      retired-attribute: null

- name: What the node has for resources to take of
  tandem.ha.ha_node:
    name: c1
    utilization: {cpu: 8, memory: 32768}

- name: An attribute that holds at night only
  tandem.ha.ha_node:
    name: c1
    attributes_sets:
      - score: 1
        rule:
          expressions:
            - date: {operation: date_spec, spec: {hours: 0-5}}
        options: {power: cheap}
"""

RETURN = r"""
plan:
  description: What was changed, or in check mode would be, in the order in which it is done. Empty when nothing changes.
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: V(create), V(update) or V(remove).
      returned: always
      type: str
      sample: create
    kind:
      description: The kind of the object.
      returned: always
      type: str
      sample: primitive
    id:
      description: The object's id.
      returned: always
      type: str
      sample: vip
    summary:
      description: The change as a sentence.
      returned: always
      type: str
      sample: create primitive vip (ocf:heartbeat:IPaddr2)
    before:
      description: The object as it was, secrets redacted. Null when there was none.
      returned: always
      type: dict
    after:
      description: The object as it is then, secrets redacted. Null when there is none.
      returned: always
      type: dict
    because:
      description: Why something changes that the task does not name. Null for what it names.
      returned: always
      type: str
preview:
  description: What Pacemaker's scheduler says that the change does to running resources.
  returned: always
  type: dict
  contains:
    available:
      description: Whether the scheduler could be asked.
      returned: always
      type: bool
    reason:
      description: Why not.
      returned: always
      type: str
    actions:
      description: >-
        The actions. RV(ignore:action) is one of V(start), V(stop), V(restart), V(move), V(promote), V(demote), V(reload), V(migrate),
        V(fence) and V(unfence).
      returned: always
      type: list
      elements: dict
      sample: [{action: start, resource: vip, node: c1, from: null}]
    fences:
      description: Nodes that are fenced.
      returned: always
      type: list
      elements: str
    matched:
      description: Whether what then happened is what was foreseen. Null before anything was applied, and where that cannot be known.
      returned: always
      type: bool
    mismatch:
      description: What happened otherwise than foreseen, or why that cannot be known, a sentence each.
      returned: always
      type: list
      elements: str
cib:
  description: The versions of the cluster's configuration, as C(admin_epoch.epoch.num_updates).
  returned: always
  type: dict
  contains:
    before:
      description: The version that was found.
      returned: always
      type: str
      sample: 0.12.3
    after:
      description: The version that was left behind. In check mode that of the candidate.
      returned: always
      type: str
      sample: 0.13.1
transaction:
  description: The id under which C(tandem history) and C(tandem rollback) know the change. Null when nothing was changed.
  returned: always
  type: str
  sample: 20261121T101112-0001-c1
objects:
  description: The objects that the task speaks of.
  returned: always
  type: list
  elements: dict
  sample: [{kind: primitive, id: vip}]
settled:
  description: How the waiting ended, as RV(ignore:state), and after how many seconds.
  returned: when the agent got as far
  type: dict
  sample: {waited: 1.2, state: settled}
code:
  description: What kind of failure it is, for programs. C(docs/protocol.md) lists them.
  returned: failure
  type: str
  sample: document.invalid
faults:
  description: Everything that is wrong with the request, each with its RV(ignore:path) and a RV(ignore:message).
  returned: failure, when RV(code=document.invalid)
  type: list
  elements: dict
  sample: [{path: "resources[0].params.cidr_netmsk", message: "is unknown; did you mean cidr_netmask?"}]
failures:
  description:
    - Operations of what the task speaks of that failed, with what the agent said.
    - When the task succeeds, those that the cluster still knows of. M(tandem.ha.ha_cleanup) makes it forget them.
  returned: success, and failure when RV(code=settle.failed)
  type: list
  elements: dict
  sample:
    - resource: vip
      node: c1
      operation: monitor
      interval_ms: 10000
      rc: 7
      status: complete
      reason: not running
      text: "monitor of vip on c1 failed: not running"
      at: "2026-11-21 10:11:12Z"
fail_counts:
  description:
    - How often what the task speaks of has failed on a node, where it has. 1000000 is Pacemaker's infinity.
    - A resource whose RV(ignore:count) has reached its RV(ignore:threshold) may not run there until M(tandem.ha.ha_cleanup).
  returned: success
  type: list
  elements: dict
  sample: [{resource: vip, node: c1, count: 1, threshold: 1000000}]
refused:
  description: What the preview foresees and O(allow) does not allow, a sentence each.
  returned: failure, when RV(code=preview.refused)
  type: list
  elements: str
pending:
  description: What had not yet happened when the waiting ended.
  returned: failure, when RV(code=settle.timeout)
  type: list
  elements: str
details:
  description: All that the agent says about a failure.
  returned: failure
  type: dict
"""

from ansible_collections.tandem.ha.plugins.module_utils._module import CHANGE_OPTIONS, create, run
from ansible_collections.tandem.ha.plugins.module_utils._specs import NODE, entry, single

OPTIONS = single(NODE)


def to_document(params):
    return {"nodes": [entry(OPTIONS, params)]}


def main():
    module = create(dict(OPTIONS, **CHANGE_OPTIONS))
    run(module, to_document, "ha_node %s" % module.params["name"])


if __name__ == "__main__":
    main()
