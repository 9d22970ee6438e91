# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes down what changed, so that a later play of the same run can speak of it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: ha_changes
type: aggregate
short_description: Keep a list of what changed for a later play
version_added: 1.0.0
description:
  - A play cannot see what the plays before it changed. This plugin writes one line of JSON per changed task into a private
    file, and names that file in the environment variable E(TANDEM_CHANGES) of the running process.
  - C(tandem.ha.drift) reads it. Without this plugin that playbook reports changes of the cluster's configuration, but not
    those of files and packages.
  - What a task hides with C(no_log) is not written down.
requirements:
  - Enable it with C(callbacks_enabled=tandem.ha.ha_changes) in C(ansible.cfg), or with E(ANSIBLE_CALLBACKS_ENABLED).
author:
  - The Tandem contributors (@tandem)
"""

import atexit
import contextlib
import json
import os
import tempfile
from typing import Any

from ansible.plugins.callback import CallbackBase

VARIABLE = "TANDEM_CHANGES"


class CallbackModule(CallbackBase):
    """See DOCUMENTATION."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "tandem.ha.ha_changes"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        handle, self._path = tempfile.mkstemp(prefix="tandem-changes-")
        os.close(handle)
        os.environ[VARIABLE] = self._path
        atexit.register(_remove, self._path, os.getpid())

    def v2_runner_on_ok(self, result: Any) -> None:
        # ansible-core before 2.19 has nothing but these private names.
        outcome = getattr(result, "result", None) or result._result  # noqa: SLF001
        if not outcome.get("changed") or outcome.get("_ansible_no_log"):
            return
        task = getattr(result, "task", None) or result._task  # noqa: SLF001
        host = getattr(result, "host", None) or result._host  # noqa: SLF001
        line = {"host": host.get_name(), "task": task.get_name().strip(), "details": details(outcome)}
        with open(self._path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")


def details(outcome: dict[str, Any]) -> list[str]:
    """What a result says of its change, in words: the plan of our modules, or the names of the files others touch."""
    items = [item for item in outcome.get("results") or [outcome] if isinstance(item, dict)]
    return list(dict.fromkeys(word for item in items for word in _words(item)))


def _words(item: dict[str, Any]) -> list[str]:
    """Of one turn of a loop, or of a task without one."""
    plan = item.get("plan")
    if isinstance(plan, list):
        return [str(step["summary"]) for step in plan if isinstance(step, dict) and step.get("summary")]
    names = ("dest", "path", "name", "item") if item.get("changed") else ()
    return [str(item[key]) for key in names if isinstance(item.get(key), str)]


def _remove(path: str, owner: int) -> None:
    """Only the process that made the file removes it: Ansible's workers are copies of that process."""
    if os.getpid() == owner:
        with contextlib.suppress(OSError):
            os.unlink(path)
