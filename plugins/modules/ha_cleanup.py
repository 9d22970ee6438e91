#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_cleanup
short_description: Forget failed actions, so that the cluster tries again
version_added: 1.0.0
description:
  - Has the cluster forget the failed actions and fail counts of a resource, or of all resources, on a node or on all nodes, and waits
    until it has settled.
  - Changes nothing where nothing has failed. The cause has to be gone first; what fails again fails the task, with what the resource
    agent says.
options:
  resource:
    description: The resource, with what is in it. Fence devices are resources too. Without it, all.
    type: str
  node:
    description: The Pacemaker node name. Without it, all nodes.
    type: str
  wait:
    description: Seconds to wait until the cluster has settled. V(0) does not wait.
    type: int
    default: 120
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
    details: Says which failed actions would be forgotten.
  diff_mode:
    support: none
    details: RV(cleaned) is what was forgotten; nothing comes in its place.
  idempotent:
    support: full
seealso:
  - module: tandem.ha.ha_info
"""

EXAMPLES = r"""
- name: The web server is mended, so the cluster may try again
  tandem.ha.ha_cleanup:
    resource: WebSite

- name: Forget everything that has failed on one node
  tandem.ha.ha_cleanup:
    node: c1
  register: cleanup

- name: Let a fence device be tried again on the node where it could not be started
  tandem.ha.ha_cleanup:
    resource: fence-c2
    node: c1

- name: Forget everything everywhere, and do not wait for what comes of it
  tandem.ha.ha_cleanup:
    wait: 0

- name: What that was
  ansible.builtin.debug:
    msg: "{{ cleanup.cleaned | map(attribute='text') }}"
"""

RETURN = r"""
cleaned:
  description: The failed actions that were forgotten, or in check mode would be.
  returned: success
  type: list
  elements: dict
  sample:
    - resource: WebSite
      node: c1
      operation: monitor
      interval_ms: 10000
      rc: 7
      status: complete
      reason: not running
      text: "monitor of WebSite on c1 failed: not running"
      at: "2026-11-21 10:11:12Z"
code:
  description: What kind of failure it is, for programs. C(docs/protocol.md) lists them.
  returned: failure
  type: str
  sample: params.invalid
failures:
  description: What failed again.
  returned: failure, when RV(code=settle.failed)
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

from ansible_collections.tandem.ha.plugins.module_utils._module import AGENT_OPTIONS, WORKING, ask, create

OPTIONS = {
    "resource": {"type": "str"},
    "node": {"type": "str"},
    "wait": {"type": "int", "default": 120},
}


def to_params(options, check):
    """The operation's parameters: what was given, and in check mode that it is only asked."""
    params = {name: options[name] for name in ("resource", "node") if options[name] is not None}
    return dict(params, plan_only=True) if check else dict(params, wait=options["wait"])


def main():
    module = create(dict(OPTIONS, **AGENT_OPTIONS))
    params = to_params(module.params, module.check_mode)
    found = ask(module, "cleanup", params, module.params["wait"] + WORKING)
    # A host that is not ready for a check yet runs nothing, so nothing has failed on it.
    module.exit_json(**(found or {"changed": False, "cleaned": []}))


if __name__ == "__main__":
    main()
