# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control node's half of ha_cluster: knows who cannot be reached, and has the keys that ha_keys collected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible_collections.tandem.ha.plugins.plugin_utils._keyring import KEYS, Keyring


class ActionModule(ActionBase):
    """See the module's documentation; this class is what `tandem.ha.ha_cluster` runs first."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        del tmp
        variables = task_vars or {}
        arguments = dict(self._task.args)
        nodes = [node for node in arguments.get("nodes") or [] if isinstance(node, Mapping)]
        if arguments.get("unreached") is None:
            arguments["unreached"] = unreached(nodes, variables)
        if not self._task.check_mode and arguments.get("state") != "absent":
            arguments.update(self._keyring(arguments, len(nodes), variables))
        found = self._execute_module(module_name="tandem.ha.ha_cluster", module_args=arguments, task_vars=variables)
        return {**result, **found}

    def _keyring(self, arguments: Mapping[str, Any], members: int, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Keys and base, when ha_keys ran before. New keys are only made when every member was asked and none had any."""
        if "keys" in arguments:
            return {}
        keyring = Keyring(constants.DEFAULT_LOCAL_TMP, str(arguments.get("name")))
        if not keyring.exists():
            return {}
        hosts = variables.get("ansible_play_hosts_all", [])
        if len(hosts) >= members and all(keyring.asked(host) for host in hosts):
            for name in KEYS:
                keyring.make(name)
        found: dict[str, Any] = {"keys": keyring.keys()}
        base = keyring.base()
        if base is not None:
            found["base"] = base
        return found


def unreached(nodes: list[Mapping[str, Any]], variables: Mapping[str, Any]) -> list[str]:
    """Members that are hosts of the inventory, but not among those of the play that still answer.

    A member that the inventory does not know under its name is somebody else's business.
    """
    known = set((variables.get("groups") or {}).get("all", []))
    present = set(variables.get("ansible_play_hosts") or [])
    found = []
    for node in nodes:
        host = node.get("host") or node.get("name") or node.get("node")
        if host in known and host not in present:
            found.append(str(node.get("name") or node.get("node")))
    return found
