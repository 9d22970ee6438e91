#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: ha_rabbitmq_objects
short_description: Keep virtual hosts, users, permissions and policies of RabbitMQ in a bundle
version_added: 1.0.0
description:
  - Compares what is declared with what the running cluster has, and mends what differs.
  - It speaks to the server inside the container on this host by C(rabbitmqctl), so it needs no password itself. What it says passes over
    standard input, and passwords in it are hashes.
  - What is not declared is left alone, unless O(purge) or O(absent_users) says otherwise.
options:
  bundle:
    description: The bundle's name.
    type: str
    default: rabbitmq-bundle
  engine:
    description: The container engine.
    type: str
    choices: [podman, docker]
    default: podman
  vhosts:
    description: The virtual hosts.
    type: list
    elements: str
    default: []
  users:
    description: The users.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name.
        type: str
        required: true
      password:
        description: The password, of at least 8 characters. Another one that the user has is noticed, and replaced.
        type: str
        required: true
      tags:
        description: What the user may do in the management interface, such as V(monitoring) or V(administrator).
        type: list
        elements: str
        default: []
      permissions:
        description: In which virtual hosts the user may do what.
        type: list
        elements: dict
        default: []
        suboptions:
          vhost:
            description: The virtual host, one of O(vhosts).
            type: str
            required: true
          configure:
            description: A pattern of the names of what may be made and removed.
            type: str
            default: .*
          write:
            description: A pattern of the names of what may be written to.
            type: str
            default: .*
          read:
            description: A pattern of the names of what may be read from.
            type: str
            default: .*
  absent_users:
    description: Users that there shall not be, such as V(guest), which a new cluster has.
    type: list
    elements: str
    default: []
  policies:
    description: The policies.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name.
        type: str
        required: true
      vhost:
        description: The virtual host, one of O(vhosts). Without it, all of them.
        type: str
      pattern:
        description: A pattern of the names of what it is for.
        type: str
        required: true
      apply_to:
        description: What it is for.
        type: str
        choices: [all, queues, exchanges, classic_queues, quorum_queues, streams]
        default: queues
      priority:
        description: Of several that fit, the one with the highest counts, alone.
        type: int
        default: 0
      definition:
        description: What it says, such as C(ha-mode) and C(all).
        type: dict
        required: true
  purge:
    description: >-
      Of what to remove all that is not declared. A virtual host goes with all its queues and the messages in them.
    type: list
    elements: str
    choices: [vhosts, users, permissions, policies]
    default: []
  wait:
    description: Seconds to wait until the server answers.
    type: int
    default: 60
author:
  - The Tandem contributors (@tandem)
extends_documentation_fragment:
  - tandem.ha._attributes
  - tandem.ha._attributes.platform
attributes:
  check_mode:
    support: full
    details: Where the server does not run, everything is said to be missing.
  diff_mode:
    support: full
    details: Of a password only whether it is the declared one.
  idempotent:
    support: full
"""

EXAMPLES = r"""
- name: Keep the shop's virtual host, its user, and a copy of each of its queues on every member
  tandem.ha.ha_rabbitmq_objects:
    vhosts: [shop]
    users:
      - name: shop
        password: "{{ vault_shop_password }}"
        permissions:
          - {vhost: shop}
    absent_users: [guest]
    policies:
      - name: mirrored
        pattern: ^(?!amq\.).*
        definition: {ha-mode: all, ha-sync-mode: automatic}
"""

RETURN = r"""
objects:
  description: What differed.
  returned: success
  type: list
  elements: str
  sample: [vhost shop, user shop, permission shop/shop, policy shop/mirrored, user guest]
"""

import json
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.tandem.ha.plugins.module_utils import _container, _definitions

_PATTERN = {"type": "str", "default": ".*"}
OPTIONS = {
    "bundle": {"type": "str", "default": "rabbitmq-bundle"},
    "engine": {"type": "str", "choices": ["podman", "docker"], "default": "podman"},
    "vhosts": {"type": "list", "elements": "str", "default": []},
    "users": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "tags": {"type": "list", "elements": "str", "default": []},
            "permissions": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "vhost": {"type": "str", "required": True},
                    "configure": _PATTERN,
                    "write": _PATTERN,
                    "read": _PATTERN,
                },
            },
        },
    },
    "absent_users": {"type": "list", "elements": "str", "default": []},
    "policies": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "vhost": {"type": "str"},
            "pattern": {"type": "str", "required": True},
            "apply_to": {"type": "str", "choices": list(_definitions.APPLY_TO), "default": "queues"},
            "priority": {"type": "int", "default": 0},
            "definition": {"type": "dict", "required": True},
        },
    },
    "purge": {"type": "list", "elements": "str", "choices": list(_definitions.KINDS), "default": []},
    "wait": {"type": "int", "default": 60},
}
PAUSE = 2


class Server(object):
    """The server in the bundle's container on this host."""

    def __init__(self, module, container):
        self.module = module
        self.container = container
        self.engine = module.get_bin_path(module.params["engine"])

    def _control(self, words, data=None):
        argv = [self.engine, "exec", "--interactive", self.container, "rabbitmqctl", "--quiet"]
        return self.module.run_command(argv + words, data=data)

    def export(self):
        """What is there; waits until the server answers."""
        end = time.time() + self.module.params["wait"]
        while True:
            rc, out, err = self._control(["export_definitions", "-", "--format", "json"])
            if rc == 0:
                return self._parsed(out)
            if time.time() >= end:
                said = " ".join(err.split()) or "exit code %d" % rc
                self.module.fail_json(msg="RabbitMQ in %s does not say what it has: %s" % (self.container, said))
            time.sleep(PAUSE)

    def _parsed(self, text):
        try:
            return json.loads(text[text.index("{") :])
        except ValueError:
            self.module.fail_json(msg="RabbitMQ in %s exports what is no JSON" % self.container)

    def apply(self, changes):
        """Make the changes; what RabbitMQ has against one ends the module."""
        wanted = _definitions.importable(changes)
        if any(wanted.values()):
            self._do(["import_definitions", "--format", "json"], json.dumps(wanted))
        for change in changes:
            if change.after is None:
                self._do(_definitions.removal(change))

    def _do(self, words, data=None):
        rc, out, err = self._control(words, data)
        if rc != 0:
            # What was said to it is in none of this: it quotes names and reasons only.
            said = " ".join((err or out).split()) or "exit code %d" % rc
            self.module.fail_json(msg="RabbitMQ in %s refuses %s: %s" % (self.container, words[0], said))


def keep(module):
    """Compare, mend, and say what differed."""
    params = module.params
    wanted = _definitions.declared(params["vhosts"], params["users"], params["policies"])
    container = _container.running(module, params["bundle"], params["engine"])
    if container is None and not module.check_mode:
        module.fail_json(msg="bundle: no container of %s runs on this host" % params["bundle"])
    server = Server(module, container) if container else None

    def differing():
        there = server.export() if server else {}
        return _definitions.differing(there, wanted, params["absent_users"], params["purge"])

    found = differing()
    if found and server and not module.check_mode:
        server.apply(found)
        left = differing()
        if left:
            module.fail_json(msg="RabbitMQ did not take over: %s" % ", ".join(str(change) for change in left))
    return {
        "changed": bool(found),
        "objects": [str(change) for change in found],
        "diff": [_definitions.shown(change) for change in found],
    }


def main():
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    try:
        module.exit_json(**keep(module))
    except _definitions.Invalid as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
