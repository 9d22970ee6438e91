# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says where HAProxy listens, and how it checks its servers."""

from __future__ import annotations

DOCUMENTATION = r"""
name: haproxy_services
short_description: Say where HAProxy listens and how it checks its servers
version_added: 1.0.0
description:
  - Completes and checks the variable C(haproxy_services) of the role P(tandem.ha.haproxy#role).
positional: _input, nodes, addresses
options:
  _input:
    description: The services.
    type: list
    elements: dict
    required: true
  nodes:
    description: The controllers, as P(tandem.ha.site_nodes#filter) returns them.
    type: list
    elements: dict
    required: true
  addresses:
    description: The virtual addresses, for services that name none.
    type: list
    elements: str
    required: true
  certificates:
    description: The names of the certificates that services may name.
    type: list
    elements: str
    default: []
author:
  - The Tandem contributors (@tandem)
"""

EXAMPLES = r"""
- name: Show what is listened to
  ansible.builtin.debug:
    msg: "{{ [{'name': 'sql', 'port': 3306, 'check': 'galera'}] | tandem.ha.haproxy_services(nodes, ['192.0.2.10']) }}"
  vars:
    nodes: "{{ hostvars | tandem.ha.site_nodes(groups['controllers']) }}"
"""

RETURN = r"""
_value:
  description: >-
    For each service a map with C(name), C(binds), C(port), C(addresses), C(option) (what to change if that cannot be), C(mode), C(single),
    C(timeout), C(check), C(check_port), C(bind_options), C(servers) and C(lines).
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.tandem.ha.plugins.plugin_utils._documents import Invalid
from ansible_collections.tandem.ha.plugins.plugin_utils._proxy import services


def _haproxy_services(
    declared: list[dict[str, Any]],
    nodes: list[Mapping[str, Any]],
    addresses: list[str],
    certificates: list[str] | None = None,
) -> list[dict[str, Any]]:
    """See DOCUMENTATION."""
    try:
        return services(declared, nodes, addresses, certificates or ())
    except Invalid as fault:
        raise AnsibleFilterError(str(fault)) from fault


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"haproxy_services": _haproxy_services}
