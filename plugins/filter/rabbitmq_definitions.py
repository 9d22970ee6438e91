# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what a RabbitMQ server without data reads at its start."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rabbitmq_definitions
short_description: Write what a RabbitMQ server without data reads at its start
version_added: 1.0.0
description:
  - Turns virtual hosts, users, permissions and policies, as M(tandem.ha.ha_rabbitmq_objects) takes them, into the content of the file that
    RabbitMQ's setting C(load_definitions) names.
  - Passwords become salted hashes. The salt is made of the user's name and O(secret), so that the text is the same each time.
positional: _input, users, policies, secret
options:
  _input:
    description: The virtual hosts.
    type: list
    elements: str
    required: true
  users:
    description: The users, as O(tandem.ha.ha_rabbitmq_objects#module:users).
    type: list
    elements: dict
    required: true
  policies:
    description: The policies, as O(tandem.ha.ha_rabbitmq_objects#module:policies).
    type: list
    elements: dict
    required: true
  secret:
    description: Something that only the site knows, such as the cookie.
    type: str
    required: true
author:
  - The Tandem contributors (@tandem)
"""

EXAMPLES = r"""
- name: Write the definitions
  ansible.builtin.copy:
    content: "{{ rabbitmq_vhosts | tandem.ha.rabbitmq_definitions(rabbitmq_users, rabbitmq_policies, rabbitmq_cookie) | to_nice_json }}"
    dest: /etc/rabbitmq/definitions.json
    mode: "0640"
"""

RETURN = r"""
_value:
  description: The definitions.
  type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.tandem.ha.plugins.module_utils import _definitions


def _rabbitmq_definitions(
    vhosts: list[str], users: list[Mapping[str, Any]], policies: list[Mapping[str, Any]], secret: str
) -> dict[str, Any]:
    """See DOCUMENTATION."""
    try:
        return _definitions.document(_definitions.declared(vhosts, users, policies), secret)
    except _definitions.Invalid as fault:
        raise AnsibleFilterError(str(fault)) from fault


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"rabbitmq_definitions": _rabbitmq_definitions}
