# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A live cluster as inventory."""

from __future__ import annotations

DOCUMENTATION = r"""
name: cluster
short_description: A live cluster as inventory
version_added: 1.0.0
description:
  - Asks a running cluster for its members and their state, and makes hosts and groups of them.
  - The groups are V(controllers) (all members), V(witness) (the host of the quorum device), and by state V(online), V(offline),
    V(standby), V(maintenance), V(unclean), V(dc), V(vip_holder), and for each kind of resource that can be promoted the group of the
    nodes where it is, such as V(galera_promoted).
  - Every host has C(tandem_node) (its state), C(tandem_resources) (what runs on it) and C(ansible_host) (its address in the cluster);
    all have C(tandem_cluster), C(tandem_failures), C(tandem_bans) and C(tandem_timing). They are as M(tandem.ha.ha_info) returns them.
  - One of O(hosts) is asked, by C(ssh) from the control node, for what C(tandem status) and C(tandem info) say; the first that answers
    is enough. Nothing is changed.
  - The file's name must end with V(tandem.yml) or V(tandem.yaml).
  - It is for plays that follow the cluster's state. The inventory by which a site is declared stays the one that P(tandem.ha.cluster#role)
    reads, because a cluster cannot say which fence devices and passwords it is to have.
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [tandem.ha.cluster]
  hosts:
    description: Who may be asked, as C(ssh) takes it (V(root@192.0.2.11), or a name of its configuration), in this order.
    type: list
    elements: str
    required: true
  ssh_args:
    description: Arguments for C(ssh), before the host.
    type: list
    elements: str
    default: [-o, BatchMode=yes, -o, ConnectTimeout=5]
  ssh_executable:
    description: The program.
    type: str
    default: ssh
  become:
    description: Whether C(sudo -n) is put before the command; only root and the group haclient may ask the agent.
    type: bool
    default: false
  command:
    description: The agent's command on the nodes.
    type: str
    default: /usr/local/sbin/tandem
  timeout:
    description: Seconds until the next one is asked.
    type: int
    default: 20
  link:
    description: Which of the cluster's links, counted from 0, gives C(ansible_host). With V(-1) it is not set.
    type: int
    default: 0
  controllers_group:
    description: The group of all members.
    type: str
    default: controllers
  witness_group:
    description: The group of the witness.
    type: str
    default: witness
  group_prefix:
    description: What the groups by state begin with.
    type: str
    default: ""
extends_documentation_fragment:
  - constructed
  - inventory_cache
author:
  - The Tandem contributors (@tandem)
"""

EXAMPLES = r"""
# lab.tandem.yml, for: ansible-inventory -i lab.tandem.yml --graph
plugin: tandem.ha.cluster
hosts: [root@192.0.2.11, root@192.0.2.12]

# One who is not root, other groups, and an answer that is good for a minute:
#
#   plugin: tandem.ha.cluster
#   hosts: [ops@c1.example.com, ops@c2.example.com]
#   become: true
#   group_prefix: ha_
#   cache: true
#   cache_plugin: ansible.builtin.jsonfile
#   cache_connection: /tmp/tandem-inventory
#   cache_timeout: 60
#   keyed_groups:
#     - key: tandem_resources | map(attribute='id')
#       prefix: runs
#   compose:
#     quiet: tandem_failures | length == 0
"""

import json
import subprocess
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.tandem.ha.plugins.plugin_utils._inventory import Groups, everywhere, groups, hosts

try:
    from ansible.template import trust_as_template
except ImportError:  # ansible-core before 2.19, where everything is trusted that is not marked

    def trust_as_template(value: str) -> str:
        """The text itself."""
        return value


TEMPLATE = ("{{", "{%", "{#")
ENDINGS = ("tandem.yml", "tandem.yaml")


