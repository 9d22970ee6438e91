# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says which replicas of bundles do not run or are not promoted yet."""

from __future__ import annotations

DOCUMENTATION = r"""
name: lacking
short_description: Say what of the bundles does not run or is not promoted yet
version_added: 1.0.0
description:
  - A replica that is not promoted yet is no problem, and P(tandem.ha.status_report#filter) does not call it one. But while a database
    has one member, that one must not be taken out of service.
positional: document
options:
  _input:
    description: The status that M(tandem.ha.ha_info) returns.
    type: dict
    required: true
  document:
    description: The document that M(tandem.ha.ha_info) returns.
    type: dict
    required: true
author:
  - The Tandem contributors (@tandem)
"""

EXAMPLES = r"""
- name: Read what is and what is configured
  tandem.ha.ha_info:
    gather: [status, document]
  register: site_info

- name: Refuse to go on while something is missing
  ansible.builtin.assert:
    that: site_info.status | tandem.ha.lacking(site_info.document) | length == 0
"""

RETURN = r"""
_value:
  description: What is missing, each a sentence.
  type: list
  elements: str
"""

from typing import Any

from ansible_collections.tandem.ha.plugins.plugin_utils._ideal import lacking


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"lacking": lacking}
