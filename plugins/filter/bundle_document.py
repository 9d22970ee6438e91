# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the document of a service in a bundle."""

from __future__ import annotations

DOCUMENTATION = r"""
name: bundle_document
short_description: Write the document of a service in a bundle
version_added: 1.0.0
description:
  - Turns what a role knows of a service in containers into the document that M(tandem.ha.ha_config) applies.
  - With O(primitive), an agent inside the container looks after the service. Without, the cluster starts and stops the container alone.
options:
  _input:
    description:
      - The bundle, with C(name), C(image) and C(replicas), and perhaps C(engine) (V(podman) or V(docker)), C(network) (default V(host)),
        C(options), C(run_command), C(promoted_max), C(control_port), C(meta) and C(storage).
      - Each entry of C(storage) has C(id), C(source) or C(source_root), C(target), and perhaps C(options) (default V(ro)).
    type: dict
    required: true
  primitive:
    description: What runs inside, with C(name), C(agent), and perhaps C(params), C(meta) and C(ops).
    type: dict
  vips:
    description: >-
      Names of the virtual addresses that the service stands behind. Each is only where the service runs; with O(primitive), where it is
      promoted.
    type: list
    elements: str
    default: []
author:
  - The Tandem contributors (@tandem)
"""

EXAMPLES = r"""
- name: Declare a proxy behind an address
  tandem.ha.ha_config:
    name: haproxy
    resources: "{{ proxy.resources }}"
    constraints: "{{ proxy.constraints }}"
  vars:
    proxy: "{{ {'name': 'haproxy-bundle', 'image': 'localhost/haproxy:latest', 'replicas': 2} | tandem.ha.bundle_document(vips=['vip']) }}"
"""

RETURN = r"""
_value:
  description: A document as in docs/model.md, with the name of the bundle.
  type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.tandem.ha.plugins.plugin_utils._bundles import agent_document, simple_document
from ansible_collections.tandem.ha.plugins.plugin_utils._documents import Invalid


def _bundle_document(
    bundle: Mapping[str, Any], primitive: Mapping[str, Any] | None = None, vips: list[str] | None = None
) -> dict[str, Any]:
    """See DOCUMENTATION."""
    try:
        return agent_document(bundle, primitive, vips or ()) if primitive else simple_document(bundle, vips or ())
    except Invalid as fault:
        raise AnsibleFilterError(str(fault)) from fault


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"bundle_document": _bundle_document}
