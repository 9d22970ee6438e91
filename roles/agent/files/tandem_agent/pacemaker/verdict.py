# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What crm_verify has to say about a CIB, sorted into errors and warnings. Pure.

Pacemaker before 3.0 has no structured form of it. The lines are passed on to a person; only their level is read.
"""

from __future__ import annotations

import re
from typing import List, NamedTuple, Tuple

_LEVEL = re.compile(r"(?:\([\w-]+\)\s+)?(error|warning|notice|info|debug|trace):\s+(.*)", re.IGNORECASE)
_SCHEMA = re.compile(r"\S*:\d+: element (\S+): (?:Relax-NG )?validity error : (.*)")
_SUMMARY = re.compile(
    r"(crm_verify: )?(Errors found during check|Warnings found during check|Configuration invalid"
    r"|.*-V may provide more detail|\s*Use -V -V)"
)
_ECHO = "CIB did not pass schema validation"  # says nothing that the lines before it have not said


class Verdict(NamedTuple):
    """Errors keep the cluster from working as configured; warnings do not."""

    errors: List[str]
    warnings: List[str]


def read_verdict(rc: int, text: str) -> Verdict:
    """Sort crm_verify's lines. `rc` is 0 when it has no complaint: then what it printed does not matter."""
    if rc == 0:
        return Verdict([], [])
    errors: List[str] = []
    warnings: List[str] = []
    for line in text.splitlines():
        level, message = _sort(line.strip())
        if level == "error" and message not in errors:
            errors.append(message)
        elif level == "warning" and message not in warnings:
            warnings.append(message)
    if not errors and not warnings:
        errors.append(_ECHO if _ECHO in text else "crm_verify refuses the configuration without saying why")
    return Verdict(errors, warnings)


def _sort(line: str) -> Tuple[str, str]:
    """The level of one line, "" when it is to be left out, and its text without decoration."""
    if not line or _SUMMARY.match(line) or line.endswith(_ECHO):
        return "", ""
    schema = _SCHEMA.match(line)
    if schema:
        return "error", f"{schema.group(1)}: {schema.group(2)}"
    levelled = _LEVEL.match(line)
    if levelled:
        return levelled.group(1).lower(), levelled.group(2)
    return "error", line  # a bare schema message
