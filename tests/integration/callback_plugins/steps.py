# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes down each task's result, and what the CIB file looked like the moment it ended."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: steps
type: notification
short_description: One JSON line a task, for the tests of the modules
description: The file is named by STEPS_FILE, the CIB by STEPS_CIB.
"""


class CallbackModule(CallbackBase):
    """Linear strategy and one host: a result is seen here before the next task starts."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "steps"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result: Any) -> None:
        self._keep(result, failed=False)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._keep(result, failed=True)

    def _keep(self, result: Any, failed: bool) -> None:
        cib = Path(os.environ["STEPS_CIB"]).read_bytes()
        line = {
            "name": result._task.get_name(),
            "failed": failed,
            "result": {name: value for name, value in result._result.items() if not name.startswith("_ansible_")},
            "cib": hashlib.sha256(cib).hexdigest(),
            "configuration": cib.decode(),
        }
        with open(os.environ["STEPS_FILE"], "a", encoding="utf-8") as steps:
            steps.write(json.dumps(line, default=str) + "\n")
