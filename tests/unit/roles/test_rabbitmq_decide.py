# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a member of RabbitMQ does next: nobody gives up data, and no two make a cluster."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from ansible_collections.tandem.ha.tests.unit.roles.rabbitmq_program import PROGRAM

from tandem_rabbitmq import decide as module
from tandem_rabbitmq.decide import (
    FRESH,
    JOIN,
    MADE,
    MAKE,
    MAKING,
    MEMBER,
    REFUSE,
    START,
    WAIT,
    Facts,
    Stall,
    View,
    decide,
    may_force,
    may_resume,
)

PAIR = ("a", "b")
ALL = frozenset({"a", "b", "w"})


def test_it_is_the_program_of_the_image():
    assert Path(module.__file__).is_relative_to(PROGRAM)


def facts(me="a", voters=("w",), **others):
    return Facts(**{"me": me, "members": PAIR, "voters": voters, "data": False, **others})


def view(record="", unsure=(), quorate=True, **here):
    return View(quorate=quorate, here=here, unsure=frozenset(unsure), record=record)


def test_data_are_started_on_whoever_runs_and_whatever_pacemaker_says():
    for running, seen in itertools.product([(), ("b",), ("w", "b")], [None, View(), view(MADE)]):
        assert decide(facts(data=True, known=ALL, running=running, view=seen)).kind == START


def test_data_of_another_cluster_are_neither_used_nor_given_up():
    step = decide(facts(data=True, known=frozenset("a"), running=("b",)))
    assert step.kind == REFUSE
    assert "move them away" in step.why


def test_a_note_of_the_members_that_is_missing_is_no_reason_to_refuse():
    assert decide(facts(data=True, known=frozenset(), running=("b",))).kind == START


def test_without_data_a_member_that_runs_is_joined():
    step = decide(facts(running=("w", "b"), view=view(MADE, a=FRESH, b=MEMBER)))
    assert (step.kind, step.peer) == (JOIN, "w")


def test_a_join_that_did_not_end_begins_anew_where_one_runs_and_else_goes_on():
    begun = {"data": True, "unfinished": True, "known": frozenset(PAIR)}
    assert decide(facts(running=("b",), **begun)).kind == JOIN
    assert decide(facts(**begun)).kind == START


def test_the_witness_makes_no_cluster():
    assert decide(facts(me="w")).kind == WAIT


@pytest.mark.parametrize(
    "seen",
    [
        View(),
        view(quorate=False, a=FRESH, b=FRESH),
        view(a=FRESH, unsure=["b"]),
        view(a=FRESH, b=MEMBER),
        view(a=FRESH, b=""),
        view(MAKING + "b", a=FRESH, b=FRESH),
        view(MADE, a=FRESH, b=FRESH),  # the witness may have it
        view(MADE, a=FRESH),
    ],
    ids=["silence", "no quorum", "unsure", "has data", "has not said", "other makes", "exists", "exists elsewhere"],
)
def test_waiting(seen):
    assert decide(facts(view=seen)).kind == WAIT


def test_without_voters_and_when_all_have_lost_their_data_a_new_one_is_made():
    lost = view(MADE, a=FRESH, b=FRESH)
    assert [decide(facts(me=me, voters=(), view=lost)).kind for me in PAIR] == [MAKE, WAIT]
    for here in ({"a": FRESH}, {"a": FRESH, "b": ""}, {"a": FRESH, "b": MEMBER}):
        assert decide(facts(voters=(), view=view(MADE, **here))).kind == WAIT


def test_the_one_that_began_to_make_the_cluster_goes_on():
    begun = view(MAKING + "b", a=FRESH, b=FRESH)
    assert [decide(facts(me=me, view=begun)).kind for me in PAIR] == [WAIT, MAKE]


def test_the_second_makes_the_cluster_when_the_first_is_off():
    assert decide(facts(me="b", view=view(b=FRESH))).kind == MAKE


def test_no_two_make_a_cluster_in_one_and_the_same_view():
    states = (None, "", FRESH, MEMBER)
    for record, first, second in itertools.product(["", MADE, MAKING + "a", MAKING + "b"], states, states):
        here = {name: state for name, state in (("a", first), ("b", second)) if state is not None}
        seen = view(record, **here)
        made = [
            me
            for me, state in (("a", first), ("b", second))
            if state == FRESH and decide(facts(me=me, view=seen)).kind == MAKE
        ]
        assert len(made) < 2
        assert not made or MEMBER not in (first, second) or record.startswith(MAKING)


def stall(**changes):
    return Stall(
        **{
            "me": "a",
            "members": PAIR,
            "known": ALL,
            "alive": frozenset("w"),
            "running": frozenset(),
            "view": view(MADE, a=MEMBER),
            **changes,
        }
    )


def test_a_majority_goes_on_when_the_rest_is_off():
    assert may_force(stall())


@pytest.mark.parametrize(
    "changes",
    [
        {"alive": frozenset()},
        {"known": frozenset(PAIR), "alive": frozenset()},
        {"running": frozenset("w")},
        {"view": None},
        {"view": View()},
        {"view": view(MADE, quorate=False, a=MEMBER)},
        {"view": view(MADE, a=MEMBER, b=MEMBER)},
        {"view": view(MADE, unsure=["b"], a=MEMBER)},
        {"alive": frozenset({"b", "w"})},
        {"alive": frozenset({"x", "y"})},
    ],
    ids=[
        "alone",
        "a pair",
        "one runs",
        "no cluster",
        "silence",
        "no quorum",
        "it is here",
        "it may be",
        "nobody is missing",
        "strangers do not count",
    ],
)
def test_nobody_goes_on_without_the_rest(changes):
    assert not may_force(stall(**changes))


def test_only_one_of_several_forces():
    known = frozenset({"a", "b", "c", "v", "w"})
    seen = view(MADE, a=MEMBER, b=MEMBER)
    three = {"members": ("a", "b", "c"), "known": known, "view": seen}
    assert may_force(stall(me="a", alive=frozenset({"b", "w"}), **three))
    assert not may_force(stall(me="b", alive=frozenset({"a", "w"}), **three))


def test_a_paused_member_goes_on_with_the_one_that_runs_when_the_rest_is_off():
    assert may_resume(stall(running=frozenset("w")))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"alive": frozenset()},
        {"view": None},
        {"view": View()},
        {"view": view(MADE, quorate=False, a=MEMBER)},
        {"view": view(MADE, a=MEMBER, b=MEMBER)},
        {"view": view(MADE, unsure=["b"], a=MEMBER)},
        {"alive": frozenset({"b", "w"})},
        {"alive": frozenset({"b"}), "running": frozenset({"b"})},
        {"running": frozenset("x")},
    ],
    ids=[
        "nobody runs: the missing one may know more",
        "alone",
        "no cluster",
        "silence",
        "no quorum",
        "it is here",
        "it may be",
        "nobody is missing",
        "of a voter nobody knows whether it is off",
        "a stranger runs",
    ],
)
def test_a_paused_member_stays_so(changes):
    assert not may_resume(stall(**{"running": frozenset("w"), **changes} if changes else {}))
