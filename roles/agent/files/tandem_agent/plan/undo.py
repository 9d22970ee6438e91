# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the journal keeps of a change, and the way back from there. It keeps no secrets, so it can restore none."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

from ..errors import AgentError, Fault, invalid
from ..model.codec import dump, load_object
from ..model.objects import Key, Object, State
from ..model.redact import hidden_names, masked, redacted, unmasked
from .diff import Change
from .draft import Wanted


@dataclass(frozen=True)
class Undoing:
    """One change backwards: what has to be there, and what shall be there instead."""

    there: Optional[Object]
    instead: Any  # as dumped, secrets masked
    lost: List[str]
    hidden: List[str]  # masked in `there`

    @property
    def key(self) -> Key:
        found = self.there if self.there is not None else load_object(self.instead)
        assert found is not None
        return found.key


def record(changes: List[Change]) -> List[Dict[str, Any]]:
    """Changes for the journal."""
    return [redacted(dump(change.before), dump(change.after)) for change in changes]


def recorded(entry: Dict[str, Any], name: str) -> List[Undoing]:
    """The changes of a transaction, reversed; one for each object."""
    with suppress(AssertionError, AttributeError, KeyError, TypeError, ValueError):
        found = [
            Undoing(load_object(one["after"]), one["before"], list(one["lost"]), hidden_names(one["after"]))
            for one in entry["changes"]
        ]
        if len({undoing.key for undoing in found}) == len(found):
            return found
    raise AgentError(
        "journal.unknown",
        f"the record of {name} is damaged or of another version of the agent; it cannot be undone by it",
    )


def undone(current: State, undoings: List[Undoing], name: str) -> Wanted:
    """`current` with the reversed changes; refused where somebody changed the same objects since."""
    objects = dict(current.objects)
    faults = []
    for undoing in undoings:
        found = current.objects.get(undoing.key)
        wrong = _against(undoing, found)
        if wrong:
            kind = getattr(undoing.there or load_object(undoing.instead), "kind", "object")
            faults.append(Fault(f"{kind} {undoing.key.id}", wrong))
        elif undoing.instead is None:
            objects.pop(undoing.key, None)
        else:
            made = load_object(unmasked(undoing.instead, dump(found)))
            assert made is not None
            objects[undoing.key] = made
    if faults:
        raise invalid("document.invalid", f"rolling back {name}", faults)
    return Wanted(current.having(objects), named={undoing.key for undoing in undoings})


def _against(undoing: Undoing, found: Optional[Object]) -> Optional[str]:
    """Why a change cannot be undone."""
    seen = None if found is None else load_object(masked(dump(found), undoing.hidden))
    if seen != undoing.there:
        return "was changed again since; change it by a document of its own"
    if undoing.lost:
        return (
            f"the journal keeps no secrets, so it cannot bring back {', '.join(undoing.lost)};"
            " declare the object with them in a document"
        )
    return None
