#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_config
short_description: Apply a whole document to a Pacemaker cluster
version_added: 1.0.0
description:
  - Declares any number of settings, nodes, resources, fence devices, fencing levels and constraints, and applies them in one
    transaction - planned, previewed with Pacemaker's own scheduler, patched into the configuration at once, waited for and proven.
  - It is the expert among the modules. One task does what would take many with M(tandem.ha.ha_resource) and its kin, the cluster reacts
    once and not many times, and what depends on each other need not be put in order.
  - What the document does not mention stays as it is. O(purge) says what may be removed.
  - The sections are those of C(docs/model.md).
options:
  name:
    description:
      - Names the document, so that it can own what it creates.
      - The cluster's configuration keeps a tag C(tandem.NAME) that lists what the document created.
    type: str
  purge:
    description:
      - V(none) removes nothing but what O(resources[].state=absent) and its kin name.
      - V(owned) also removes what this document once created and no longer declares. Needs O(name).
      - V(all) makes resources, fence devices, levels, constraints and settings exactly this document. What others declared goes.
    type: str
    choices: [none, owned, all]
    default: none
  properties:
    description: Cluster properties. A value of null removes one.
    type: dict
  resource_defaults:
    description: Meta attributes that resources have by default. A value of null removes one.
    type: dict
  operation_defaults:
    description: Options that operations have by default. A value of null removes one.
    type: dict
  nodes:
    description: Nodes. They join and leave by M(tandem.ha.ha_cluster); here are their switches and attributes.
    type: list
    elements: dict
    suboptions:
      id:
        description: The Pacemaker node name.
        type: str
        required: true
      standby:
        description: Whether the node is kept from running resources.
        type: bool
      maintenance:
        description: Whether the cluster leaves everything on the node alone.
        type: bool
      attributes:
        description: Permanent node attributes. A value of null removes one.
        type: dict
  resources:
    description: Primitives, groups and clones. M(tandem.ha.ha_resource) explains their fields.
    type: list
    elements: dict
    suboptions:
      id:
        description: The resource's id.
        type: str
        required: true
      kind:
        description: What it is.
        type: str
        choices: [primitive, group, clone]
        default: primitive
      state:
        description: Whether it exists, and whether a C(target-role) keeps it from running.
        type: str
        choices: [present, absent, started, stopped]
        default: present
      managed:
        description: Whether the cluster starts and stops it.
        type: bool
      agent:
        description: What runs a primitive, as C(ocf:provider:type), C(systemd:unit) or C(lsb:script).
        type: str
      template:
        description: The resource template that gives a primitive what it does not say itself.
        type: str
      params:
        description: A primitive's parameters. What is given is all that there is afterwards.
        type: dict
      meta:
        description: Meta attributes. What is given is all that there is afterwards, save an operator's decisions.
        type: dict
      ops:
        description:
          - The resource's operations.
          - For each operation name you give, the resource has exactly the operations you give. Names you do not give stay as they are.
          - A new resource gets the operations of its agent's metadata for the names you do not give.
          - An empty list means no operations at all.
          - Options whose names have a dash in Pacemaker may be written with it too, such as V(on-fail).
        type: list
        elements: dict
        suboptions:
          name:
            description: The operation, such as V(monitor), V(start) or V(stop).
            type: str
            required: true
          interval:
            description: How often it is repeated. V(0s), the default, means that it is not.
            type: str
          timeout:
            description: How long it may take.
            type: str
          role:
            description: Run it only where the resource has this role.
            type: str
            choices: [Started, Stopped, Promoted, Unpromoted, Master, Slave]
          start_delay:
            description: How long to wait before it is first run.
            type: str
          on_fail:
            description: What to do when it fails, such as V(restart), V(block) or V(fence).
            type: str
          enabled:
            description: Whether it is run at all.
            type: bool
          record_pending:
            description: Whether it is shown while it is still running.
            type: bool
          interval_origin:
            description: The moment from which the repetitions are counted.
            type: str
          description:
            description: A text for people.
            type: str
      group:
        description: The group of which a primitive is a member.
        type: str
      members:
        description: A group's members in the order in which they start.
        type: list
        elements: str
      resource:
        description: The primitive or group that a clone runs.
        type: str
      promotable:
        description: Whether some of a clone's instances are promoted.
        type: bool
      description:
        description: A text for people.
        type: str
  stonith:
    description: Fence devices. M(tandem.ha.ha_stonith) explains their fields.
    type: list
    elements: dict
    suboptions:
      id:
        description: The device's id.
        type: str
        required: true
      state:
        description: Whether it exists.
        type: str
        choices: [present, absent]
        default: present
      agent:
        description: The fence agent, such as V(fence_ipmilan).
        type: str
      targets:
        description: The nodes that this device fences.
        type: list
        elements: str
      params:
        description: The device's parameters. What is given is all that there is afterwards. Secrets are refused, see below.
        type: dict
      meta:
        description: Meta attributes. What is given is all that there is afterwards.
        type: dict
      ops:
        description:
          - The resource's operations.
          - For each operation name you give, the resource has exactly the operations you give. Names you do not give stay as they are.
          - A new resource gets the operations of its agent's metadata for the names you do not give.
          - An empty list means no operations at all.
          - Options whose names have a dash in Pacemaker may be written with it too, such as V(on-fail).
        type: list
        elements: dict
        suboptions:
          name:
            description: The operation, such as V(monitor), V(start) or V(stop).
            type: str
            required: true
          interval:
            description: How often it is repeated. V(0s), the default, means that it is not.
            type: str
          timeout:
            description: How long it may take.
            type: str
          role:
            description: Run it only where the resource has this role.
            type: str
            choices: [Started, Stopped, Promoted, Unpromoted, Master, Slave]
          start_delay:
            description: How long to wait before it is first run.
            type: str
          on_fail:
            description: What to do when it fails, such as V(restart), V(block) or V(fence).
            type: str
          enabled:
            description: Whether it is run at all.
            type: bool
          record_pending:
            description: Whether it is shown while it is still running.
            type: bool
          interval_origin:
            description: The moment from which the repetitions are counted.
            type: str
          description:
            description: A text for people.
            type: str
      description:
        description: A text for people.
        type: str
  levels:
    description: Fencing levels. Each is known by its target and its number.
    type: list
    elements: dict
    suboptions:
      id:
        description: The level's id.
        type: str
      state:
        description: Whether it exists.
        type: str
        choices: [present, absent]
        default: present
      target:
        description: The node that is fenced.
        type: str
      target_pattern:
        description: A regular expression for the names of the nodes, in place of O(levels[].target).
        type: str
      target_attribute:
        description: A node attribute that the nodes have, in place of O(levels[].target).
        type: str
      target_value:
        description: The value of O(levels[].target_attribute).
        type: str
      level:
        description: The number, from 1 to 9. Levels are tried in ascending order until one succeeds.
        type: int
        required: true
      devices:
        description: The devices that must all succeed.
        type: list
        elements: str
  constraints:
    description: Constraints. M(tandem.ha.ha_constraint) explains their fields.
    type: list
    elements: dict
    suboptions:
      kind:
        description:
          - V(location) says where a resource may or should run.
          - V(colocation) says that a resource must or should run where another does.
          - V(order) says that an action waits for another.
        type: str
        choices: [location, colocation, order]
        required: true
      state:
        description: Whether the constraint exists.
        type: str
        choices: [present, absent]
        default: present
      id:
        description:
          - The constraint's id. A new one gets one in the way of C(pcs) when this is left out.
          - With O(constraints[].state=absent) it alone is enough to say which.
        type: str
      resource:
        description: For a location or a colocation, the resource that is placed.
        type: str
      node:
        description: For a location, the node.
        type: str
      role:
        description: For a location, the role to which it applies.
        type: str
        choices: [Started, Stopped, Promoted, Unpromoted, Master, Slave]
      score:
        description:
          - How strongly, as an integer, V(INFINITY) or V(-INFINITY), for a location or a colocation.
          - Required for a new location without a O(constraints[].rule). A new colocation without a score has V(INFINITY).
        type: str
      rule:
        description: For a location, the condition that a node must fulfil, in place of O(constraints[].node) and O(constraints[].score).
        type: dict
        suboptions:
          score:
            description: How strongly, where the condition holds.
            type: str
          score_attribute:
            description: The node attribute that holds the score, in place of O(constraints[].rule.score).
            type: str
          operator:
            description: Whether all expressions must hold or one of them.
            type: str
            choices: ['and', 'or']
            default: 'and'
          role:
            description: The role to which it applies.
            type: str
            choices: [Started, Stopped, Promoted, Unpromoted, Master, Slave]
          expressions:
            description: Tests of node attributes.
            type: list
            elements: dict
            required: true
            suboptions:
              attribute:
                description: The node attribute, such as V(pingd) or V(#uname).
                type: str
                required: true
              operation:
                description: The test.
                type: str
                choices: [lt, gt, lte, gte, eq, ne, defined, not_defined]
                required: true
              value:
                description: What the attribute is compared with.
                type: raw
              type:
                description: As what it is compared.
                type: str
                choices: [string, integer, number, version]
      with:
        description: For a colocation, the resource beside which O(constraints[].resource) is placed.
        type: str
      resource_role:
        description: For a colocation, the role of O(constraints[].resource).
        type: str
        choices: [Started, Stopped, Promoted, Unpromoted, Master, Slave]
      with_role:
        description: For a colocation, the role of O(constraints[].with).
        type: str
        choices: [Started, Stopped, Promoted, Unpromoted, Master, Slave]
      first:
        description: For an order, the resource whose action comes first.
        type: str
      first_action:
        description: For an order, the action that comes first. The default is V(start).
        type: str
        choices: [start, stop, promote, demote]
      then:
        description: For an order, the resource whose action waits.
        type: str
      then_action:
        description: For an order, the action that waits. The default is that of O(constraints[].first_action).
        type: str
        choices: [start, stop, promote, demote]
      mode:
        description:
          - For an order, V(Mandatory) means that the second action needs the first, V(Optional) that they are ordered when both happen, and
            V(Serialize) that they never happen at the same time.
          - An order that says nothing is mandatory.
        type: str
        choices: [Mandatory, Optional, Serialize]
      symmetrical:
        description: For an order, whether the opposite actions happen in the opposite order. The default is the cluster's, V(true).
        type: bool
  allow_password_in_cib:
    description: Accept secrets among the parameters of O(stonith), although they then stand in the cluster's configuration and in its logs.
    type: bool
    default: false
seealso:
  - module: tandem.ha.ha_resource
  - module: tandem.ha.ha_stonith
  - module: tandem.ha.ha_constraint
  - module: tandem.ha.ha_node
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
- name: Settings of the cluster
  tandem.ha.ha_config:
    properties:
      cluster-recheck-interval: 5min
      no-quorum-policy: stop
    resource_defaults:
      resource-stickiness: 100

- name: A web service behind an address that leaves a node without a gateway
  tandem.ha.ha_config:
    name: web
    purge: owned
    resources:
      - id: vip
        agent: ocf:heartbeat:IPaddr2
        params: {ip: 10.42.0.100, cidr_netmask: 24, nic: eth0}
        ops:
          - {name: monitor, interval: 10s, timeout: 20s}
      - id: apache
        agent: systemd:apache2
      - id: site
        kind: group
        members: [vip, apache]
      - id: ping
        agent: ocf:pacemaker:ping
        params: {host_list: 10.42.0.1}
      - id: ping-clone
        kind: clone
        resource: ping
    constraints:
      - kind: location
        resource: site
        rule:
          score: -INFINITY
          operator: or
          expressions:
            - {attribute: pingd, operation: lt, value: 1, type: number}
            - {attribute: pingd, operation: not_defined}

- name: Fencing of a pair
  tandem.ha.ha_config:
    name: fencing
    properties: {stonith-enabled: true}
    stonith:
      - id: fence-c1
        agent: fence_ipmilan
        targets: [c1]
        params: {ip: 10.42.0.111, username: tandem, passwd_script: /etc/tandem/fencing/fence-c1, lanplus: true}
      - id: fence-c2
        agent: fence_ipmilan
        targets: [c2]
        params: {ip: 10.42.0.112, username: tandem, passwd_script: /etc/tandem/fencing/fence-c2, lanplus: true}
    constraints:
      - {kind: location, resource: fence-c1, node: c1, score: -INFINITY}
      - {kind: location, resource: fence-c2, node: c2, score: -INFINITY}

- name: Rename what runs, in one step
  tandem.ha.ha_config:
    resources:
      - {id: apache, state: absent}
      - {id: nginx, agent: "systemd:nginx", group: site}
    allow: [stop]

- name: Everything is as an operator left it, save what the document says - show it, change nothing
  tandem.ha.ha_config:
    properties: {maintenance-mode: false}
  check_mode: true
  diff: true
  register: drift
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
        V(fence) and V(recover).
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
      description: Whether what then happened is what was foreseen. Null until something was applied and has settled.
      returned: always
      type: bool
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
  description: Operations of the task's objects that failed, with what the resource agent said.
  returned: failure, when RV(code=settle.failed)
  type: list
  elements: dict
refused:
  description: What the preview foresees and O(allow) does not allow.
  returned: failure, when RV(code=preview.refused)
  type: list
  elements: dict
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
from ansible_collections.tandem.ha.plugins.module_utils._specs import DOCUMENT, given, misplaced, plain_secrets, refuse

OPTIONS = dict(
    DOCUMENT,
    purge={"type": "str", "choices": ["none", "owned", "all"], "default": "none"},
    # Not a secret; without this Ansible takes it for one because of its name.
    allow_password_in_cib={"type": "bool", "default": False, "no_log": False},
)


def to_document(params):
    document = given(DOCUMENT, params)
    faults = []
    for section in ("resources", "constraints"):
        for index, item in enumerate(document.get(section, ())):
            faults += misplaced(section, item, "%s[%d]." % (section, index))
    if not params["allow_password_in_cib"]:
        for index, item in enumerate(document.get("stonith", ())):
            faults += plain_secrets(item.get("params", {}), "stonith[%d].params" % index)
    refuse(faults)
    return document


def main():
    module = create(dict(OPTIONS, **CHANGE_OPTIONS), required_if=[("purge", "owned", ("name",))])
    run(module, to_document, "ha_config %s" % (module.params["name"] or "without a name"))


if __name__ == "__main__":
    main()
