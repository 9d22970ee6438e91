# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the document of a site's fence devices."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fencing_document
short_description: Write the document of a site's fence devices
version_added: 1.0.0
description:
  - Turns what P(tandem.ha.fencing_devices#filter) returns into the document that M(tandem.ha.ha_config) applies.
  - A device does not run on its own target. It takes its password from a file, never from the CIB.
options:
  _input:
    description: The devices.
    type: list
    elements: dict
    required: true
  directory:
    description: Where the files with the passwords are on the controllers.
    type: str
    default: /etc/tandem/fencing
  properties:
    description: Cluster properties that belong to fencing.
    type: dict
  power_wait:
    description: Seconds an IPMI device waits after switching before it looks.
    type: int
  delay:
    description: How long fencing of the first target is delayed, so that it survives a race. None where a third vote decides.
    type: str
  monitor:
    description: Interval and timeout of the devices' monitor operation.
    type: dict
author:
  - The Tandem contributors (@tandem)
"""

EXAMPLES = r"""
- name: Declare all fence devices
  tandem.ha.ha_config:
    name: fencing
    stonith: "{{ fencing.stonith }}"
    constraints: "{{ fencing.constraints }}"
  vars:
    fencing: "{{ hostvars | tandem.ha.fencing_devices(groups['controllers']) | tandem.ha.fencing_document(delay='10s') }}"
"""

RETURN = r"""
_value:
  description: A document as in docs/model.md, with the name C(fencing).
  type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.tandem.ha.plugins.plugin_utils._documents import fence_document


def fencing_document(
    devices: list[dict[str, Any]],
    directory: str = "/etc/tandem/fencing",
    properties: Mapping[str, Any] | None = None,
    power_wait: int | None = None,
    delay: str | None = None,
    monitor: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """See DOCUMENTATION."""
    return fence_document(devices, directory, properties, power_wait, delay, monitor)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"fencing_document": fencing_document}
