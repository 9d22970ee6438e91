#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_resource
short_description: Manage one resource of a Pacemaker cluster
version_added: 1.0.0
description:
  - Creates, changes or removes one primitive, group, clone, bundle or template, starts or stops it, and waits until that is so.
  - To declare several resources that belong together, M(tandem.ha.ha_config) does it in one transaction and is quicker.
  - O(params) and O(meta) that are given are what the resource has afterwards. Left out, they stay as they are.
  - An operator's decisions at run time (the meta attributes C(target-role), C(is-managed) and C(maintenance)) stay, unless O(state),
    O(managed) or O(meta) speaks of them.
options:
  name:
    description: The resource's id.
    type: str
    required: true
  kind:
    description:
      - V(primitive) is one resource, run by an agent.
      - V(group) is several that run on one node and start in order.
      - V(clone) makes a primitive or a group run on several nodes.
      - V(bundle) is containers that the cluster starts, each with an instance of a primitive inside or with none.
      - V(template) is what several primitives have in common. It does not run itself.
    type: str
    choices: [primitive, group, clone, bundle, template]
    default: primitive
  state:
    description:
      - V(present) means that it is configured. Whether it runs is left to the cluster and its operators.
      - V(absent) means that it does not exist. Constraints, fencing levels and memberships that mention it go with it, and what is in
        a group or clone that is removed goes as well. RV(plan) says all of that.
      - V(started) means present, and not kept from running by a C(target-role).
      - V(stopped) means present, and kept from running by C(target-role=Stopped).
    type: str
    choices: [present, absent, started, stopped]
    default: present
  managed:
    description: V(false) lets the cluster neither start nor stop the resource. V(true) gives it back to the cluster.
    type: bool
  agent:
    description:
      - What runs the resource, as C(ocf:provider:type), C(systemd:unit) or C(lsb:script).
      - Needed to create a primitive, unless O(template) gives it, and to create a template.
    type: str
  template:
    description: The resource template that gives a primitive what it does not say itself.
    type: str
  params:
    description:
      - The agent's parameters. The agent's metadata says which there are; unknown and missing ones are faults.
      - Those of a group, a clone or a bundle are handed down to what is in it.
      - A parameter whose value is null counts as not given.
      - The values of parameters whose name means a secret (such as C(passwd)) are hidden in logs and results.
    type: dict
  secrets:
    description:
      - Parameters that the agent gets and nobody sees. Pacemaker keeps their values in root-only files of each node, the configuration
        has none of them.
      - A task that gives secrets has to run on every node, because each writes its own files.
      - What is given is all that there is afterwards.
    type: dict
  meta:
    description: Meta attributes, such as C(migration-threshold).
    type: dict
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
  group:
    description: The group of which a primitive is a member. It is appended to it, and the group is made when there is none.
    type: str
  members:
    description: A group's members in the order in which they start.
    type: list
    elements: str
  resource:
    description: The primitive or group that a clone runs on several nodes, or the primitive inside of a bundle's containers.
    type: str
  promotable:
    description: Whether some of a clone's instances are promoted.
    type: bool
  container:
    description: How a bundle's containers are made. Needed to create one. What is given is all that there is afterwards.
    type: dict
    suboptions:
      type:
        description: What runs the containers. Pacemaker 3 knows V(podman) and V(docker).
        type: str
        choices: [podman, docker, rkt]
        default: podman
      image:
        description: The image, which every node must have or be able to get.
        type: str
        required: true
      replicas:
        description: How many containers there are. The default is O(container.promoted_max), or else 1.
        type: int
      replicas_per_host:
        description: How many of them may run on one node.
        type: int
      promoted_max:
        description: How many of the instances inside are promoted. Without it none is.
        type: int
      run_command:
        description: What runs in the container, in place of what Pacemaker or the image says.
        type: str
      network:
        description: The network of the container, as the container engine calls it, such as V(host).
        type: str
      options:
        description: Further options for the container engine's command.
        type: str
  network:
    description: How a bundle's containers are reached. What is given is all that there is afterwards.
    type: dict
    suboptions:
      id:
        description: The id, where something refers to it.
        type: str
      ip_range_start:
        description: The first of as many addresses as there are containers.
        type: str
      control_port:
        description: The port by which the cluster reaches what runs inside. A bundle with a resource needs this or an address.
        type: int
      host_interface:
        description: The interface on which the addresses are added.
        type: str
      host_netmask:
        description: The number of bits of the addresses' network.
        type: int
      add_host:
        description: Whether the containers know each other by name.
        type: bool
      ports:
        description: Ports of the host that lead into the container.
        type: list
        elements: dict
        suboptions:
          id:
            description: The port's id.
            type: str
          port:
            description: The port on the host.
            type: int
          internal_port:
            description: The port inside. The default is the same.
            type: int
          range:
            description: A range of ports that are the same on both sides, such as V(4000-4010), in place of C(port).
            type: str
  storage:
    description: Directories of the host that a bundle's containers see. What is given is all that there is afterwards.
    type: list
    elements: dict
    suboptions:
      id:
        description: The id.
        type: str
      source_dir:
        description: The directory or file on the host.
        type: str
      source_dir_root:
        description: In place of C(source_dir), where the host keeps a directory for each of the containers, named as it is.
        type: str
      target_dir:
        description: Where the container sees it.
        type: str
        required: true
      options:
        description: Options of the mount, such as V(rw).
        type: str
  description:
    description: A text for people.
    type: str
  only:
    description:
      - V(secrets) writes nothing but the secrets, into the files of the node that the task runs on. The cluster is told nothing.
      - In a cluster of several nodes, run that on all of them before the task that tells the cluster of new or changed secrets. A node
        without the files would fail the resource for the whole cluster, so such a task is refused.
    type: str
    choices: [all, secrets]
    default: all
