# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control node's half of ha_agent: packs the agent, and copies it to a host that has another one or none."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.tandem.ha.plugins.plugin_utils import _pack

MODULE = "tandem.ha.ha_agent"
AGENT = "/usr/local/lib/tandem/agent.pyz"
PUBLIC = ("state", "python", "idle")  # the rest of the module's options is between it and this plugin


class ActionModule(ActionBase):
    """See the module's documentation; this class is what `tandem.ha.ha_agent` runs first."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        del tmp
        unknown = sorted(set(self._task.args) - set(PUBLIC))
        if unknown:
            raise AnsibleActionFail(f"unknown options: {', '.join(unknown)}; known are {', '.join(PUBLIC)}")
        arguments = dict(self._task.args)
        data = b""
        if arguments.get("state", "present") == "present":
            data = _pack.pack(str(arguments.get("python", "/usr/bin/python3")))
            arguments["checksum"] = _pack.checksum(data)
            arguments["units"] = _pack.units(AGENT, int(arguments.get("idle", 60)))
        found = self._module(arguments, task_vars)
        if found.pop("transfer", False):
            found = self._with_archive(data, arguments, task_vars)
        return {**result, **found}

    def _module(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        return self._execute_module(module_name=MODULE, module_args=arguments, task_vars=task_vars)

    def _with_archive(self, data: bytes, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Copy the archive to the host's temporary directory and let the module put it in its place."""
        directory = self._make_tmp_path()
        remote = self._connection._shell.join_path(directory, "agent.pyz")  # noqa: SLF001
        local, name = tempfile.mkstemp(prefix="tandem-agent-")
        try:
            with os.fdopen(local, "wb") as stream:
                stream.write(data)
            self._transfer_file(name, remote)
            self._fixup_perms2((directory, remote))
            return self._module({**arguments, "source": remote}, task_vars)
        finally:
            os.unlink(name)
            self._remove_tmp_path(directory)
