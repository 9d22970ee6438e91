# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns the agent's status into sentences."""

from __future__ import annotations

DOCUMENTATION = r"""
name: status_report
short_description: Turn the agent's status into sentences
version_added: 1.0.0
description:
  - Says what there is, what is not as it should be, and what an operator decided at run time.
options:
  _input:
    description: The status that M(tandem.ha.ha_info) returns.
    type: dict
    required: true
author:
  - The Tandem contributors (@tandem)
"""

EXAMPLES = r"""
- name: Read the status
  tandem.ha.ha_info:
    gather: [status]
  register: site_info

- name: Show it
  ansible.builtin.debug:
    msg: "{{ (site_info.status | tandem.ha.status_report).lines }}"
"""

RETURN = r"""
_value:
  description: >-
    The lists C(lines) (everything, for people), C(problems) and C(decisions).
  type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.tandem.ha.plugins.module_utils import _health as health


def status_report(status: Mapping[str, Any]) -> dict[str, list[str]]:
    """See DOCUMENTATION."""
    problems, decisions = health.problems(status), health.decisions(status)
    lines = health.summary(status) + [f"problem: {one}" for one in problems] + [f"decided: {one}" for one in decisions]
    return {"lines": lines, "problems": problems, "decisions": decisions}


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"status_report": status_report}