seealso:
  - module: tandem.ha.ha_config
  - module: tandem.ha.ha_constraint
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
- name: A virtual address
  tandem.ha.ha_resource:
    name: vip
    agent: ocf:heartbeat:IPaddr2
    params:
      ip: 10.42.0.100
      cidr_netmask: 24
      nic: eth0
    meta:
      migration-threshold: 3
    ops:
      - {name: monitor, interval: 10s, timeout: 20s}

- name: A web server that runs where the address is
  tandem.ha.ha_resource:
    name: web
    agent: systemd:apache2
    group: site

- name: The group's order, spelt out
  tandem.ha.ha_resource:
    name: site
    kind: group
    members: [vip, web]

- name: A connectivity check on every node
  tandem.ha.ha_resource:
    name: ping
    agent: ocf:pacemaker:ping
    params: {host_list: 10.42.0.1, dampen: 5s}

- name: Its clone
  tandem.ha.ha_resource:
    name: ping-clone
    kind: clone
    resource: ping
    meta: {interleave: true}

- name: What the databases have in common
  tandem.ha.ha_resource:
    name: database
    kind: template
    agent: ocf:heartbeat:pgsql
    params: {pgctl: /usr/lib/postgresql/15/bin/pg_ctl}
    ops:
      - {name: monitor, interval: 30s, timeout: 60s}

- name: A database that may only start where a node has the memory for it
  tandem.ha.ha_resource:
    name: orders
    template: database
    params: {pgdata: /srv/orders}
    utilization: {memory: 4096}
    meta_sets:
      - score: 1
        rule:
          expressions:
            - date: {operation: date_spec, spec: {weekdays: 1-5, hours: 8-17}}
        options: {resource-stickiness: INFINITY}

- name: What runs inside of the containers of the next task
  tandem.ha.ha_resource:
    name: galera
    agent: ocf:heartbeat:galera
    params: {wsrep_cluster_address: "gcomm://c1,c2"}

- name: A database cluster in containers, of which all are promoted
  tandem.ha.ha_resource:
    name: galera-bundle
    kind: bundle
    container: {type: podman, image: "localhost/galera:pcmklatest", replicas: 2, promoted_max: 2, network: host}
    network: {control_port: 3123}
    storage:
      - {source_dir: /srv/mysql, target_dir: /var/lib/mysql, options: rw}
    resource: galera

- name: Stop the web server for maintenance, and wait until it has stopped
  tandem.ha.ha_resource:
    name: web
    state: stopped
    wait: 60

- name: Remove the address, although the web server then stops
  tandem.ha.ha_resource:
    name: vip
    state: absent
    allow: [stop]
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
from ansible_collections.tandem.ha.plugins.module_utils._specs import RESOURCE, entry, misplaced, refuse, single

OPTIONS = single(RESOURCE)


def to_document(params):
    resource = entry(OPTIONS, params)
    refuse(misplaced("resources", resource))
    return {"resources": [resource]}


def main():
    module = create(dict(OPTIONS, **SECRET_OPTIONS, **CHANGE_OPTIONS))
    run(module, to_document, "ha_resource %s" % module.params["name"])


if __name__ == "__main__":
    main()
