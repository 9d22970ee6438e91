#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_constraint
short_description: Manage one constraint of a Pacemaker cluster
version_added: 1.0.0
description:
  - Creates, changes or removes one location, colocation, order or ticket constraint.
  - A constraint is known by its meaning and not by its id. A location is known by the resource, the node and the role, or by the
    resource and the rule's conditions; a colocation by the two resources and their roles; an order by the two resources and their
    actions; a ticket by its name, the resource and the role; any of them by its sets of resources, where it has some. Its score, mode or
    policy is what may change. So the same task never makes a second one, whatever the first is called.
  - Constraints that C(pcs resource move) or C(crm_resource --ban) made are an operator's decision and stay.
options:
  kind:
    description:
      - V(location) says where a resource may or should run.
      - V(colocation) says that a resource must or should run where another does.
      - V(order) says that an action waits for another.
      - V(ticket) says that a resource needs a ticket, as sites of a geo cluster grant it to each other.
    type: str
    choices: [location, colocation, order, ticket]
    required: true
  state:
    description: Whether the constraint exists.
    type: str
    choices: [present, absent]
    default: present
  id:
    description:
      - The constraint's id. A new one gets one in the way of C(pcs) when this is left out.
      - With O(state=absent) it alone is enough to say which.
    type: str
  resource:
    description: For a location, a colocation or a ticket, the resource that is placed. O(sets) may stand in its place.
    type: str
  resource_pattern:
    description: For a location, a regular expression for the names of the resources, in place of O(resource).
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
      - Required for a new location without a O(rule).
      - A new colocation without a score has V(INFINITY), unless it has O(sets).
      - A colocation for which this is an empty text has no score at all.
    type: str
  discovery:
    description: For a location, on which nodes Pacemaker looks whether the resource is running.
    type: str
    choices: [always, never, exclusive]
  rule:
    description: For a location, the condition that a node must fulfil, in place of O(node) and O(score).
    type: dict
    suboptions: &rule
      id:
        description: The rule's id, where something refers to it.
        type: str
      score:
        description: How strongly, where the rule holds. For a location.
        type: str
      score_attribute:
        description: The node attribute that holds the score, in place of C(score). For a location.
        type: str
      operator:
        description: Whether all expressions must hold (V(and), which is also meant when nothing is said) or one of them.
        type: str
        choices: ['and', 'or']
      role:
        description: The role to which it applies. For a location.
        type: str
        choices: [Started, Stopped, Promoted, Unpromoted, Master, Slave]
      same_as:
        description: The id of another rule that is meant, in place of everything else.
        type: str
      expressions:
        description:
          - The tests, at least one. Each is a test of an attribute, or has one of C(date), C(op), C(agent) and C(rule).
        type: list
        elements: dict
        suboptions:
          id:
            description: The id of a test of an attribute, where something refers to it.
            type: str
          attribute:
            description: The node attribute, such as V(pingd) or V(#uname).
            type: str
          operation:
            description: The test.
            type: str
            choices: [lt, gt, lte, gte, eq, ne, defined, not_defined]
          value:
            description: What the attribute is compared with.
            type: raw
          type:
            description: As what it is compared.
            type: str
            choices: [string, integer, number, version]
          value_source:
            description: Whether C(value) is meant as it is, or names a parameter or meta attribute of the resource.
            type: str
            choices: [literal, param, meta]
          date:
            description: A test of the time.
            type: dict
            suboptions:
              id:
                description: The test's id.
                type: str
              operation:
                description: Whether it is now after C(start), before C(end), between both, or a time as C(spec) describes.
                type: str
                choices: [in_range, gt, lt, date_spec, eq, neq]
              start:
                description: A date and time of ISO 8601.
                type: str
              end:
                description: A date and time of ISO 8601.
                type: str
              duration:
                description: How long after C(start) a range ends, in place of C(end).
                type: dict
                suboptions: &spans
                  id:
                    description: The span's id.
                    type: str
                  years:
                    description: Years. In a C(spec) this and all others may be a number or a range, such as V(2026-2030).
                    type: str
                  months:
                    description: Months, in a C(spec) from 1 to 12.
                    type: str
                  weeks:
                    description: Weeks, in a C(spec) those of the year.
                    type: str
                  days:
                    description: Days.
                    type: str
                  hours:
                    description: Hours, in a C(spec) from 0 to 23, such as V(9-16).
                    type: str
                  minutes:
                    description: Minutes.
                    type: str
                  seconds:
                    description: Seconds.
                    type: str
                  monthdays:
                    description: In a C(spec), the days of the month.
                    type: str
                  weekdays:
                    description: In a C(spec), the days of the week, from Monday (1) to Sunday (7).
                    type: str
                  yeardays:
                    description: In a C(spec), the days of the year.
                    type: str
                  yearsdays:
                    description: What old versions of Pacemaker call C(yeardays).
                    type: str
                  weekyears:
                    description: In a C(spec), the years as they are counted by weeks.
                    type: str
                  moon:
                    description: In a C(spec), the phase of the moon, from new (0) to full (4), for old versions of Pacemaker.
                    type: str
              spec:
                description: Times that come again and again, such as every weekday from nine to five.
                type: dict
                suboptions: *spans
          op:
            description: For defaults of operations, the operation to which they apply.
            type: dict
            suboptions:
              id:
                description: The test's id.
                type: str
              name:
                description: The operation, such as V(monitor).
                type: str
                required: true
              interval:
                description: Only with this interval.
                type: str
          agent:
            description: For defaults of resources and operations, the agents to which they apply.
            type: dict
            suboptions:
              id:
                description: The test's id.
                type: str
              class:
                description: The agent's class, such as V(ocf).
                type: str
              provider:
                description: The agent's provider, such as V(heartbeat).
                type: str
              type:
                description: The agent's type, such as V(IPaddr2).
                type: str
          rule:
            description: A rule inside of this one, with C(operator), C(expressions), C(id) and C(same_as) as here.
            type: dict
  rules:
    description: For a location, several rules in place of one.
    type: list
    elements: dict
    suboptions: *rule
  with:
    description: For a colocation, the resource beside which O(resource) is placed.
    type: str
  resource_role:
    description: For a colocation or a ticket, the role of O(resource).
    type: str
    choices: [Started, Stopped, Promoted, Unpromoted, Master, Slave]
  with_role:
    description: For a colocation, the role of O(with).
    type: str
    choices: [Started, Stopped, Promoted, Unpromoted, Master, Slave]
  node_attribute:
    description: For a colocation, the node attribute in which both nodes must agree, such as V(rack). The default is the node's name.
    type: str
  influence:
    description:
      - For a colocation, whether O(resource) counts in the choice of the node for O(with).
      - The default is the cluster's, V(true).
    type: bool
  score_attribute:
    description: For a colocation, the node attribute that holds the score, for old versions of Pacemaker.
    type: str
  score_attribute_mangle:
    description: For a colocation, as O(score_attribute), with the resource's name appended to the attribute's.
    type: str
  resource_instance:
    description: For a colocation, the one instance of O(resource) that is meant, where the schema knows that.
    type: int
  with_instance:
    description: For a colocation, the one instance of O(with) that is meant, where the schema knows that.
    type: int
  first:
    description: For an order, the resource whose action comes first.
    type: str
  first_action:
    description: For an order, the action that comes first. The default is V(start).
    type: str
    choices: [start, stop, promote, demote]
  first_instance:
    description: For an order, the one instance of O(first) that is meant, where the schema knows that.
    type: int
  then:
    description: For an order, the resource whose action waits.
    type: str
  then_action:
    description: For an order, the action that waits. The default is that of O(first_action).
    type: str
    choices: [start, stop, promote, demote]
  then_instance:
    description: For an order, the one instance of O(then) that is meant, where the schema knows that.
    type: int
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
  require_all:
    description: For an order, whether all instances of a clone that comes first must be active. The default is the cluster's, V(true).
    type: bool
  ticket:
    description: The ticket.
    type: str
  loss_policy:
    description: What happens when the ticket is lost. V(fence) fences the nodes on which the resource runs.
    type: str
    choices: [stop, demote, fence, freeze]
  sets:
    description: Sets of resources, in place of those named one by one. All of them together are what identifies the constraint.
    type: list
    elements: dict
    suboptions:
      id:
        description: The set's id.
        type: str
      resources:
        description: The resources.
        type: list
        elements: str
      sequential:
        description: Whether each depends on the one before it in the set. The default is the cluster's, V(true).
        type: bool
      require_all:
        description: Whether all of the set must be active before what comes next. The default is the cluster's, V(true).
        type: bool
      ordering:
        description: For a colocation, whether the resources of the set are read as in a group or as they are listed.
        type: str
        choices: [group, listed]
      action:
        description: For an order, the action.
        type: str
        choices: [start, stop, promote, demote]
      role:
        description: The role that the resources have.
        type: str
        choices: [Started, Stopped, Promoted, Unpromoted, Master, Slave]
      score:
        description: A score of its own for the set.
        type: str
      mode:
        description: For an order, a mode of its own for the set, where the version of Pacemaker knows it.
        type: str
        choices: [Mandatory, Optional, Serialize]
      same_as:
        description: The id of another set that is meant, in place of everything else.
        type: str
  lifetime:
    description: Rules that say when the constraint holds, for old versions of Pacemaker.
    type: list
    elements: dict
    suboptions: *rule
seealso:
  - module: tandem.ha.ha_config
  - module: tandem.ha.ha_resource
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
- name: The address prefers c1
  tandem.ha.ha_constraint:
    kind: location
    resource: vip
    node: c1
    score: 50

- name: The address runs where the load balancer runs
  tandem.ha.ha_constraint:
    kind: colocation
    resource: vip
    with: haproxy-clone
    score: INFINITY

- name: The address is brought up after the load balancer has started
  tandem.ha.ha_constraint:
    kind: order
    first: haproxy-clone
    then: vip
    mode: Optional

- name: The address leaves a node that has lost its gateway
  tandem.ha.ha_constraint:
    kind: location
    resource: vip
    rule:
      score: -INFINITY
      operator: or
      expressions:
        - {attribute: pingd, operation: lt, value: 1, type: number}
        - {attribute: pingd, operation: not_defined}

- name: The address follows the promoted instance
  tandem.ha.ha_constraint:
    kind: colocation
    resource: redis-vip
    with: redis-clone
    with_role: Promoted

- name: Backups run on working days at night only
  tandem.ha.ha_constraint:
    kind: location
    resource: backup
    rule:
      score: -INFINITY
      operator: or
      expressions:
        - date: {operation: date_spec, spec: {hours: 6-21}}
        - rule:
            expressions:
              - date: {operation: date_spec, spec: {weekdays: 6-7}}

- name: The databases start one after another, and the web servers together after them
  tandem.ha.ha_constraint:
    kind: order
    sets:
      - resources: [db1, db2]
      - {resources: [web1, web2], sequential: false}

- name: This site runs the service only while it holds the ticket
  tandem.ha.ha_constraint:
    kind: ticket
    ticket: site-a
    resource: vip
    loss_policy: stop

- name: The preference is gone
  tandem.ha.ha_constraint:
    kind: location
    resource: vip
    node: c1
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

from ansible_collections.tandem.ha.plugins.module_utils._module import CHANGE_OPTIONS, create, run
from ansible_collections.tandem.ha.plugins.module_utils._specs import CONSTRAINT, entry, misplaced, refuse


def to_document(params):
    constraint = entry(CONSTRAINT, params)
    refuse(misplaced("constraints", constraint))
    return {"constraints": [constraint]}


def main():
    module = create(dict(CONSTRAINT, **CHANGE_OPTIONS))
    params = module.params
    names = ("id", "ticket", "resource", "resource_pattern", "with", "first", "then", "node")
    what = (params[key] for key in names if params[key])
    run(module, to_document, "ha_constraint %s %s" % (params["kind"], " ".join(what)))


if __name__ == "__main__":
    main()