class Silent(Exception):
    """This host said nothing of use; the message is why."""


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """See DOCUMENTATION."""

    NAME = "tandem.ha.cluster"

    def verify_file(self, path: str) -> bool:
        return super().verify_file(path) and path.endswith(ENDINGS)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        status, info = self._answer(path, cache)
        names = Groups(*(self.get_option(name) for name in ("controllers_group", "witness_group", "group_prefix")))
        for group in groups(names):
            self.inventory.add_group(group)
        for name, value in everywhere(status, info).items():
            self.inventory.set_variable("all", name, inert(value))
        for host in hosts(status, info, self.get_option("link"), names):
            self._add(host.name, host.groups, host.variables)

    def _add(self, name: str, member_of: tuple[str, ...], variables: dict[str, Any]) -> None:
        self.inventory.add_host(name)
        for group in member_of:
            self.inventory.add_host(name, group=self.inventory.add_group(group))
        for key, value in variables.items():
            self.inventory.set_variable(name, key, inert(value))
        strict = self.get_option("strict")
        known = {**self.inventory.groups["all"].get_vars(), **self.inventory.get_host(name).get_vars()}
        self._set_composite_vars(self.get_option("compose"), known, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), known, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), known, name, strict=strict)

    def _answer(self, path: str, cache: bool) -> tuple[Any, Any]:
        """From the cache if it may be and is there, else from the cluster, and then into the cache."""
        self.load_cache_plugin()
        key, use = self.get_cache_key(path), self.get_option("cache")
        if use and cache:
            try:
                return tuple(self._cache[key])
            except KeyError:
                pass
        said = self._ask()
        if use:
            self._cache[key] = list(said)
        return said

    def _ask(self) -> tuple[Any, Any]:
        silent = []
        for host in self.get_option("hosts"):
            try:
                return self._ask_one(host)
            except Silent as reason:
                silent.append(f"{host}: {reason}")
        raise AnsibleParserError(
            "no host of this cluster answered. Is one of `hosts` up, may you log in there, and is the agent installed "
            f"(role tandem.ha.agent)? {'; '.join(silent)}"
        )

    def _ask_one(self, host: str) -> tuple[Any, Any]:
        program = f"{'sudo -n ' if self.get_option('become') else ''}{self.get_option('command')}"
        command = [self.get_option("ssh_executable"), *self.get_option("ssh_args"), "--", host]
        try:
            done = subprocess.run(
                [*command, f"{program} status --json && {program} info --json"],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=self.get_option("timeout"), check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Silent(f"no answer within {self.get_option('timeout')} s") from None
        except OSError as fault:
            raise Silent(f"{command[0]} cannot be run: {fault.strerror}") from fault
        return read(done.returncode, done.stdout, done.stderr)


def inert(value: Any) -> Any:
    """What a cluster says is no template, whoever wrote it there.

    Only what looks like one is marked: `ansible-inventory --list`, by which AWX imports, shows a marked text as a map.
    """
    if isinstance(value, dict):
        return {key: inert(item) for key, item in value.items()}
    if isinstance(value, list):
        return [inert(item) for item in value]
    if not isinstance(value, str):
        return value
    return wrap_var(value) if any(sign in value for sign in TEMPLATE) else trust_as_template(value)


def read(code: int, output: str, complaints: str) -> tuple[Any, Any]:
    """The two JSON objects of an answer. Raises Silent with what the host said instead."""
    decoder, found, rest = json.JSONDecoder(), [], output.strip()
    try:
        while rest:
            value, end = decoder.raw_decode(rest)
            found.append(value)
            rest = rest[end:].strip()
    except ValueError:
        raise Silent(f"it said no JSON: {rest[:80]!r}") from None
    if code == 0 and len(found) == 2 and all(isinstance(one, dict) for one in found):
        return found[0], found[1]
    error = found[-1].get("error") if found and isinstance(found[-1], dict) else None
    raise Silent(error["message"] if error else (complaints.strip().splitlines() or [f"exit code {code}"])[-1])
