# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines for /etc/hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: hosts_lines
short_description: Make lines for /etc/hosts of members or virtual addresses
version_added: 1.0.0
description:
  - Makes one line of each entry, the address and the name.
  - An entry is a member as P(tandem.ha.site_nodes#filter) returns it, with C(node) and C(links), or a virtual address with C(name)
    and C(address).
  - A member whose first link is a name already needs no line.
options:
  _input:
    description: The entries.
    type: list
    elements: dict
    required: true
author:
  - The Tandem contributors (@tandem)
"""

EXAMPLES = r"""
- name: Show the lines
  ansible.builtin.debug:
    msg: "{{ hostvars | tandem.ha.site_nodes(groups['controllers']) | tandem.ha.hosts_lines }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

import ipaddress
from collections.abc import Mapping
from typing import Any


def hosts_lines(entries: list[Mapping[str, Any]]) -> list[str]:
    """See DOCUMENTATION."""
    lines = []
    for entry in entries:
        name = str(entry.get("node") or entry.get("name") or "vip")
        address = str(entry["links"][0] if entry.get("links") else entry.get("address", "")).partition("/")[0]
        try:
            lines.append(f"{ipaddress.ip_address(address)} {name}")
        except ValueError:
            continue
    return lines


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"hosts_lines": hosts_lines}
