# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control node's half of ha_keys: fetches what a member holds by file transfer, which shows nothing at any verbosity.

Never through a module's output: connection plugins print that at -vvv.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible_collections.tandem.ha.plugins.plugin_utils._keyring import Keyring, KeysDiffer


class ActionModule(ActionBase):
    """See the module's documentation; this class is what `tandem.ha.ha_keys` runs first."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        del tmp
        variables = task_vars or {}
        arguments = dict(self._task.args)
        if self._task.check_mode:
            return {**result, **self._module(arguments, variables)}
        directory = self._make_tmp_path()
        try:
            found = self._module({**arguments, "dest": directory}, variables)
            copies = found.pop("copies", {})
            if not found.get("failed"):
                found = {**found, **self._collect(str(arguments.get("name")), copies, variables)}
        finally:
            self._remove_tmp_path(directory)
        return {**result, **found}

    def _module(self, arguments: Mapping[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        return self._execute_module(module_name="tandem.ha.ha_keys", module_args=dict(arguments), task_vars=variables)

    def _collect(self, cluster: str, copies: Mapping[str, str], variables: Mapping[str, Any]) -> dict[str, Any]:
        """Fetch the copies into the keyring, then note that this host was asked."""
        host = str(variables["inventory_hostname"])
        keyring = Keyring(constants.DEFAULT_LOCAL_TMP, cluster)
        keyring.open()
        for name, remote in copies.items():
            try:
                keyring.put(name, self._fetched(remote))
            except KeysDiffer:
                return {
                    "failed": True,
                    "code": "keys.differ",
                    "msg": f"{host} has another {name} key than another member of {cluster}, so they cannot talk to each other. "
                    f"Copy /etc/{name}/authkey of the members that work to {host}, and restart Corosync there",
                }
        keyring.ask(host)
        return {}

    def _fetched(self, remote: str) -> bytes:
        with tempfile.TemporaryDirectory(dir=constants.DEFAULT_LOCAL_TMP) as local:
            path = Path(local) / "file"
            path.touch(mode=0o600)
            self._connection.fetch_file(remote, str(path))
            return path.read_bytes()
