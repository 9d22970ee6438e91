# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client's account of what it asked for. That its words reach real services, the drill on real nodes shows."""

from __future__ import annotations

from ansible_collections.tandem.ha.plugins.module_utils._ledger import Ledger, apart, judged, lost


def test_what_nobody_acknowledged_may_be_there_or_not() -> None:
    assert lost(5, [3], {1, 2, 4, 5}) == []
    assert lost(5, [3], {1, 2, 3, 4, 5}) == []
    assert lost(5, [3], {1, 2, 5}) == [4]
    assert lost(0, [], set()) == []


def test_an_account_tells_gaps_errors_servers_and_numbers() -> None:
    ledger = Ledger()
    ledger.failed("not yet")
    ledger.acknowledged(1.0, "c1")
    ledger.acknowledged(1.2, "c1")
    ledger.failed("gone")
    ledger.failed("gone")
    ledger.acknowledged(4.7, "c2")
    account = ledger.close(4.8)
    assert (account["attempted"], account["unsure"], account["acknowledged"]) == (6, [1, 4, 5], 3)
    assert account["errors"] == {"not yet": 1, "gone": 2}
    assert account["gaps"] == [{"from": 1.2, "to": 4.7, "seconds": 3.5, "ended": True}]
    assert account["longest"] == 3.5
    assert [server["name"] for server in account["servers"]] == ["c1", "c2"]
    assert (account["from"], account["to"]) == (1.0, 4.7)


def test_an_answer_that_comes_late_is_a_gap_too() -> None:
    ledger = Ledger()
    ledger.acknowledged(1.0)
    ledger.acknowledged(3.0)
    assert ledger.close(3.1)["gaps"][0]["seconds"] == 2.0


def test_silence_until_the_end_counts() -> None:
    ledger = Ledger()
    ledger.acknowledged(1.0)
    ledger.failed("gone")
    account = ledger.close(9.0)
    assert account["longest"] == 8.0
    assert account["gaps"] == [{"from": 1.0, "to": 9.0, "seconds": 8.0, "ended": False}]
    assert Ledger().close(5.0)["longest"] == 0.0


def test_a_place_that_does_not_answer_is_no_proof() -> None:
    account = {"attempted": 3, "unsure": [2]}
    assert judged(account, {"c1": {1, 3}, "c2": {1}, "c3": "refused"}) == {
        "c1": {"found": 2, "lost": []},
        "c2": {"found": 1, "lost": [3]},
        "c3": {"found": None, "lost": None, "error": "refused"},
    }


def test_two_that_each_took_something_are_apart() -> None:
    assert not apart({"c1": {1, 2}, "c2": {1, 2}})
    assert not apart({"c1": {1, 2, 3}, "c2": {1, 2}, "c3": "refused"})
    assert apart({"c1": {1, 2}, "c2": {1, 3}})
