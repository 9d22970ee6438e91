# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real fencing: the power of a controller goes, the address answers from the other, the node comes back by itself."""

from __future__ import annotations

import json

import pytest
from pair import Pair

MARGIN = 1.2  # over the prediction: the machine that runs the lab is shared


def show(report: dict) -> None:
    print("\n" + "\n".join(report["table"]))


def test_a_power_cut_of_the_holder_moves_the_address(site: Pair) -> None:
    holder = site.holder()
    report = site.drill(drill_target="holder", drill_fault="power")
    show(report)
    assert report["target"] == holder
    assert report["silent"] <= report["predicted"]["answers"] * MARGIN, json.dumps(report)
    assert set(report["measured"]) == {"lost", "fenced", "vip", "answers", "back", "serving", "settled"}
    assert report["measured"]["fenced"] <= report["measured"]["vip"], (
        "nothing may start before the node is known to be off"
    )
    site.settle()
    assert site.holder() != holder, "the address does not go back by itself"
    run = site.site()
    assert run.ok and run.changed == {}, run.text


def test_a_drill_that_nobody_confirmed_is_not_done(site: Pair) -> None:
    run = site.play("drill")
    assert run.rc != 0 and "nobody said yes" in run.text, run.text
    assert "stonith" not in site.node("c1", "journalctl --no-pager -u pacemaker --since -20s | grep -i reboot || true")


def test_a_drill_is_refused_while_something_is_wrong(site: Pair) -> None:
    standby = site.other()
    site.node("c1", f"pcs node standby {standby} --wait=60")
    try:
        run = site.play("drill", "-e", "drill_confirm=yes")
        assert run.rc != 0 and f"{standby} is in standby" in run.text, run.text
    finally:
        site.node("c1", f"pcs node unstandby {standby} --wait=60")


@pytest.mark.slow
def test_with_the_fast_profile_the_address_answers_within_seven_seconds(site: Pair) -> None:
    changed = site.site("-e", "cluster_timing=fast", "--diff")
    assert changed.ok, changed.text
    try:
        report = site.drill(drill_target="holder", drill_fault="power")
        show(report)
        assert report["silent"] <= 7.0, json.dumps(report)
        site.settle()
    finally:
        back = site.site()
        assert back.ok, back.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("silent", "the BMC of c2"),
        ("error", "fence-c2 (for c2)"),
        ("lying", "it says that c2 is off, but c2 is a member of the cluster right now"),
    ],
)
def test_a_silent_or_lying_bmc_fails_the_run_clearly(site: Pair, mode: str, words: str) -> None:
    site.lab("bmc", "c2", "--mode", mode)
    try:
        run = site.site()
        assert run.rc != 0 and words in run.text, run.text
    finally:
        site.lab("bmc", "c2", "--mode", "ok")
        site.node("c1", "pcs stonith cleanup", code=None)


@pytest.mark.slow
def test_a_bmc_that_only_pretends_is_found_by_the_drill(site: Pair) -> None:
    target = site.other()
    site.lab("bmc", target, "--mode", "pretending")
    try:
        assert site.site().ok, "it answers every question rightly"
        run = site.play("drill", "-e", "drill_confirm=yes", "-e", f"drill_target={target}")
        assert run.rc != 0, run.text
    finally:
        site.lab("bmc", target, "--mode", "ok")
        # It heard of its own fencing, and so its Pacemaker ended and stays down (property fence-reaction).
        site.node(target, "pcs cluster start --wait=90", code=None, timeout=180)
        site.node(site.holder(), "pcs stonith cleanup", code=None)
