# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several at once: two controllers' agents, a person with pcs, a DC that dies, a partition that may decide nothing."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List
from xml.etree import ElementTree

import pytest
from pair import CONTROLLERS, Pair

ROUNDS = 6


def apply(site: Pair, node: str, resources: List[Dict[str, Any]], wait: int = 60) -> Dict[str, Any]:
    """`tandem apply` on a node, as a person runs it; its JSON, whether it went well or not."""
    document = json.dumps({"resources": resources})
    text = site.node(node, f"tandem apply --json --wait {wait} -", code=None, timeout=300, stdin=document)
    found: Dict[str, Any] = json.loads(text)
    return found


def dummy(name: str, **more: Any) -> Dict[str, Any]:
    return {"id": name, "agent": "ocf:pacemaker:Dummy", **more}


def present(site: Pair) -> List[str]:
    root = ElementTree.fromstring(site.cib())
    return [one.attrib["id"] for one in root.iterfind("resources//primitive") if one.attrib["id"].startswith("x-")]


def cleared(site: Pair) -> None:
    """Remove what these tests made."""
    left = [{"id": name, "state": "absent"} for name in present(site)]
    assert "error" not in apply(site, "c1", left)


def test_two_controllers_apply_different_documents_at_once(site: Pair) -> None:
    def rounds(node: str) -> List[Dict[str, Any]]:
        return [apply(site, node, [dummy(f"x-{node}-{number}")], wait=0) for number in range(ROUNDS)]

    with ThreadPoolExecutor(2) as pool:
        results = [one for found in pool.map(rounds, CONTROLLERS) for one in found]
    assert [one.get("error") for one in results] == [None] * len(results)
    assert all(one["changed"] for one in results)
    assert sorted(present(site)) == sorted(f"x-{node}-{number}" for node in CONTROLLERS for number in range(ROUNDS))
    again = apply(site, "c2", [dummy(f"x-c1-{number}") for number in range(ROUNDS)])
    assert again["changed"] is False
    cleared(site)


def test_both_controllers_ask_for_the_same_and_one_makes_it(site: Pair) -> None:
    wish = [dummy("x-same", params={"fake": "1"})]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda node: apply(site, node, wish), CONTROLLERS))
    assert [one.get("error") for one in results] == [None, None]
    assert sorted(one["changed"] for one in results) in (
        [False, True],
        [True, True],
    )  # both, where one found it half made
    assert len(present(site)) == 1
    cleared(site)


def test_a_person_with_pcs_meanwhile(site: Pair) -> None:
    done = threading.Event()
    made: List[str] = []

    def person() -> None:
        while not done.is_set() and len(made) < 40:
            name = f"hand-{len(made)}"
            site.node("c2", f"pcs property set --force {name}=1")
            made.append(name)

    thread = threading.Thread(target=person)
    thread.start()
    try:
        results = [apply(site, "c1", [dummy(f"x-{number}")], wait=0) for number in range(ROUNDS)]
    finally:
        done.set()
        thread.join()
    errors = [one["error"]["code"] for one in results if "error" in one]
    assert errors == [], "five tries are enough beside a person"
    assert sorted(present(site)) == sorted(f"x-{number}" for number in range(ROUNDS))
    text = site.cib()
    assert made and all(f'name="{name}"' in text for name in made), "a change by hand was lost"
    site.node("c1", "pcs property unset --force " + " ".join(made))
    cleared(site)


def test_without_quorum_nothing_is_changed_and_the_reason_is_said(site: Pair) -> None:
    site.node("c2", "pcs cluster stop", timeout=180)
    site.node("c1", "systemctl stop corosync-qdevice", code=None)
    try:
        site.until(
            lambda: "Quorate:          No" in site.node("c1", "corosync-quorumtool -s", code=None), 60, "still quorate"
        )
        before = site.cib("c1")
        found = apply(site, "c1", [dummy("x-lonely")])
        assert found.get("error", {}).get("code") == "cib.no_quorum", found
        assert "quorum" in found["error"]["message"]
        assert site.cib("c1") == before
    finally:
        site.node("c1", "systemctl start corosync-qdevice", code=None)
        site.node("c2", "pcs cluster start --wait=90", timeout=180)


@pytest.mark.slow
def test_the_dc_dies_in_the_middle_of_an_apply(site: Pair) -> None:
    """The change is there afterwards, whole, or the same call again makes it; nothing is told that is not so."""
    found = site.node("c1", "crmadmin -D")
    leader = next(node for node in CONTROLLERS if node in found)
    other = next(node for node in CONTROLLERS if node != leader)
    wish = [dummy(f"x-{number}", params={"op_sleep": "2"}) for number in range(4)]
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(apply, site, other, wish, 120)
        time.sleep(1.0)
        site.lab("power", leader, "cut")
        result = running.result()
    there = present_on(site, other)
    assert there in ([], [f"x-{number}" for number in range(4)]), "a part of a transaction is in the configuration"
    if "error" not in result:
        assert result["changed"] and len(there) == 4
    again = apply(site, other, wish, 120)
    assert "error" not in again and len(present_on(site, other)) == 4, again
    site.lab("power", leader, "on")
    site.settle(180)
    cleared(site)


def present_on(site: Pair, node: str) -> List[str]:
    root = ElementTree.fromstring(site.cib(node))
    return [one.attrib["id"] for one in root.iterfind("resources//primitive") if one.attrib["id"].startswith("x-")]
