# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a declared value becomes over the one that is there: options, operations, constraints."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Optional, Tuple

from ..model.document import OPERATION_OPTIONS
from ..model.objects import Colocation, Constraint, Location, Map, Operation, Order
from ..model.values import boolean, role, same

# An operator's decisions at run time; they stay unless the document speaks of them.
RUN_TIME_META = ("target-role", "is-managed", "maintenance")


def exact(have: Map, declared: Optional[Map], also: Optional[Map] = None, keep: Tuple[str, ...] = ()) -> Map:
    """The options afterwards: what is declared and nothing else, or what there was where nothing is declared."""
    wanted: Map = dict(have)
    if declared is not None:
        wanted = {name: have[name] for name in keep if name in have and name not in declared}
        wanted.update(declared)
    wanted.update(also or {})
    return {
        name: have[name] if same(name, have.get(name), value) else value
        for name, value in wanted.items()
        if value is not None
    }


def meta_over(have: Map, declared: Optional[Map], switches: Map) -> Map:
    """Meta attributes afterwards. A switch to be unset stays where what it says means the same as unset."""
    flips = {
        name: value for name, value in switches.items() if value is not None or not _as_unset(name, have.get(name))
    }
    return exact(have, declared, flips, keep=RUN_TIME_META)


def _as_unset(name: str, value: Optional[str]) -> bool:
    if name == "target-role":
        return value is None or role(value) != "Stopped"
    return value is None or boolean(value) is (name == "is-managed")


def operations_over(have: Tuple[Operation, ...], declared: Optional[Tuple[Operation, ...]]) -> Tuple[Operation, ...]:
    """Per operation name: exactly what is declared; names that are not declared stay."""
    if declared is None:
        return have
    if not declared:
        return ()
    names = {operation.name for operation in declared}
    left = list(declared)
    result: List[Operation] = []
    for operation in have:
        if operation.name not in names:
            result.append(operation)
            continue
        match = next((other for other in left if other.key == operation.key), None)
        if match is not None:
            left.remove(match)
            result.append(operation if operation.means(match) else _operation_over(operation, match))
    return tuple(result + left)


def _operation_over(have: Operation, declared: Operation) -> Operation:
    """The declared options in place of the old ones; what a document cannot say stays."""
    foreign = tuple(name for name in have.options if name not in OPERATION_OPTIONS)
    return replace(have, options=exact(have.options, declared.options, keep=foreign))


def constraint_over(have: Constraint, declared: Constraint) -> Constraint:
    """The declared constraint with the id, and whatever was not said, of the one that is there."""
    if isinstance(have, Order) and isinstance(declared, Order):
        made: Constraint = replace(
            declared, id=have.id, mode=declared.mode or have.mode, symmetrical=declared.symmetrical or have.symmetrical
        )
    elif isinstance(declared, Location) and declared.rule is not None:
        made = replace(declared, id=have.id)
    else:
        assert isinstance(have, (Location, Colocation)) and isinstance(declared, (Location, Colocation))
        made = replace(declared, id=have.id, score=declared.score or have.score)
    return have if made.meaning == have.meaning and _values(made) == _values(have) else made


def _values(constraint: Constraint) -> Tuple[object, ...]:
    """What may change about a constraint that stays itself. A mandatory order may also go unsaid."""
    if isinstance(constraint, Order):
        return constraint.mode or "Mandatory", constraint.symmetrical or "true"
    rule = constraint.rule if isinstance(constraint, Location) else None
    return constraint.score, (rule.score, rule.score_attribute) if rule else None
