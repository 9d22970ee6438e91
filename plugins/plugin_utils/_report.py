# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: may change in any release.
"""What drift.yml prints at its end: what differs from the inventory. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.tandem.ha.plugins.module_utils import _health as health


def drift(
    changes: Iterable[Mapping[str, Any]], info: Mapping[str, Any], declared: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """What a run would change, what somebody decided at run time, and what nobody declared.

    `changes` are those that the callback plugin ha_changes saw, `info` is what ha_info returned (`status`, `document`),
    `declared` the objects that the site's own documents name.
    """
    status, document = info.get("status"), info.get("document")
    known = {str(item["id"]) for item in declared if item.get("id")}
    found = {
        "changes": [_change(change) for change in changes],
        "decisions": health.decisions(status) if status else [],
        "problems": health.problems(status) if status else [],
        "foreign": _foreign(document, known) if document else [],
    }
    return {**found, "lines": _drift_lines(found)}


def _change(change: Mapping[str, Any]) -> str:
    told = f"{change['host']}: {change['task']}"
    return f"{told}: {'; '.join(change['details'])}" if change.get("details") else told


def _foreign(document: Mapping[str, Any], known: set[str]) -> list[str]:
    """Objects that somebody made by hand; what is in a declared group or clone is declared with it."""
    told = []
    for section, what in (("resources", "resource"), ("stonith", "fence device"), ("constraints", "constraint")):
        for item in document.get(section) or []:
            name = str(item.get("id", ""))
            if name and name not in known and not name.startswith(("cli-ban-", "cli-prefer-")):
                told.append(f"{what} {name}")
    return told


def _drift_lines(found: Mapping[str, list[str]]) -> list[str]:
    heads = {
        "changes": "a run of the site would change",
        "decisions": "decided by an operator; a run leaves it",
        "foreign": "made by hand; a run leaves it",
        "problems": "not as it should be",
    }
    lines = []
    for name, head in heads.items():
        if found[name]:
            lines.append(f"{head}:")
            lines += [f"  - {item}" for item in found[name]]
    return lines or ["nothing differs from the inventory"]
