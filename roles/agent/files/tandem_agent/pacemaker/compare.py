# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened, held against what was foreseen. Pure.

What happened is read from the nodes' own records before and after. The preview covers one transition of the scheduler:
that something comes up which did not run before, because of what was foreseen to come up, is its consequence and no
contradiction. An interruption that was not foreseen always is one.
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator, List, Mapping, Sequence, Set, Tuple
from xml.etree.ElementTree import Element

from .history import Places, done_since, places, plain, records
from .simulate import Action

_UP = ("start", "restart", "move", "migrate", "reload")
Json = Mapping[str, Any]
At = Tuple[str, str]  # resource, node


def mismatches(
    actions: Sequence[Action], before: Element, after: Element, failures: Iterable[Json], fenced: Iterable[Json]
) -> List[str]:
    """Each contradiction as a sentence; empty when all came as foreseen.

    `failures`: failed actions that were not there before; `fenced`: fencing that succeeded since.
    """
    found = _Comparison(actions, before, after, list(failures))
    targets = {str(event["target"]) for event in fenced}
    return [*found.of_fencing(targets), *found.not_done(), *found.not_foreseen()]


class _Comparison:
    def __init__(self, actions: Sequence[Action], before: Element, after: Element, failures: List[Json]) -> None:
        self.actions = actions
        self.before, self.after = places(before), places(after)
        self.done = done_since(before, after)
        known = {(record.node, record.identity) for record in records(before)}
        self.kept = known.intersection((record.node, record.identity) for record in records(after))
        self.renewed = {(resource, node) for resource, node, operation in self.done if operation != "stop"}
        self.failures = failures
        self.up: Set[At] = {(one.resource or "", one.node) for one in actions if one.action in _UP}
        self.promoted: Set[At] = {(one.resource or "", one.node) for one in actions if one.action == "promote"}

    # -- what was foreseen and did not happen

    def of_fencing(self, targets: Set[str]) -> Iterator[str]:
        """A fenced node's records are gone, whether or not somebody remembers that it was fenced."""
        foreseen = {one.node for one in self.actions if one.action == "fence"}
        remembering = {node for node, _identity in self.kept}
        yield from (f"{node} was to be fenced, but was not" for node in sorted((foreseen - targets) & remembering))
        yield from (f"{node} was fenced, which was not foreseen" for node in sorted(targets - foreseen))

    def not_done(self) -> Iterator[str]:
        for action in self.actions:
            if action.resource is not None:
                yield from self._not_done(action, (action.resource, action.node))

    def _not_done(self, action: Action, at: At) -> Iterator[str]:
        role = _role(self.after, at)
        told = f"foreseen: {action}; but {action.resource}"
        if action.action in _UP:
            if role is None:
                yield f"{told} {self._where(action.resource or '')}{self._because(at)}"
            elif action.action in ("restart", "reload") and at not in self.renewed:
                yield f"{told} was left alone"
            elif action.source and (action.resource, action.source) not in self.up and self._stays(action):
                yield f"{told} runs on {action.source} as well"
        elif action.action == "promote" and role != "Promoted":
            yield f"{told} was not promoted there{self._because(at)}"
        elif action.action == "stop" and role is not None and at not in self.up:
            yield f"{told} still runs there{self._because(at)}"
        elif action.action == "demote" and role == "Promoted" and at not in self.promoted:
            yield f"{told} is still promoted there{self._because(at)}"

    def _stays(self, action: Action) -> bool:
        return _role(self.after, (action.resource or "", action.source or "")) is not None

    def _where(self, resource: str) -> str:
        nodes = sorted(node for node, found in self.after.items() if resource in found)
        return f"runs on {' and '.join(nodes)}" if nodes else "runs nowhere"

    def _because(self, at: At) -> str:
        found = [one["text"] for one in self.failures if (plain(one["resource"]), one["node"]) == at]
        return f" ({found[-1]})" if found else ""

    # -- what happened and was not foreseen

    def not_foreseen(self) -> Iterator[str]:
        touched = self.up | self.promoted | {(one.resource or "", one.node) for one in self.actions}
        touched |= {(one.resource or "", one.source) for one in self.actions if one.source}
        fenced = {one.node for one in self.actions if one.action == "fence"}
        for at in sorted((_all(self.before) | _all(self.after)) - touched):
            if at[1] not in fenced:
                yield from (
                    f"{at[0]} {what} on {at[1]}, which was not foreseen{self._because(at)}" for what in self._at(at)
                )

    def _at(self, at: At) -> Iterator[str]:
        """What became of a resource on a node where nothing was foreseen for it."""
        was, now = _role(self.before, at), _role(self.after, at)
        if was is not None and now is None:
            yield "was stopped"
        elif was is not None and at in self.renewed and was == now:
            yield "was restarted"
        elif was == "Promoted" and now != was:
            yield "was demoted"
        elif now is not None and now != was and not self._follows(at[0], now):
            yield "was started" if was is None else "was promoted"

    def _follows(self, resource: str, role: str) -> bool:
        """Whether it comes up because of what was foreseen: it was down, and something was foreseen to come up."""
        down = not any(found.get(resource) in (role, "Promoted") for found in self.before.values())
        return down and bool(self.up or self.promoted)


def _role(where: Places, at: At) -> Any:
    return where.get(at[1], {}).get(at[0])


def _all(where: Places) -> Set[At]:
    return {(resource, node) for node, found in where.items() for resource in found}
