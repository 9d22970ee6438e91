# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sums many drills up."""

from __future__ import annotations

DOCUMENTATION = r"""
name: drill_summary
short_description: Sum drills up, with the median of each kind
version_added: 1.0.0
description:
  - Drills of the same cluster, fault and role of the node are one row. Times are medians; what was acknowledged and lost is added up.
options:
  _input:
    description: Reports of P(tandem.ha.drill_report#filter).
    type: list
    elements: dict
    required: true
author:
  - The Tandem contributors (@tandem)
"""

EXAMPLES = r"""
- name: Print a table of all drills
  ansible.builtin.debug:
    msg: "{{ (drill_reports | tandem.ha.drill_summary).lines }}"
"""

RETURN = r"""
_value:
  description: The C(rows), and the C(lines) of a table in Markdown.
  type: dict
"""

from typing import Any

from ansible_collections.tandem.ha.plugins.plugin_utils._drill_report import summary


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"drill_summary": summary}
