# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a member does next. Pure: everything it knows comes in, one step comes out.

Data are never given up here. A member with data starts on them; one without joins a member that runs; a cluster is
made only when nobody can have one, and by one member that all would name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import FrozenSet, Iterable, Mapping, Optional, Sequence, Tuple

START, JOIN, MAKE, WAIT, REFUSE = "start", "join", "make", "wait", "refuse"
FRESH, MEMBER = "fresh", "member"  # what a member under Pacemaker lets the others know of its data
MADE, MAKING = "made", "making:"  # what the cluster's configuration keeps: that there is a cluster, or who makes it


@dataclass(frozen=True)
class View:
    """What Pacemaker says. Empty: nobody answers, and nothing may be concluded."""

    quorate: bool = False
    here: Mapping[str, str] = field(default_factory=dict)  # members that take part, and what each says of its data
    unsure: FrozenSet[str] = frozenset()  # members of whom it is not certain whether they are off
    record: str = ""


@dataclass(frozen=True)
class Facts:
    """What a member knows when it decides."""

    me: str
    members: Tuple[str, ...]
    voters: Tuple[str, ...]
    data: bool  # whether a database of a cluster is here
    unfinished: bool = False  # whether it was never in use, since what made it did not come to its end
    known: FrozenSet[str] = frozenset()  # who is in that cluster, by what is here
    running: Tuple[str, ...] = ()  # others that serve clients, in order
    view: Optional[View] = None  # None: there is no Pacemaker to ask, as on the witness


@dataclass(frozen=True)
class Step:
    """What it does, why, and with whom."""

    kind: str
    why: str
    peer: str = ""


def decide(facts: Facts) -> Step:
    """The next step."""
    # The others may count on a member that has begun to join, and wait for it as it waits for them.
    if facts.data and not (facts.unfinished and facts.running):
        return _with_data(facts)
    if facts.running:
        peer = facts.running[0]
        return Step(JOIN, "no data here: joining %s, which runs" % peer, peer)
    if facts.view is None:
        return Step(WAIT, "no data here: waiting for %s to run" % _either(facts.members))
    return _without_data(facts, facts.view)


def _with_data(facts: Facts) -> Step:
    strangers = [name for name in facts.running if name not in facts.known]
    if facts.known and strangers and not any(name in facts.known for name in facts.running):
        return Step(
            REFUSE,
            "the data here are those of a cluster of %s, and %s runs in another one: move them away to join it, "
            "or stop it there" % (_all(sorted(facts.known)), _all(strangers)),
        )
    return Step(START, "starting on the data of the cluster of %s" % _all(sorted(facts.known)))


def _without_data(facts: Facts, view: View) -> Step:
    if not view.quorate:
        return Step(WAIT, "no data here, and the cluster has no quorum or does not answer")
    if view.record.startswith(MAKING):
        maker = view.record[len(MAKING) :]
        if maker == facts.me:
            return Step(MAKE, "going on to make the cluster")
        return Step(WAIT, "no data here: waiting for %s, which makes the cluster" % maker)
    if view.record:
        return _lost(facts, view)
    return _first(facts, view)


def _lost(facts: Facts, view: View) -> Step:
    """There is a cluster, and it is not here."""
    said = {name: view.here.get(name) for name in facts.members if name != facts.me}
    if not facts.voters and all(state == FRESH for state in said.values()):
        return _elected(facts, "every member is here and none has data")
    return Step(
        WAIT,
        "no data here, and the cluster exists: waiting for %s to run"
        % _either([name for name in facts.members + facts.voters if name != facts.me]),
    )


def _first(facts: Facts, view: View) -> Step:
    """Nobody ever said that there is a cluster."""
    if view.unsure:
        return Step(WAIT, "no data here: waiting until it is known whether %s is off" % _all(sorted(view.unsure)))
    others = {name: state for name, state in view.here.items() if name != facts.me}
    holders = [name for name, state in others.items() if state == MEMBER]
    if holders:
        return Step(WAIT, "no data here: waiting for %s, which has data, to run" % _either(sorted(holders)))
    silent = [name for name, state in others.items() if state != FRESH]
    if silent:
        return Step(WAIT, "no data here: waiting for %s to say whether it has data" % _all(sorted(silent)))
    return _elected(facts, "there is no cluster yet", view.here)


def _elected(facts: Facts, why: str, among: Optional[Mapping[str, str]] = None) -> Step:
    first = next(name for name in facts.members if name == facts.me or among is None or name in among)
    if first == facts.me:
        return Step(MAKE, "%s: making it" % why)
    return Step(WAIT, "%s: waiting for %s to make it" % (why, first))


@dataclass(frozen=True)
class Stall:
    """A member with data that does not serve, and waits for others that may know more."""

    me: str
    members: Tuple[str, ...]
    known: FrozenSet[str]
    alive: FrozenSet[str]  # others whose server is up, serving or not
    running: FrozenSet[str]  # others that serve clients
    view: Optional[View]

    @property
    def together(self) -> FrozenSet[str]:
        return (self.alive | {self.me}) & self.known

    @property
    def missing(self) -> FrozenSet[str]:
        return self.known - self.together

    def rest_is_off(self) -> bool:
        """Whether a majority is here, and Pacemaker, as far as it knows the rest, that it is off and stays so."""
        if self.view is None or not self.view.quorate or len(self.together) * 2 <= len(self.known):
            return False
        return bool(self.missing) and not self.missing & (set(self.view.here) | self.view.unsure)


def may_force(stall: Stall) -> bool:
    """Whether to start without the members that are missing, when all that are here wait for them.

    Only a majority may: with it, and as long as a minority pauses, no missing member can have confirmed a message
    that nobody here has. And only one of them does.
    """
    first = next((name for name in stall.members if name in stall.together), "")
    return not stall.running and first == stall.me and stall.rest_is_off()


def may_resume(stall: Stall) -> bool:
    """Whether a member that RabbitMQ has paused goes on without the members that are missing.

    Where two members lose each other and a third still sees both, `pause_minority` pauses the two until all three see
    each other again (rabbit_node_monitor: "pause until the *entire* cluster recovers"). Once one of them is fenced there
    is no partition any more, and what it had confirmed, the one that went on has, too: only to such a one is gone back.
    Of a voter nobody knows whether it is off.
    """
    return bool(stall.running & stall.known) and stall.missing <= set(stall.members) and stall.rest_is_off()


def off(members: Sequence[str], view: View) -> Tuple[str, ...]:
    """The members of which Pacemaker knows that they are off."""
    if not view.quorate:
        return ()
    return tuple(name for name in members if name not in view.here and name not in view.unsure)


def _either(names: Sequence[str]) -> str:
    return " or ".join(names)


def _all(names: Iterable[str]) -> str:
    return ", ".join(names) or "nobody"
