# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws a drill."""

from __future__ import annotations

DOCUMENTATION = r"""
name: drill_svg
short_description: Draw a drill as a time line
version_added: 1.0.0
description:
  - One lane for the virtual address and one for each client, with the times without an answer, and a line for each thing that the
    cluster did.
options:
  _input:
    description: A report of P(tandem.ha.drill_report#filter).
    type: dict
    required: true
author:
  - The Tandem contributors (@tandem)
"""

EXAMPLES = r"""
- name: Keep the picture
  ansible.builtin.copy:
    content: "{{ drill_report | tandem.ha.drill_svg }}"
    dest: /srv/drill.svg
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The picture, as the text of an SVG file.
  type: str
"""

from typing import Any

from ansible_collections.tandem.ha.plugins.plugin_utils._timeline import svg


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"drill_svg": svg}
