# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns a drill's measurements into a report with a table."""

from __future__ import annotations

DOCUMENTATION = r"""
name: drill_report
short_description: Turn a drill's measurements into a report with a table
version_added: 1.0.0
description:
  - Joins what the phases of M(tandem.ha.ha_drill) and M(tandem.ha.ha_load) returned, with what the live settings let expect beside what was
    measured.
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
  at:
    description:
      - When it happened, in seconds since 1970, or as a command's C(end) says it on the control node.
      - Not given when the watching member fenced the node on request.
    type: raw
  load:
    description:
      - What O(tandem.ha.ha_load#module:phase=run) returned, with the C(audit) and C(apart) of O(tandem.ha.ha_load#module:phase=audit).
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
    The numbers (C(measured), C(predicted), C(floor), C(parts), C(silent), in seconds; C(clients)), what must not be
    (C(faults), and C(kept) if there is none) and the C(table), a list of lines.
  type: dict
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ansible_collections.tandem.ha.plugins.plugin_utils._drill_report import drill


def drill_report(
    choice: Mapping[str, Any],
    watch: Mapping[str, Any],
    probe: Mapping[str, Any] | None = None,
    at: str | float | None = None,
    load: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """See DOCUMENTATION."""
    return drill(choice, watch, probe or None, _moment(at), load or None)


def _moment(at: str | float | None) -> float | None:
    if not at:
        return None
    try:
        return float(at)
    except ValueError:
        # A command's times carry no zone: they are the control node's local time, and this runs there.
        return datetime.fromisoformat(str(at)).timestamp()  # noqa: DTZ007


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"drill_report": drill_report}
