# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an experienced eye sees in a cluster's configuration and status. Pure: one small rule a finding.

A finding says what is wrong, what that means on the bad day, and what to do about it.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List

from . import changes, fencing, members, resources
from .changes import tally
from .patient import ERROR, INFO, WARNING, Finding, Patient, device_of

__all__ = ["ERROR", "INFO", "WARNING", "Finding", "Patient", "as_json", "device_of", "examine", "tally", "worst_first"]


def examine(patient: Patient) -> List[Finding]:
    """All findings, the worst first."""
    rules = (*members.RULES, *fencing.RULES, *resources.RULES, *changes.RULES)
    return worst_first(finding for rule in rules for finding in rule(patient))


def worst_first(findings: Iterable[Finding]) -> List[Finding]:
    return sorted(findings, key=lambda finding: (ERROR, WARNING, INFO).index(finding.severity))


def as_json(findings: Iterable[Finding]) -> List[Dict[str, Any]]:
    """For the answer to a client."""
    return [finding._asdict() for finding in findings]
