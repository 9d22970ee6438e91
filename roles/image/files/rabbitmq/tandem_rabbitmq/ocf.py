# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Pacemaker and the agent say to each other: parameters, exit codes, reasons."""

from __future__ import annotations

import re
import sys
from typing import Mapping

SUCCESS, ERROR, ARGUMENTS, UNIMPLEMENTED, PERMISSION, INSTALLED, CONFIGURED, NOT_RUNNING = range(8)
DEFAULT_TIMEOUT = 20.0
# What is left for the answer; Pacemaker kills whoever is late.
RESERVE = 3.0

_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|sec|m|min|h|hr)?\Z")
_UNITS = {"ms": 0.001, None: 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "hr": 3600.0}


class Misconfigured(Exception):
    """The message names the parameter, its value and what is allowed."""


def parameter(environment: Mapping[str, str], name: str, default: str = "") -> str:
    return environment.get("OCF_RESKEY_" + name, "").strip() or default


def meta(environment: Mapping[str, str], name: str) -> str:
    return environment.get("OCF_RESKEY_CRM_meta_" + name, "")


def seconds(name: str, text: str) -> float:
    """A time as Pacemaker has it: 90, 90s, 2min."""
    found = _NUMBER.match(text.strip().lower())
    if not found:
        raise Misconfigured("%s: %r is no time: write it as 60, 60s or 1min" % (name, text))
    return float(found.group(1)) * _UNITS[found.group(2)]


def time_limit(environment: Mapping[str, str]) -> float:
    """Seconds this action may use: what Pacemaker gives it, less what the answer takes."""
    given = meta(environment, "timeout")
    limit = float(given) / 1000 if given.isdigit() else DEFAULT_TIMEOUT
    return max(limit - RESERVE, limit / 2)


def reason(text: str) -> None:
    """What `crm_mon` shows behind the failed action."""
    print("ocf-exit-reason:%s" % " ".join(text.split()), file=sys.stderr, flush=True)
