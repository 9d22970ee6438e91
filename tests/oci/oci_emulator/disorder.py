# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on request: a file with one rule a line of JSON, read anew by each request.

{"operation": "*", "status": 503, "code": "ServiceUnavailable"}      until the line is taken out
{"operation": "UpdatePrivateIp", "status": 429, "count": 2}          the next two times
{"operation": "*", "drop": true, "instance": "node1"}                the connection is closed without an answer
{"operation": "GetInstance", "delay": 5}                             late, and then as usual
"""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any, Dict, Optional

from .errors import ApiError

CODES = {429: "TooManyRequests", 500: "InternalServerError", 503: "ServiceUnavailable"}


class Dropped(Exception):
    """The connection ends here."""


class Disorder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._used: Dict[str, int] = {}
        self._lock = threading.Lock()

    def strike(self, operation: str, instance: str = "") -> None:
        """Wait, fail or drop as the first rule that fits says. Raises ApiError, Dropped."""
        rule = self._rule(operation, instance)
        if rule is None:
            return
        time.sleep(float(rule.get("delay", 0)))
        if rule.get("drop"):
            raise Dropped
        if "status" in rule:
            status = int(rule["status"])
            raise ApiError(status, rule.get("code", CODES.get(status, "Error")), rule.get("message", "injected"))

    def _rule(self, operation: str, instance: str) -> Optional[Dict[str, Any]]:
        try:
            lines = self.path.read_text().splitlines()
        except FileNotFoundError:
            return None
        for line in filter(None, lines):
            rule: Dict[str, Any] = json.loads(line)
            fits = rule.get("operation", "*") in ("*", operation) and rule.get("instance", instance) == instance
            if fits and self._has_left(line, rule):
                return rule
        return None

    def _has_left(self, line: str, rule: Dict[str, Any]) -> bool:
        with self._lock:
            used = self._used.get(line, 0)
            if "count" in rule and used >= rule["count"]:
                return False
            self._used[line] = used + 1
            return True
