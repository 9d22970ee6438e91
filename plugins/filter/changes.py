# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the list of changes that the callback plugin ha_changes keeps."""

from __future__ import annotations

DOCUMENTATION = r"""
name: changes
short_description: Read the list of changes of this run
version_added: 1.0.0
description:
  - Reads what the callback plugin P(tandem.ha.ha_changes#callback) has written down so far.
  - Without that plugin, what some tasks registered says at least what they would change in the cluster's configuration.
options:
  _input:
    description: The file's path, from the environment variable E(TANDEM_CHANGES). Empty without the plugin.
    type: str
    required: true
  results:
    description: For each task a map with C(host), C(task) and the C(result) that it registered. Used without the plugin.
    type: list
    elements: dict
    default: []
author:
  - The Tandem contributors (@tandem)
"""

EXAMPLES = r"""
- name: Show what has changed so far
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.env', 'TANDEM_CHANGES') | tandem.ha.changes }}"
"""

RETURN = r"""
_value:
  description: For each changed task and host a map with C(host), C(task) and C(details).
  type: list
  elements: dict
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def changes(path: str, results: Iterable[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """See DOCUMENTATION."""
    if path:
        return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines() if line]
    return [
        {
            "host": one["host"],
            "task": one["task"],
            "details": [step["summary"] for step in one["result"].get("plan") or []],
        }
        for one in results
        if one["result"].get("changed")
    ]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"changes": changes}
