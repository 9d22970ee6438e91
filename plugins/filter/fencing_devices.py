# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects the fence devices of a site from the variables of its hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fencing_devices
short_description: Collect the fence devices of a site from its hosts' variables
version_added: 1.0.0
description:
  - Reads the variable C(fencing_devices) of each host and returns one complete description per device.
  - Made for the role P(tandem.ha.fencing#role) and for the preflight of C(tandem.ha.site).
positional: _input, hosts
options:
  _input:
    description: The magic variable C(hostvars).
    type: dict
    required: true
  hosts:
    description: The hosts whose devices are wanted.
    type: list
    elements: str
    required: true
  node_name:
    description: The variable that holds a host's Pacemaker node name; the inventory's name where it is not set.
    type: str
    default: cluster_node_name
  secrets:
    description: Whether the passwords are included. Without, RV(_value) only says whether there is one.
    type: bool
    default: false
author:
  - The Tandem contributors (@tandem)
"""

EXAMPLES = r"""
- name: Show the devices of all controllers
  ansible.builtin.debug:
    msg: "{{ hostvars | tandem.ha.fencing_devices(groups['controllers']) }}"
"""

RETURN = r"""
_value:
  description: The devices, in the order of the hosts.
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.tandem.ha.plugins.plugin_utils._documents import Invalid, fence_devices


def fencing_devices(
    hostvars: Mapping[str, Any], hosts: list[str], node_name: str = "cluster_node_name", secrets: bool = False
) -> list[dict[str, Any]]:
    """See DOCUMENTATION."""
    try:
        declared = {host: hostvars[host].get("fencing_devices") or [] for host in hosts}
        nodes = {host: str(hostvars[host].get(node_name) or host) for host in hosts}
        return fence_devices(declared, nodes, secrets)
    except Invalid as fault:
        raise AnsibleFilterError(str(fault)) from fault


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"fencing_devices": fencing_devices}
