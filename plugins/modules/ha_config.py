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
  - Declares any number of settings, nodes, resources, fence devices, fencing levels, constraints, tags, alerts and permissions, and
    applies them in one transaction - planned, previewed with Pacemaker's own scheduler, patched into the configuration at once, waited
    for and proven.
  - It is the expert among the modules. One task does what would take many with M(tandem.ha.ha_resource) and its kin, the cluster reacts
    once and not many times, and what depends on each other need not be put in order.
  - What the document does not mention stays as it is. O(purge) says what may be removed.
  - The sections are those of C(docs/model.md). A document that M(tandem.ha.ha_info) returned can be given back; a masked secret in it
    (C(********)) means that the secret stays what it is.
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
      - V(all) makes settings, resources, fence devices, levels, constraints, alerts and permissions exactly this document. What others
        declared goes. Sets of settings, nodes and tags stay.
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
  property_sets:
    description:
      - Sets of cluster properties beside the plain ones, for which a rule may say when they hold.
      - A set is known by its id, or by its rule where it has none.
    type: list
    elements: dict
    suboptions: &settings
      id:
        description: The set's id. Without one the set is known by its rule, or by C(same_as).
        type: str
      state:
        description: Whether the set exists.
        type: str
        choices: [present, absent]
        default: present
      ahead:
        description: Whether the set stands before the plain options. At equal scores the one that stands last counts.
        type: bool
      score:
        description: Of two sets that say something of the same option the one with the higher score counts.
        type: str
      rule:
        description: When the set holds. Without a rule it always does.
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
      options:
        description: The options with their values. A map C(same_as) in place of a value names the option of another set that gives it.
        type: dict
      references:
        description: Ids of options in other sets that are also meant here, under the names they have there.
        type: list
        elements: str
      ids:
        description: The ids of those options to which something refers, by their names.
        type: dict
      same_as:
        description: The id of another set that is meant, in place of everything else.
        type: str
  resource_default_sets:
    description: The same for the defaults of resources. A rule may say to which agents they apply.
    type: list
    elements: dict
    suboptions: *settings
  operation_default_sets:
    description: The same for the defaults of operations. A rule may say to which operations they apply.
    type: list
    elements: dict
    suboptions: *settings
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
      utilization:
        description: What the node has, by name, for resources to take of. What is given is all that there is afterwards.
        type: dict
      attributes_sets:
        description:
          - More sets of node attributes, for each of which a rule may say when it holds.
          - Each is as an entry of O(property_sets) without C(state) and C(ahead).
          - The word V(plain) says where C(attributes) stand among them, when that is not first.
        type: list
        elements: raw
      utilization_sets:
        description:
          - More sets of utilization, for each of which a rule may say when it holds.
          - Each is as an entry of O(property_sets) without C(state) and C(ahead).
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
  resources:
    description: Primitives, groups, clones, bundles and templates. M(tandem.ha.ha_resource) explains their fields.
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
        choices: [primitive, group, clone, bundle, template]
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
        description: Parameters; those of a group, a clone or a bundle are handed down. What is given is all that there is afterwards.
        type: dict
      secrets:
        description:
          - Parameters that the agent gets and nobody sees. Pacemaker keeps their values in root-only files of each node, the configuration
            has none of them.
          - A task that gives secrets has to run on every node, because each writes its own files.
          - What is given is all that there is afterwards.
        type: dict
      meta:
        description: Meta attributes. What is given is all that there is afterwards, save an operator's decisions.
        type: dict
      utilization:
        description: How much it takes of what nodes have, by name. What is given is all that there is afterwards.
        type: dict
      param_sets:
        description:
          - More sets of parameters, for each of which a rule may say when it holds.
          - Each is as an entry of O(property_sets) without C(state) and C(ahead).
          - The word V(plain) says where C(params) stand among them, when that is not first.
        type: list
        elements: raw
      meta_sets:
        description:
          - More sets of meta attributes, for each of which a rule may say when it holds.
          - Each is as an entry of O(property_sets) without C(state) and C(ahead).
          - The word V(plain) says where C(meta) stand among them, when that is not first.
        type: list
        elements: raw
      utilization_sets:
        description:
          - More sets of utilization, for each of which a rule may say when it holds.
          - Each is as an entry of O(property_sets) without C(state) and C(ahead).
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
        suboptions: &ops
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
              - Each is as an entry of O(property_sets) without C(state) and C(ahead).
              - The word V(plain) says where C(params) stand among them, when that is not first.
            type: list
            elements: raw
          meta_sets:
            description:
              - More sets of meta attributes, for each of which a rule may say when it holds.
              - Each is as an entry of O(property_sets) without C(state) and C(ahead).
              - The word V(plain) says where C(meta) stand among them, when that is not first.
            type: list
            elements: raw
          ids:
            description: Ids of the operation's sets and options to which something refers, by place, such as C(params) or C(params.ip).
            type: dict
      ops_same_as:
        description: The id of another resource's operations (its C(ids)) that are those of this one too.
        type: str
      ids:
        description: Ids to which something refers, by place, such as C(params), C(params.ip) or C(operations).
        type: dict
      group:
        description: The group of which a primitive is a member.
        type: str
      members:
        description: A group's members in the order in which they start.
        type: list
        elements: str
      resource:
        description: The primitive or group that a clone runs, or the primitive inside of a bundle.
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
            description: How many containers there are. The default is O(resources[].container.promoted_max), or else 1.
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
      template:
        description: The template that gives the device what it does not say itself.
        type: str
      targets:
        description: The nodes that this device fences.
        type: list
        elements: str
      params:
        description: The device's parameters. What is given is all that there is afterwards. Secrets are refused, see below.
        type: dict
      secrets:
        description:
          - Parameters that the agent gets and nobody sees. Pacemaker keeps their values in root-only files of each node, the configuration
            has none of them.
          - A task that gives secrets has to run on every node, because each writes its own files.
          - What is given is all that there is afterwards.
        type: dict
      meta:
        description: Meta attributes. What is given is all that there is afterwards.
        type: dict
      utilization:
        description: How much it takes of what nodes have, by name. What is given is all that there is afterwards.
        type: dict
      param_sets:
        description:
          - More sets of parameters, for each of which a rule may say when it holds.
          - Each is as an entry of O(property_sets) without C(state) and C(ahead).
          - The word V(plain) says where C(params) stand among them, when that is not first.
        type: list
        elements: raw
      meta_sets:
        description:
          - More sets of meta attributes, for each of which a rule may say when it holds.
          - Each is as an entry of O(property_sets) without C(state) and C(ahead).
          - The word V(plain) says where C(meta) stand among them, when that is not first.
        type: list
        elements: raw
      utilization_sets:
        description:
          - More sets of utilization, for each of which a rule may say when it holds.
          - Each is as an entry of O(property_sets) without C(state) and C(ahead).
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
        suboptions: *ops
      ops_same_as:
        description: The id of another resource's operations (its C(ids)) that are those of this one too.
        type: str
      ids:
        description: Ids to which something refers, by place, such as C(params), C(params.ip) or C(operations).
        type: dict
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
          - With O(constraints[].state=absent) it alone is enough to say which.
        type: str
      resource:
        description: For a location, a colocation or a ticket, the resource that is placed. O(constraints[].sets) may stand in its place.
        type: str
      resource_pattern:
        description: For a location, a regular expression for the names of the resources, in place of O(constraints[].resource).
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
          - Required for a new location without a O(constraints[].rule).
          - A new colocation without a score has V(INFINITY), unless it has O(constraints[].sets).
          - A colocation for which this is an empty text has no score at all.
        type: str
      discovery:
        description: For a location, on which nodes Pacemaker looks whether the resource is running.
        type: str
        choices: [always, never, exclusive]
      rule:
        description: For a location, the condition that a node must fulfil, in place of O(constraints[].node) and O(constraints[].score).
        type: dict
        suboptions: *rule
      rules:
        description: For a location, several rules in place of one.
        type: list
        elements: dict
        suboptions: *rule
      with:
        description: For a colocation, the resource beside which O(constraints[].resource) is placed.
        type: str
      resource_role:
        description: For a colocation or a ticket, the role of O(constraints[].resource).
        type: str
        choices: [Started, Stopped, Promoted, Unpromoted, Master, Slave]
      with_role:
        description: For a colocation, the role of O(constraints[].with).
        type: str
        choices: [Started, Stopped, Promoted, Unpromoted, Master, Slave]
      node_attribute:
        description: For a colocation, the node attribute in which both nodes must agree, such as V(rack). The default is the node's name.
        type: str
      influence:
        description:
          - For a colocation, whether O(constraints[].resource) counts in the choice of the node for O(constraints[].with).
          - The default is the cluster's, V(true).
        type: bool
      score_attribute:
        description: For a colocation, the node attribute that holds the score, for old versions of Pacemaker.
        type: str
      score_attribute_mangle:
        description: For a colocation, as O(constraints[].score_attribute), with the resource's name appended to the attribute's.
        type: str
      resource_instance:
        description: For a colocation, the one instance of O(constraints[].resource) that is meant, where the schema knows that.
        type: int
      with_instance:
        description: For a colocation, the one instance of O(constraints[].with) that is meant, where the schema knows that.
        type: int
      first:
        description: For an order, the resource whose action comes first.
        type: str
      first_action:
        description: For an order, the action that comes first. The default is V(start).
        type: str
        choices: [start, stop, promote, demote]
      first_instance:
        description: For an order, the one instance of O(constraints[].first) that is meant, where the schema knows that.
        type: int
      then:
        description: For an order, the resource whose action waits.
        type: str
      then_action:
        description: For an order, the action that waits. The default is that of O(constraints[].first_action).
        type: str
        choices: [start, stop, promote, demote]
      then_instance:
        description: For an order, the one instance of O(constraints[].then) that is meant, where the schema knows that.
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
  tags:
    description: Named lists of ids. Constraints may name a tag where they name a resource.
    type: list
    elements: dict
    suboptions:
      id:
        description: The tag's name.
        type: str
        required: true
      state:
        description: Whether it exists.
        type: str
        choices: [present, absent]
        default: present
      references:
        description: The ids that it lists, all of them.
        type: list
        elements: str
  alerts:
    description: Programs that the cluster runs when something happens.
    type: list
    elements: dict
    suboptions:
      id:
        description: The alert's id.
        type: str
        required: true
      state:
        description: Whether it exists.
        type: str
        choices: [present, absent]
        default: present
      path:
        description: The program, which every node must have. Needed to create an alert.
        type: str
      description:
        description: A text for people.
        type: str
      params:
        description: Variables of the environment for the program, what is given is all that there is afterwards.
        type: dict
      meta:
        description: Meta attributes, such as C(timeout) and C(timestamp-format).
        type: dict
      param_sets:
        description:
          - More sets of variables, for each of which a rule may say when it holds.
          - Each is as an entry of O(property_sets) without C(state) and C(ahead).
          - The word V(plain) says where C(params) stand among them, when that is not first.
        type: list
        elements: raw
      meta_sets:
        description:
          - More sets of meta attributes, for each of which a rule may say when it holds.
          - Each is as an entry of O(property_sets) without C(state) and C(ahead).
          - The word V(plain) says where C(meta) stand among them, when that is not first.
        type: list
        elements: raw
      select:
        description: Of what the program is told. Without it, of nodes, fencing and resources.
        type: dict
        suboptions:
          nodes:
            description: Nodes that join and leave.
            type: bool
          fencing:
            description: Fencing.
            type: bool
          resources:
            description: Operations of resources.
            type: bool
          attributes:
            description: Changes of these node attributes. An empty list means of any.
            type: list
            elements: str
      recipients:
        description: Who is told. The program is run once for each.
        type: list
        elements: dict
        suboptions:
          id:
            description: The recipient's id.
            type: str
          value:
            description: What the program gets as the recipient, such as an address or a file.
            type: str
            required: true
          description:
            description: A text for people.
            type: str
          params:
            description: Variables of the environment for the program, what is given is all that there is afterwards.
            type: dict
          meta:
            description: Meta attributes, such as C(timeout) and C(timestamp-format).
            type: dict
          param_sets:
            description:
              - More sets of variables, for each of which a rule may say when it holds.
              - Each is as an entry of O(property_sets) without C(state) and C(ahead).
              - The word V(plain) says where C(params) stand among them, when that is not first.
            type: list
            elements: raw
          meta_sets:
            description:
              - More sets of meta attributes, for each of which a rule may say when it holds.
              - Each is as an entry of O(property_sets) without C(state) and C(ahead).
              - The word V(plain) says where C(meta) stand among them, when that is not first.
            type: list
            elements: raw
  acls:
    description:
      - Who of the group C(haclient) may see and change what of the configuration, while the property C(enable-acl) is V(true).
      - Roles hold the permissions, users and groups have roles.
    type: list
    elements: dict
    suboptions:
      id:
        description: The role's id. For users and groups the name that the system knows.
        type: str
        required: true
      kind:
        description: What it is. V(old_user) holds permissions of its own, for old versions of Pacemaker.
        type: str
        choices: [role, user, group, old_user]
        default: role
      state:
        description: Whether it exists.
        type: str
        choices: [present, absent]
        default: present
      description:
        description: A text for people.
        type: str
      permissions:
        description: The permissions of a role, of which the first that fits counts.
        type: list
        elements: dict
        suboptions:
          id:
            description: The permission's id.
            type: str
          xpath:
            description: What is allowed, as an XPath expression.
            type: str
          object_type:
            description: What is allowed, as the name of elements, such as V(nvpair).
            type: str
          reference:
            description: What is allowed, as the id of an element.
            type: str
          attribute:
            description: Only elements that have this attribute. For an C(object_type).
            type: str
          kind:
            description: What is allowed. V(deny) allows nothing.
            type: str
            choices: [read, write, deny]
          description:
            description: A text for people.
            type: str
          read:
            description: A permission to read in the form of old versions of Pacemaker, in place of C(kind) and the others.
            type: dict
            suboptions: &right
              id:
                description: The permission's id.
                type: str
              xpath:
                description: What is allowed, as an XPath expression.
                type: str
              object_type:
                description: What is allowed, as the name of elements, such as V(nvpair).
                type: str
              reference:
                description: What is allowed, as the id of an element.
                type: str
              attribute:
                description: Only elements that have this attribute. For an C(object_type).
                type: str
          write:
            description: A permission to write in the form of old versions of Pacemaker.
            type: dict
            suboptions: *right
          deny:
            description: A denial in the form of old versions of Pacemaker.
            type: dict
            suboptions: *right
      roles:
        description: The roles that a user or a group has.
        type: list
        elements: str
      name:
        description: The name of a user or a group, where it is not the id.
        type: str
  order:
    description: The order in which new resources stand in the configuration, where it is not that of the sections.
    type: list
    elements: str
  verbatim:
    description: >-
      The names in O(properties) that are written as they are, also where this version of Pacemaker calls the property otherwise
      (C(stonith-enabled), C(fencing-enabled)).
    type: list
    elements: str
  ids:
    description: >-
      Ids of plain settings to which something refers, by place, such as C(properties) for the set and
      C(properties.stonith-enabled) for one.
    type: dict
  only:
    description:
      - V(secrets) writes nothing but the secrets, into the files of the node that the task runs on. The cluster is told nothing.
      - In a cluster of several nodes, run that on all of them before the task that tells the cluster of new or changed secrets. A node
        without the files would fail the resource for the whole cluster, so such a task is refused.
    type: str
    choices: [all, secrets]
    default: all
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
        params: {ip: 10.42.0.111, username: tandem, password_script: /etc/tandem/fencing/fence-c1, lanplus: true}
      - id: fence-c2
        agent: fence_ipmilan
        targets: [c2]
        params: {ip: 10.42.0.112, username: tandem, password_script: /etc/tandem/fencing/fence-c2, lanplus: true}
    constraints:
      - {kind: location, resource: fence-c1, node: c1, score: -INFINITY}
      - {kind: location, resource: fence-c2, node: c2, score: -INFINITY}

