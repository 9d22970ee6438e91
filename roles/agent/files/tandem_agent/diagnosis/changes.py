# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about the changes of this node's journal: did they do what was foreseen. Pure."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Sequence

from .patient import WARNING, Finding, Patient


def tally(changes: Sequence[Mapping[str, Any]]) -> Dict[str, int]:
    """How often what happened was what had been foreseen; `unknown`: nobody waited to see, or it could not be told."""
    verdicts = [change.get("preview", {}).get("matched") for change in changes]
    return {
        "matched": verdicts.count(True),
        "mismatched": verdicts.count(False),
        "unknown": verdicts.count(None),
    }


def _previews(patient: Patient) -> Iterator[Finding]:
    wrong = [change for change in patient.changes if change.get("preview", {}).get("matched") is False]
    if wrong:
        count = tally(patient.changes)
        yield Finding(
            "preview.mismatched",
            WARNING,
            f"{count['mismatched']} of {count['matched'] + count['mismatched']} changes did something else than foreseen; the"
            f" newest is {wrong[0]['id']}: {'; '.join(wrong[0]['preview']['mismatch'])}",
            "see whether something else happened at that time (journalctl -u pacemaker); `tandem history` lists the changes",
        )


RULES = (_previews,)
