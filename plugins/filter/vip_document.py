# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the document of a site's virtual addresses."""

from __future__ import annotations

DOCUMENTATION = r"""
name: vip_document
short_description: Write the document of a site's virtual addresses
version_added: 1.0.0
description:
  - Turns the variable C(vip_addresses) of the role P(tandem.ha.vip#role) into the document that M(tandem.ha.ha_config) applies.
options:
  _input:
    description: The virtual addresses.
    type: list
    elements: dict
    required: true
  monitor:
    description: Interval and timeout of the monitor operation, where an address does not bring its own.
    type: dict
    required: true
author:
  - The Tandem contributors (@tandem)
"""

EXAMPLES = r"""
- name: Declare one virtual address
  tandem.ha.ha_config:
    name: vip
    resources: "{{ vips.resources }}"
  vars:
    vips: "{{ [{'address': '10.42.0.100/24', 'nic': 'eth0'}] | tandem.ha.vip_document(monitor={'interval': '10s'}) }}"
"""

RETURN = r"""
_value:
  description: A document as in docs/model.md, with the name C(vip).
  type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.tandem.ha.plugins.plugin_utils._documents import Invalid, vip_document


def _vip_document(addresses: list[dict[str, Any]], monitor: Mapping[str, Any]) -> dict[str, Any]:
    """See DOCUMENTATION."""
    try:
        return vip_document(addresses, monitor)
    except Invalid as fault:
        raise AnsibleFilterError(str(fault)) from fault


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"vip_document": _vip_document}