- name: Rename what runs, in one step
  tandem.ha.ha_config:
    resources:
      - {id: apache, state: absent}
      - {id: nginx, agent: "systemd:nginx", group: site}
    allow: [stop]

- name: At night resources move back to where they belong, in the day they stay where they are
  tandem.ha.ha_config:
    resource_defaults:
      resource-stickiness: 1000
    resource_default_sets:
      - id: night
        score: 1
        rule:
          expressions:
            - date: {operation: date_spec, spec: {hours: 2-4}}
        options: {resource-stickiness: 0}

- name: Who is told what happens, and who may look
  tandem.ha.ha_config:
    name: people
    properties: {enable-acl: true}
    alerts:
      - id: mail
        path: /usr/share/pacemaker/alerts/alert_smtp.sh
        select: {nodes: true, fencing: true}
        recipients:
          - {id: mail-oncall, value: oncall@example.com}
    acls:
      - id: observer
        permissions:
          - {id: observer-read, kind: read, xpath: /cib}
      - {id: nagios, kind: user, roles: [observer]}

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
    for section in ("resources", "constraints", "acls"):
        for index, item in enumerate(document.get(section, ())):
            faults += misplaced(section, item, "%s[%d]." % (section, index))
    if not params["allow_password_in_cib"]:
        for index, item in enumerate(document.get("stonith", ())):
            faults += plain_secrets(item, "stonith[%d]" % index)
    refuse(faults)
    return document


def main():
    module = create(dict(OPTIONS, **SECRET_OPTIONS, **CHANGE_OPTIONS), required_if=[("purge", "owned", ("name",))])
    run(module, to_document, "ha_config %s" % (module.params["name"] or "without a name"))


if __name__ == "__main__":
    main()
