# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Constraints of a document, and what the grammar alone cannot say about them."""

from __future__ import annotations

from typing import Callable, Dict, Optional, Tuple

from .declaration import Declaration
from .entries import read_part
from .fields import Fields
from .objects import CONSTRAINTS, Record
from .parts import Part, part
from .reading import fit, identifier, is_absent
from .values import id_fault, same


def constraint(item: Fields) -> Optional[Declaration]:
    kind = item.choice("kind", tuple(CONSTRAINTS), "")
    if not kind:
        item.fault("kind", f"is required; choose one of {', '.join(CONSTRAINTS)}")
        return None
    absent = is_absent(item)
    stated = identifier(item, "id", required=False)
    if absent and stated and item.keys() <= {"id", "kind", "state"}:
        return Declaration(Record(kind, part(CONSTRAINTS[kind], {}, (), stated)), item.path, True)
    found = read_part(item, CONSTRAINTS[kind])
    made = Record(kind, found, said=item.keys())
    _CHECKS[kind](item, made)
    named = Part(found.tag, found.attributes, found.parts, stated or fit(_constraint_id(made)))
    return Declaration(Record(kind, named, said=made.said), item.path, absent, bool(stated))


def check_rules(item: Fields, path: str, rules: Tuple[Part, ...], scored: bool) -> None:
    """What the grammar alone cannot say about rules."""
    for rule in rules:
        if rule.get("id-ref") is None and not rule.parts:
            item.doubt(path, "needs at least one expression")
        if scored and rule.get("id-ref") is None and not _is_scored(rule):
            item.doubt(f"{path}.score", "a rule needs either score or score_attribute")
        for test in rule.all("expression"):
            unary = test.get("operation") in ("defined", "not_defined")
            if unary and test.get("value") is not None:
                item.doubt(path, f"value makes no sense with {test.get('operation')}")
            if not unary and test.get("operation") and test.get("value") is None:
                item.doubt(path, f"value is required with {test.get('operation')}")
        check_rules(item, path, rule.all("rule"), False)


def _is_scored(rule: Part) -> bool:
    """Whether it has one score, or a rule inside does: so Pacemaker 3 rewrites what had a lifetime."""
    given = [name for name in ("score", "score-attribute") if rule.get(name) is not None]
    return len(given) == 1 or (not given and any(map(_is_scored, rule.all("rule"))))


def _exactly_one(item: Fields, made: Record, *names: str) -> None:
    """One of some attributes, or resource sets in their place."""
    sets = made.part.all("resource_set")
    given = [name for name in names if made.part.get(name) is not None]
    keys = {"rsc": "resource", "rsc-pattern": "resource_pattern", "with-rsc": "with"}
    spelt = [keys.get(name, name) for name in names]
    if not given and not sets:
        item.doubt(spelt[0], "is required" + (f" (or {' or '.join(spelt[1:])})" if len(spelt) > 1 else ""))
    elif len(given) > 1:
        item.doubt(spelt[1], f"and {spelt[0]} exclude each other")
    elif given and sets:
        item.doubt("sets", f"and {spelt[0]} exclude each other")


def _check_location(item: Fields, made: Record) -> None:
    _exactly_one(item, made, "rsc", "rsc-pattern")
    rules = made.part.all("rule")
    if rules:
        for other in ("node", "score"):
            if made.part.get(other) is not None:
                item.doubt(other, "makes no sense with a rule; put the score into the rule")
        check_rules(item, "rule", rules, True)
    elif made.part.get("node") is None:
        item.doubt("node", "is required")
    else:
        node = made.part.get("node") or ""
        if id_fault("n" + node) or node.startswith("-"):
            item.doubt("node", f"{node!r} is no node name: use letters, digits, _ . and -")


def _check_colocation(item: Fields, made: Record) -> None:
    _exactly_one(item, made, "rsc")
    if not made.part.all("resource_set"):
        _exactly_one(item, made, "with-rsc")
        dependent = made.part.get("rsc")
        if dependent and dependent == made.part.get("with-rsc"):
            item.doubt("with", f"{dependent} cannot be colocated with itself")


def _check_order(item: Fields, made: Record) -> None:
    _exactly_one(item, made, "first")
    if not made.part.all("resource_set"):
        _exactly_one(item, made, "then")
        first, before = made.part.get("first"), made.part.get("first-action") or "start"
        after = made.part.get("then-action") or before
        if first and first == made.part.get("then") and same("action", before, after):
            item.doubt("then", f"{first} cannot wait for itself")


def _check_ticket(item: Fields, made: Record) -> None:
    _exactly_one(item, made, "rsc")


_CHECKS: Dict[str, Callable[[Fields, Record], None]] = {
    "location": _check_location,
    "colocation": _check_colocation,
    "order": _check_order,
    "ticket": _check_ticket,
}


def _constraint_id(made: Record) -> str:
    """The id pcs would give."""
    get = made.part.get
    score = f"-{get('score')}" if get("score") else ""
    if made.part.all("resource_set"):
        return "-".join((made.kind, "set", *made.resources))
    if made.kind == "location":
        node = f"-{get('node')}" if get("node") else ""
        return f"location-{get('rsc') or get('rsc-pattern')}{node}{score if node else ''}"
    if made.kind == "colocation":
        return f"colocation-{get('rsc')}-{get('with-rsc')}{score}"
    if made.kind == "order":
        return f"order-{get('first')}-{get('then')}-{(get('kind') or 'mandatory').lower()}"
    return f"ticket-{get('ticket')}-{get('rsc')}-{get('rsc-role') or 'Started'}"
