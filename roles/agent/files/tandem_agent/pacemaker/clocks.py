# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the nodes' clocks agree, as far as the stamps in a CIB's status tell. Pure.

Each node stamps what it does with its own clock. The scheduler numbers its transitions, and one begins only when the
one before has ended: a later one with an earlier stamp, on another node, proves that the two clocks differ.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Tuple
from xml.etree.ElementTree import Element

from .history import PENDING, Record, records

TOLERATED = 3  # seconds; stamps are whole seconds, and what was begun in one transition may be stamped a little late


class Skew(NamedTuple):
    """The clock of `ahead` is at least so many seconds ahead of that of `behind`."""

    ahead: str
    behind: str
    seconds: int


def skews(root: Element, here: str, now: float) -> List[Skew]:
    """Clocks that differ for certain; `now` by the clock of `here`. Only each node's newest stamps are looked at."""
    return [*_by_order(root), *_by_now(root, here, now)]


def _by_order(root: Element) -> List[Skew]:
    newest: Dict[str, Tuple[int, Record]] = {}
    scheduler = ""
    for record in sorted(records(root), key=lambda one: one.at):
        number, uuid = _transition(record)
        if record.interval or record.status == PENDING or number < 0 or not record.at:
            continue  # a recurring operation is stamped when its result changed, not when it was begun
        if uuid != scheduler:
            newest, scheduler = {}, uuid  # another scheduler counts anew
        if record.node not in newest or number >= newest[record.node][0]:
            newest[record.node] = number, record
    found = []
    for behind, (later, last) in newest.items():
        for ahead, (earlier, first) in newest.items():
            if earlier < later and first.at - last.at >= TOLERATED and ahead != behind:
                found.append(Skew(ahead, behind, first.at - last.at))
    return found


def _by_now(root: Element, here: str, now: float) -> List[Skew]:
    """What is stamped later than now was stamped by a clock that is ahead of ours."""
    latest: Dict[str, int] = {}
    for record in records(root):
        latest[record.node] = max(record.at, latest.get(record.node, 0))
    return [Skew(node, here, int(at - now)) for node, at in latest.items() if node != here and at - now >= TOLERATED]


def _transition(record: Record) -> Tuple[int, str]:
    """The number of the transition that the operation was part of, and whose number that is."""
    parts = record.key.split(":")
    return (int(parts[1]), parts[3]) if len(parts) == 4 and parts[1].isdigit() else (-1, "")
