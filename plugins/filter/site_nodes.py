# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says which node each controller is, and where the others find it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: site_nodes
short_description: Say which node each controller is
version_added: 1.0.0
description:
  - Reads the variables C(cluster_node_name) and C(cluster_links) of each host.
  - Only the inventory counts, so that a host that cannot be reached is a member like the others.
positional: _input, hosts
options:
  _input:
    description: The magic variable C(hostvars).
    type: dict
    required: true
  hosts:
    description: The controllers.
    type: list
    elements: str
    required: true
author:
  - The Tandem contributors (@tandem)
"""

EXAMPLES = r"""
- name: Show the members
  ansible.builtin.debug:
    msg: "{{ hostvars | tandem.ha.site_nodes(groups['controllers']) }}"
"""

RETURN = r"""
_value:
  description: For each host a map with C(host), C(node) and C(links).
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any


def site_nodes(hostvars: Mapping[str, Any], hosts: list[str]) -> list[dict[str, Any]]:
    """See DOCUMENTATION."""
    return [_node(host, hostvars[host]) for host in hosts]


def _node(host: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    links = variables.get("cluster_links") or [variables.get("ansible_host") or host]
    return {
        "host": host,
        "node": str(variables.get("cluster_node_name") or host),
        "links": [str(link) for link in links],
    }


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"site_nodes": site_nodes}
