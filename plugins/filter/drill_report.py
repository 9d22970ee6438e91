# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns a drill's measurements into a table."""

from __future__ import annotations

DOCUMENTATION = r"""
name: drill_report
short_description: Turn a drill's measurements into a table
version_added: 1.0.0
description:
  - Joins what the phases of M(tandem.ha.ha_drill) returned, with what the live settings let expect beside what was measured.
options:
  _input:
    description: What O(tandem.ha.ha_drill#module:phase=choose) returned.
    type: dict
    required: true
  watch:
    description: What O(tandem.ha.ha_drill#module:phase=watch) returned.
    type: dict
    required: true
  probe:
    description: What O(tandem.ha.ha_drill#module:phase=probe) returned.
    type: dict
  cut:
    description:
      - When the power was cut, as the C(end) of the command that did it, on the control node.
      - Not given when the node was fenced on request.
    type: str
  writes:
    description: What O(tandem.ha.ha_drill#module:phase=write) returned, with the C(audit) of O(tandem.ha.ha_drill#module:phase=audit).
    type: dict
author:
  - The Tandem contributors (@tandem)
"""

EXAMPLES = r"""
- name: Print the table
  ansible.builtin.debug:
    msg: "{{ (drill_choice | tandem.ha.drill_report(drill_watch, drill_probe)).table }}"
"""

RETURN = r"""
_value:
  description: >-
    The numbers (C(measured), C(predicted), C(silent), in seconds; C(sql) of writes) and the C(table), a list of lines.
  type: dict
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ansible_collections.tandem.ha.plugins.plugin_utils._report import drill


def drill_report(
    choice: Mapping[str, Any],
    watch: Mapping[str, Any],
    probe: Mapping[str, Any] | None = None,
    cut: str | None = None,
    writes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """See DOCUMENTATION."""
    # A command's times carry no zone: they are the control node's local time, and this runs there.
    when = datetime.fromisoformat(str(cut)).timestamp() if cut else None  # noqa: DTZ007
    return drill(choice, watch, probe or None, when, writes or None)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"drill_report": drill_report}
