#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_info
short_description: Look at a Pacemaker cluster
version_added: 1.0.0
description:
  - Returns what the Tandem agent knows about the cluster - its state, its configuration as a document that M(tandem.ha.ha_config)
    takes, what is wrong or unwise in it, its membership as this node sees it, and what Tandem changed.
  - Changes nothing. Secrets are redacted, always.
options:
  gather:
    description:
      - What to return.
      - V(status) and V(document) need a running cluster. V(cluster), V(doctor) and V(history) also answer where it is stopped.
      - V(fencing) asks every fence device for the power of its target, through the device, from this node. That takes as long as
        the slowest of them.
    type: list
    elements: str
    choices: [status, document, doctor, cluster, history, fencing]
    default: [status]
  history_limit:
    description: How many transactions O(gather=history) returns.
    type: int
    default: 20
  stonith:
    description:
      - For O(gather=fencing), the fence devices to ask, as entries of O(tandem.ha.ha_config#module:stonith). They are asked as if they
        were configured so already; nothing is configured.
      - Left out, the cluster's own devices are asked.
    type: list
    elements: dict
author:
  - The Tandem contributors (@tandem)
extends_documentation_fragment:
  - tandem.ha._attributes
  - tandem.ha._attributes.action_group
  - tandem.ha._attributes.platform
  - tandem.ha._agent
attributes:
  check_mode:
    support: full
    details: Nothing is changed in any mode. On a host that is not ready yet, check mode returns what there is, with a warning.
  diff_mode:
    support: none
    details: Nothing is changed, so there is nothing to show.
  idempotent:
    support: full
seealso:
  - module: tandem.ha.ha_config
"""

EXAMPLES = r"""
- name: What runs where
  tandem.ha.ha_info:
  register: ha

- name: Refuse to go on while something has failed
  ansible.builtin.assert:
    that: ha.status.failures | length == 0
    fail_msg: "{{ ha.status.failures | map(attribute='text') | join(', ') }}"

- name: What is unwise in this cluster
  tandem.ha.ha_info:
    gather: [doctor]
  register: health

- name: Keep the configuration as a document
  tandem.ha.ha_info:
    gather: [document]
  register: saved

- name: What was changed lately
  tandem.ha.ha_info:
    gather: [history]
    history_limit: 5
  register: lately

- name: Whether a fence device works, before the cluster is told of it
  tandem.ha.ha_info:
    gather: [fencing]
    stonith:
      - id: fence-c2
        agent: fence_ipmilan
        targets: [c2]
        params: {ip: 10.42.0.112, username: tandem, lanplus: true, ipmitool_path: /etc/tandem/fencing/fence-c2}
  register: asked
  failed_when: asked.fencing | rejectattr('ok') | length > 0

- name: Membership, as this node sees it
  tandem.ha.ha_info:
    gather: [cluster]
  register: members
"""

RETURN = r"""
status:
  description: The cluster as it is now.
  returned: when V(status) is gathered
  type: dict
  contains:
    cluster:
      description: The cluster as a whole.
      returned: always
      type: dict
      sample: {name: lab, dc: c1, quorate: true, maintenance: false, stonith_enabled: true, idle: true, cib: 0.12.3}
    nodes:
      description: Its nodes.
      returned: always
      type: list
      elements: dict
      sample: [{id: c1, online: true, standby: false, maintenance: false, unclean: false, pending: false, dc: true, type: member}]
    resources:
      description: Its resources and fence devices, each with the nodes on which it runs.
      returned: always
      type: list
      elements: dict
      sample:
        - id: vip
          agent: ocf:heartbeat:IPaddr2
          role: Started
          nodes: [c1]
          group: null
          clone: null
          managed: true
          failed: false
          blocked: false
          orphaned: false
          target_role: null
    failures:
      description: Operations that failed.
      returned: always
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
          text: vip monitor on c1 failed with not running
          at: "2026-11-21 10:11:12Z"
    fail_counts:
      description:
        - How often a resource has failed on a node, where it has. 1000000 is Pacemaker's infinity.
        - A resource whose RV(ignore:count) has reached its RV(ignore:threshold) may not run there until M(tandem.ha.ha_cleanup).
      returned: always
      type: list
      elements: dict
      sample: [{resource: vip, node: c1, count: 1, threshold: 1000000}]
    fencing:
      description: What was fenced.
      returned: always
      type: list
      elements: dict
      sample: [{target: c2, action: reboot, state: success, origin: c1, at: "2026-11-21 10:11:12Z"}]
    bans:
      description: Constraints that an operator's C(pcs resource move) or C(crm_resource --ban) left.
      returned: always
      type: list
      elements: dict
      sample: [{id: cli-ban-vip-on-c1, resource: vip, node: c1}]
document:
  description:
    - The whole configuration as a document, with secrets redacted. C(docs/model.md) explains it.
    - M(tandem.ha.ha_config) takes it back. Applied to the same cluster it changes nothing.
  returned: when V(document) is gathered
  type: dict
  sample:
    properties: {stonith-enabled: "true"}
    resources: [{id: vip, agent: "ocf:heartbeat:IPaddr2", params: {ip: 10.42.0.100}}]
cib:
  description: The version of the configuration, as C(admin_epoch.epoch.num_updates).
  returned: when V(document) is gathered
  type: str
  sample: 0.12.3
findings:
  description: What is wrong or unwise, and what to do about it.
  returned: when V(doctor) is gathered
  type: list
  elements: dict
  contains:
    code:
      description: A word for programs.
      returned: always
      type: str
    severity:
      description: V(error), V(warning) or V(info).
      returned: always
      type: str
    message:
      description: What was found.
      returned: always
      type: str
    remedy:
      description: What to do about it.
      returned: always
      type: str
previews:
  description: Of the transactions in this host's journal, how many did what had been foreseen.
  returned: when V(doctor) is gathered
  type: dict
  contains:
    matched:
      description: They did.
      returned: always
      type: int
    mismatched:
      description: Something else happened.
      returned: always
      type: int
    unknown:
      description: Nobody waited to see, or it could not be told.
      returned: always
      type: int
cluster:
  description: The membership as this node sees it.
  returned: when V(cluster) is gathered
  type: dict
transactions:
  description: What Tandem changed on this node, the newest first.
  returned: when V(history) is gathered
  type: list
  elements: dict
  sample:
    - id: 20261121T101112-0001-c1
      time: "2026-11-21T10:11:12Z"
      request: ha_resource vip
      changed: true
      plan: [create primitive vip]
      cib: {before: 0.12.3, after: 0.13.1}
      seconds: 1.9
      outcome: done
fencing:
  description: What every fence device said when it was asked for the power of its target.
  returned: when V(fencing) is gathered
  type: list
  elements: dict
  sample: [{id: fence-c2, agent: fence_ipmilan, target: c2, ok: true, power: "on", message: "", seconds: 0.3}]
code:
  description: What kind of failure it is, for programs. C(docs/protocol.md) lists them.
  returned: failure
  type: str
  sample: cib.unavailable
details:
  description: All that the agent says about a failure.
  returned: failure
  type: dict
"""

from typing import Any, Dict, Optional, Tuple

from ansible_collections.tandem.ha.plugins.module_utils._module import AGENT_OPTIONS, ask, create

# gather: the agent's operation, and what of its result is returned under which name (None: all of it).
SUBSETS: Dict[str, Tuple[str, Dict[str, Optional[str]]]] = {
    "status": ("status", {"status": None}),
    "document": ("export", {"document": "document", "cib": "cib"}),
    "doctor": ("doctor", {"findings": "findings", "previews": "previews"}),
    "cluster": ("cluster.info", {"cluster": None}),
    "history": ("history", {"transactions": "transactions"}),
    "fencing": ("fence.verify", {"fencing": "devices"}),
}

OPTIONS = {
    "gather": {
        "type": "list",
        "elements": "str",
        "choices": ["status", "document", "doctor", "cluster", "history", "fencing"],
        "default": ["status"],
    },
    "history_limit": {"type": "int", "default": 20},
    "stonith": {"type": "list", "elements": "dict"},
}


def main():
    module = create(dict(OPTIONS, **AGENT_OPTIONS))
    found: Dict[str, Any] = {"changed": False}
    for subset in module.params["gather"]:
        operation, parts = SUBSETS[subset]
        params: Dict[str, Any] = {"limit": module.params["history_limit"]} if subset == "history" else {}
        if subset == "fencing" and module.params["stonith"] is not None:
            params["stonith"] = module.params["stonith"]
        result = ask(module, operation, params)
        if result is None:
            break  # a check on a host that is not ready: the next question would get the same answer
        for name, part in parts.items():
            found[name] = result if part is None else result.get(part)
    module.exit_json(**found)


if __name__ == "__main__":
    main()
