# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: this fragment may change or vanish in any release.

from __future__ import absolute_import, division, print_function

__metaclass__ = type


class ModuleDocFragment(object):
    """Options and requirements of the modules that speak to the agent."""

    DOCUMENTATION = r"""
options:
  agent_socket:
    description:
      - The Unix socket on which the host's Tandem agent listens.
      - At its default path only a program of root's is spoken to.
    type: path
    default: /run/tandem/agent.sock
requirements:
  - The Tandem agent on the host, which the role C(tandem.ha.agent) installs.
  - The rights of root, that is C(become=true). Members of the group C(haclient) may read.
"""

    CHANGE = r"""
options:
  allow:
    description:
      - What the preview may foresee without the change being refused.
      - V(fence) lets a node be fenced.
      - V(stop) lets a resource stop, or be demoted without a replacement, that the request does not name.
    type: list
    elements: str
    choices: [fence, stop]
    default: []
  wait:
    description:
      - How many seconds to wait until the cluster has settled, that is until it is idle and what was asked for is so.
      - With V(0) the configuration is changed and nothing is waited for.
      - Has no effect in check mode and where nothing changes.
    type: int
    default: 120
notes:
  - One call is one transaction. It is planned, previewed with Pacemaker's own scheduler, applied as one patch, waited for
    and looked at again. When it fails before the patch, nothing has changed.
  - The same task on every node of the cluster is harmless. One of them makes the change, the others find it made.
    Running it on one node (C(run_once) is not needed, a host pattern of one node is enough) saves time.
  - In check mode a host that has no agent, or no running cluster, yet counts as changed, with a warning.
"""
