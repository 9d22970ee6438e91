#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_stonith
short_description: Manage one fence device of a Pacemaker cluster
version_added: 1.0.0
description:
  - Creates, changes or removes a fence device, together with what makes it useful, in one transaction - that it never runs on the
    node it fences, and optionally the fencing levels it is part of.
  - A password belongs into a root-only file on the nodes and not into the cluster's configuration, which is replicated, logged and
    saved. The fencing library runs the program that C(password_script) names and takes what it prints; the role C(tandem.ha.fencing)
    makes such files. A password in O(params) is refused, see O(allow_password_in_cib).
  - O(params) and O(meta) that are given are what the device has afterwards. Left out, they stay as they are.
options:
  name:
    description: The device's id.
    type: str
    required: true
  state:
    description:
      - V(present) means that it is configured; the cluster starts it.
      - V(absent) means that it does not exist. Constraints that mention it go with it, and it is taken out of fencing levels.
    type: str
    choices: [present, absent]
    default: present
  agent:
    description: The fence agent, such as V(fence_ipmilan). Needed to create a device.
    type: str
  targets:
    description:
      - The nodes that this device fences.
      - Short for the parameters C(pcmk_host_list) and C(pcmk_host_check=static-list).
    type: list
    elements: str
  params:
    description:
      - The agent's parameters. The agent's metadata says which there are; unknown and missing ones are faults.
      - O(targets) and O(delay_base) are parameters too. Where O(params) is given and they are not, the device loses them.
    type: dict
  delay_base:
    description:
      - How long this device waits before it fences, as the parameter C(pcmk_delay_base).
      - In a pair without a third vote, one of the two devices needs a delay, so that the nodes cannot fence each other at the same moment.
        The node with the delayed device wins.
      - Needs O(params), of which it is one.
    type: str
  secrets:
    description:
      - Parameters that the agent gets and nobody sees. Pacemaker keeps their values in root-only files of each node, the configuration
        has none of them.
      - A task that gives secrets has to run on every node, because each writes its own files.
      - What is given is all that there is afterwards.
    type: dict
  meta:
    description: Meta attributes of the device.
    type: dict
  template:
    description: The template that gives the device what it does not say itself.
    type: str
  utilization:
    description: How much it takes of what nodes have, by name. What is given is all that there is afterwards.
    type: dict
  param_sets:
    description:
      - More sets of parameters, for each of which a rule may say when it holds.
      - Each is as an entry of O(tandem.ha.ha_config#module:property_sets) without C(state) and C(ahead).
      - The word V(plain) says where C(params) stand among them, when that is not first.
    type: list
    elements: raw
  meta_sets:
    description:
      - More sets of meta attributes, for each of which a rule may say when it holds.
      - Each is as an entry of O(tandem.ha.ha_config#module:property_sets) without C(state) and C(ahead).
      - The word V(plain) says where C(meta) stand among them, when that is not first.
    type: list
    elements: raw
  utilization_sets:
    description:
      - More sets of utilization, for each of which a rule may say when it holds.
      - Each is as an entry of O(tandem.ha.ha_config#module:property_sets) without C(state) and C(ahead).
      - The word V(plain) says where C(utilization) stand among them, when that is not first.
    type: list
    elements: raw
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
      id:
        description: The operation's id, where something refers to it.
        type: str
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
      requires:
        description: What it needs before it is run, for old versions of Pacemaker.
        type: str
      description:
        description: A text for people.
        type: str
      params:
        description: Parameters of the resource that have other values for this operation.
        type: dict
      meta:
        description: Further options of this operation, as meta attributes.
        type: dict
      param_sets:
        description:
          - More sets of parameters, for each of which a rule may say when it holds.
          - Each is as an entry of O(tandem.ha.ha_config#module:property_sets) without C(state) and C(ahead).
          - The word V(plain) says where C(params) stand among them, when that is not first.
        type: list
        elements: raw
      meta_sets:
        description:
          - More sets of meta attributes, for each of which a rule may say when it holds.
          - Each is as an entry of O(tandem.ha.ha_config#module:property_sets) without C(state) and C(ahead).
          - The word V(plain) says where C(meta) stand among them, when that is not first.
        type: list
        elements: raw
      ids:
        description: Ids of the operation's sets and options to which something refers, by place, such as C(params) or C(params.ip).
        type: dict
  ops_same_as:
    description: The id of another resource's operations (its O(ids)) that are those of this one too.
    type: str
  ids:
    description: Ids to which something refers, by place, such as C(params), C(params.ip) or C(operations).
    type: dict
  description:
    description: A text for people.
    type: str
  avoid_target:
    description:
      - Keep the device off the nodes it fences, by a location constraint with the score V(-INFINITY) for each of O(targets).
        A node cannot be trusted to fence itself.
      - The constraints go when the device goes. V(false) leaves whatever constraints there are as they are.
    type: bool
    default: true
  levels:
    description: Fencing levels, tried in ascending order until one succeeds.
    type: list
    elements: dict
    suboptions:
      level:
        description: The level, from 1 to 9.
        type: int
        required: true
      devices:
        description: The devices that must all succeed. The default is this device alone.
        type: list
        elements: str
      target:
        description: The node that is fenced. The default is each of O(targets).
        type: str
      state:
        description: Whether the level exists.
        type: str
        choices: [present, absent]
        default: present
  only:
    description:
      - V(secrets) writes nothing but the secrets, into the files of the node that the task runs on. The cluster is told nothing.
      - In a cluster of several nodes, run that on all of them before the task that tells the cluster of new or changed secrets. A node
        without the files would fail the resource for the whole cluster, so such a task is refused.
    type: str
    choices: [all, secrets]
    default: all
  allow_password_in_cib:
    description: Accept secrets in O(params), although they then stand in the cluster's configuration and in its logs.
    type: bool
    default: false
seealso:
  - module: tandem.ha.ha_config
  - module: tandem.ha.ha_constraint
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
- name: The management controller of c1, whose password is in a root-only file
  tandem.ha.ha_stonith:
    name: fence-c1
    agent: fence_ipmilan
    targets: [c1]
    params:
      ip: 10.42.0.111
      username: tandem
      password_script: /etc/tandem/fencing/fence-c1
      lanplus: true

- name: The one of c2, delayed, so that c2 wins when the two lose sight of each other
  tandem.ha.ha_stonith:
    name: fence-c2
    agent: fence_ipmilan
    targets: [c2]
    params:
      ip: 10.42.0.112
      username: tandem
      password_script: /etc/tandem/fencing/fence-c2
      lanplus: true
    delay_base: 5s

- name: A power switch as the second way to fence c1
  tandem.ha.ha_stonith:
    name: pdu-c1
    agent: fence_apc_snmp
    targets: [c1]
    params:
      ip: 10.42.0.120
      port: "1"
    levels:
      - {level: 1, devices: [fence-c1]}
      - {level: 2, devices: [pdu-c1]}

- name: A device may take longer to answer
  tandem.ha.ha_stonith:
    name: fence-c1
    ops:
      - {name: monitor, interval: 120s, timeout: 60s}

- name: The password of a controller that takes no script, into the files of every node
  tandem.ha.ha_stonith:
    name: fence-c3
    agent: fence_redfish
    targets: [c3]
    params: {ip: 10.42.0.113, username: tandem, ssl_insecure: true}
    secrets: {password: "{{ bmc_password }}"}
    only: secrets

- name: Then the device
  tandem.ha.ha_stonith:
    name: fence-c3
    agent: fence_redfish
    targets: [c3]
    params: {ip: 10.42.0.113, username: tandem, ssl_insecure: true}
    secrets: {password: "{{ bmc_password }}"}

- name: The power switch is gone
  tandem.ha.ha_stonith:
    name: pdu-c1
    state: absent
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

from ansible_collections.tandem.ha.plugins.module_utils._module import CHANGE_OPTIONS, SECRET_OPTIONS, create, run
from ansible_collections.tandem.ha.plugins.module_utils._specs import (
    LEVEL,
    STONITH,
    entry,
    given,
    plain_secrets,
    refuse,
    single,
)

DEVICE = single(STONITH)
OPTIONS = dict(
    DEVICE,
    delay_base={"type": "str"},
    avoid_target={"type": "bool", "default": True},
    levels={
        "type": "list",
        "elements": "dict",
        "options": {key: LEVEL[key] for key in ("level", "devices", "target", "state")},
    },
    # Not a secret; without this Ansible takes it for one because of its name.
    allow_password_in_cib={"type": "bool", "default": False, "no_log": False},
)


def to_document(params):
    if not params["allow_password_in_cib"]:
        refuse(plain_secrets(entry(DEVICE, params)))
    document = {"stonith": [device(params)], "levels": levels(params)}
    if params["state"] == "present" and params["avoid_target"]:
        document["constraints"] = [
            {"kind": "location", "resource": params["name"], "node": target, "score": "-INFINITY"}
            for target in params["targets"] or ()
        ]
    return {section: entries for section, entries in document.items() if entries}


def device(params):
    made = entry(DEVICE, params)
    delay = params["delay_base"]
    if delay is not None:
        given_there = (params["params"] or {}).get("pcmk_delay_base", delay)
        if params["params"] is None:
            refuse(
                [
                    "delay_base needs params: it is one of the parameters, and those that are given are all that there are afterwards"
                ]
            )
        if str(given_there) != delay:
            refuse(["delay_base is %s, but params.pcmk_delay_base is %s; give one of them" % (delay, given_there)])
        made["params"] = dict(params["params"], pcmk_delay_base=delay)
    return made


def levels(params):
    """One level for one target each, as a document has them."""
    made = []
    for level in params["levels"] or ():
        targets = [level["target"]] if level["target"] else params["targets"] or ()
        if not targets:
            refuse(["levels: say which node level %s is for, with target here or with targets" % level["level"]])
        for target in targets:
            item = given(LEVEL, dict(level, target=target, devices=level["devices"] or [params["name"]]))
            if params["state"] == "absent":
                item["state"] = "absent"
            made.append(item)
    return made


def main():
    module = create(dict(OPTIONS, **SECRET_OPTIONS, **CHANGE_OPTIONS))
    run(module, to_document, "ha_stonith %s" % module.params["name"])


if __name__ == "__main__":
    main()
