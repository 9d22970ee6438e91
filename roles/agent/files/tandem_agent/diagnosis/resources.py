# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about resources: what failed, is blocked, banned or not watched, and what Pacemaker itself objects to. Pure."""

from __future__ import annotations

import calendar
import re
from typing import Iterable, Iterator, Optional, Tuple

from ..model.values import boolean, duration_ms, role
from .patient import ERROR, INFO, WARNING, Finding, Patient


def _resources(patient: Patient) -> Iterator[Finding]:
    for resource in patient.status["resources"]:
        name = resource["id"]
        if resource["blocked"]:
            yield Finding(
                "resource.blocked", ERROR, f"{name} is blocked: it failed to stop and nothing may touch it",
                f"see its failed actions; clean up when it is surely stopped: tandem cleanup {name}",
            )  # fmt: skip
        if resource["orphaned"]:
            yield Finding(
                "resource.orphaned", WARNING, f"{name} runs or has a history but is not configured any more",
                f"tandem cleanup {name}",
            )  # fmt: skip
        elif resource["target_role"] == "Stopped":
            yield Finding(
                "resource.disabled", INFO, f"{name} is disabled (target-role=Stopped)",
                f"enable it when that is over: crm_resource --resource {name} --meta --delete-parameter target-role",
            )  # fmt: skip
        elif not resource["managed"] and not patient.status["cluster"]["maintenance"]:
            yield Finding(
                "resource.unmanaged", WARNING, f"{name} is not managed: the cluster neither starts nor stops it",
                f"hand it back when the work is done: crm_resource --resource {name} --meta --delete-parameter is-managed",
            )  # fmt: skip


def _failed(patient: Patient) -> Iterator[Finding]:
    for failure in patient.status["failures"]:
        yield Finding(
            "action.failed",
            WARNING,
            failure["text"] + (f" (at {failure['at']})" if failure.get("at") else ""),
            f"repair the cause, then: tandem cleanup {failure['resource']}",
        )


def _bans(patient: Patient) -> Iterator[Finding]:
    for ban in patient.status["bans"]:
        word = "banned from" if ban["id"].startswith("cli-ban-") else "pinned to"
        ends = _moment(ban["until"] or "")
        if ends is not None and ends <= patient.now:
            yield Finding(
                "ban.expired",
                WARNING,
                f"{ban['id']} ran out at {ban['until']}: {ban['resource']} is not {word} {ban['node']} any more, but the"
                " constraint is still there",
                f"remove it: crm_resource --clear --expired --resource {ban['resource']}",
            )
        else:
            until = f" until {ban['until']}" if ban["until"] else ""
            yield Finding(
                "ban.left",
                WARNING,
                f"{ban['resource']} is {word} {ban['node']}{until} by {ban['id']}, left by a move or ban by hand",
                f"remove it when it is not needed any more: crm_resource --clear --resource {ban['resource']}",
            )


_MOMENT = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)? ?(?:Z|([+-])(\d\d):?(\d\d))?\Z")


def _moment(text: str) -> Optional[float]:
    """A moment as Pacemaker writes it, in seconds since 1970; None when it is none."""
    found = _MOMENT.match(text)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    sign, hours, minutes = found.groups()[6:]
    offset = (int(hours or 0) * 60 + int(minutes or 0)) * 60 * (-1 if sign == "-" else 1)
    return calendar.timegm((year, month, day, hour, minute, second)) - offset


def _monitors(patient: Patient) -> Iterator[Finding]:
    for primitive in patient.primitives:
        if primitive.kind != "primitive":
            continue
        roles = list(_watched(patient, primitive.id))
        if not any(one != "Stopped" for one in roles):
            yield Finding(
                "monitor.missing",
                WARNING,
                f"{primitive.id} has no recurring monitor: when it dies, nobody notices",
                f"give it one: ops: [{{name: monitor, interval: 10s}}] on {primitive.id}",
            )
        elif "Promoted" not in roles and any(
            patient.structure.promotes(one) for one in patient.structure.chain(primitive.id)
        ):
            yield Finding(
                "monitor.promoted_missing",
                WARNING,
                f"{primitive.id} has no recurring monitor for the role Promoted: where it is promoted, nobody watches it",
                f"give it one with an interval of its own: {{name: monitor, interval: 9s, role: Promoted}} on {primitive.id}",
            )


def _watched(patient: Patient, id: str) -> Iterator[str]:
    """The roles in which a resource is watched; "" is what an operation without a role means."""
    for operation in patient.structure.operations(id):
        on = boolean(operation.get("enabled", "true")) is not False
        if operation.get("name") == "monitor" and duration_ms(operation.get("interval", "0")) and on:
            yield role(operation.get("role", "")) if operation.get("role") else ""


def _defaults(patient: Patient) -> Iterator[Finding]:
    if patient.setting("resource_default", "resource-stickiness") is None and patient.primitives:
        yield Finding(
            "stickiness.none",
            WARNING,
            "there is no default stickiness: resources may move back when a node returns, a second interruption for nothing",
            "set the resource default resource-stickiness, for example to 100",
        )


def _verdict(patient: Patient) -> Iterator[Finding]:
    lines: Iterable[Tuple[str, str]] = [(ERROR, line) for line in patient.verdict.errors]
    for severity, line in [*lines, *((WARNING, line) for line in patient.verdict.warnings)]:
        yield Finding(
            "configuration", severity, f"crm_verify: {line}", "correct it; `crm_verify -LV` repeats the check"
        )


RULES = (_resources, _failed, _bans, _monitors, _defaults, _verdict)
