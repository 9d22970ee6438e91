# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says how a running site differs from its inventory."""

from __future__ import annotations

DOCUMENTATION = r"""
name: drift_report
short_description: Say how a running site differs from its inventory
version_added: 1.0.0
description:
  - Joins what a check of the site would change with what only the cluster itself knows, which are an operator's decisions
    and objects made by hand.
options:
  _input:
    description: What M(tandem.ha.ha_info) returned, with its C(status) and C(document).
    type: dict
    required: true
  changes:
    description: What the callback P(tandem.ha.ha_changes#callback) recorded.
    type: list
    elements: dict
    required: true
  declared:
    description: The objects that the site's documents declare, as RV(tandem.ha.ha_config#module:objects) lists them.
    type: list
    elements: dict
    required: true
author:
  - The Tandem contributors (@tandem)
"""

EXAMPLES = r"""
- name: Show what differs
  ansible.builtin.debug:
    msg: "{{ (site_info | tandem.ha.drift_report(changes=[], declared=vip_result.objects)).lines }}"
"""

RETURN = r"""
_value:
  description: >-
    The lists C(changes), C(decisions), C(foreign) and C(problems), each of sentences, and C(lines), all of them for people.
  type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.tandem.ha.plugins.plugin_utils._report import drift


def drift_report(
    info: Mapping[str, Any], changes: list[Mapping[str, Any]], declared: list[Mapping[str, Any]]
) -> dict[str, Any]:
    """See DOCUMENTATION."""
    return drift(changes, info, declared)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"drift_report": drift_report}
