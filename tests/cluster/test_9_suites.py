# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same on the oldest and on the newest suite: form, apply, fail over. The other tests here are for the default one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest
from pair import Pair, locked

pytestmark = pytest.mark.slow

ADDRESSES = {"bullseye": "10.144", "trixie": "10.145"}
# Every kind that all schemas of these suites know.
DOCUMENT: Dict[str, Any] = {
    "name": "suite",
    "resource_defaults": {"resource-stickiness": 10},
    "resources": [
        {"id": "x-a", "agent": "ocf:pacemaker:Dummy", "meta": {"priority": 1}, "utilization": {"cpu": 1}},
        {"id": "x-b", "agent": "ocf:pacemaker:Dummy"},
        {"id": "x-g", "kind": "group", "members": ["x-a", "x-b"]},
        {"id": "x-t", "kind": "template", "agent": "ocf:pacemaker:Dummy"},
        {"id": "x-of-t", "template": "x-t"},
        {"id": "x-s", "agent": "ocf:pacemaker:Stateful", "ops": [
            {"name": "monitor", "interval": "10s", "role": "Promoted"},
            {"name": "monitor", "interval": "11s", "role": "Unpromoted"},
        ]},
        {"id": "x-k", "kind": "clone", "resource": "x-s", "promotable": True, "meta": {"promoted-max": 1}},
    ],
    "constraints": [
        {"kind": "colocation", "resource": "x-of-t", "with": "x-k", "with_role": "Promoted"},
        {"kind": "order", "sets": [{"resources": ["x-k"], "action": "promote"}, {"resources": ["x-of-t"]}]},
        {"kind": "location", "resource": "x-g", "rule": {"score": 5, "expressions": [
            {"date": {"operation": "date_spec", "spec": {"hours": "0-23"}}},
        ]}},
        {"kind": "ticket", "ticket": "T", "resource": "x-b", "loss_policy": "stop", "state": "absent"},
    ],
    "alerts": [{"id": "x-alert", "path": "/bin/true", "recipients": [{"id": "x-alert-1", "value": "somebody"}]}],
    "tags": [{"id": "x-tag", "references": ["x-a", "x-b"]}],
}  # fmt: skip


@pytest.fixture(params=sorted(ADDRESSES))
def old_or_new(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A pair of one suite, made bare and taken down again."""
    suite = request.param
    with locked(f"test-{suite}"):
        yield from _pair(suite, tmp_path_factory.mktemp(suite))


def _pair(suite: str, directory: Path) -> Iterator[Pair]:
    pair = Pair(directory, f"test-{suite}", ADDRESSES[suite])
    Path(pair.inventory, "group_vars", "all", "suite.yml").write_text(f"---\nlab_suite: {suite}\n")
    made = pair.up("reset")
    try:
        assert made.ok, made.text
        yield pair
    finally:
        gone = pair.down()
    assert gone.ok, gone.text


def test_form_apply_and_fail_over(old_or_new: Pair) -> None:
    site = old_or_new
    run = site.site()
    assert run.ok, run.text
    site.settle()
    again = site.site()
    assert again.ok and again.changed == {}, again.text

    text = json.dumps(DOCUMENT)
    done = json.loads(site.node("c1", "tandem apply --json -", code=None, timeout=300, stdin=text))
    assert done.get("changed") is True and done["settled"]["state"] == "settled", done
    assert done["preview"]["matched"] is True, done["preview"]
    done = json.loads(site.node("c2", "tandem apply --json -", code=None, timeout=300, stdin=text))
    assert done.get("changed") is False, done
    exported = site.node("c1", "tandem export --json --secrets")
    plan = json.loads(site.node("c2", "tandem plan --json -", stdin=exported))
    assert plan["changed"] is False, plan

    report = site.drill(drill_target="holder", drill_fault="power")
    print("\n" + "\n".join(report["table"]))
    assert report["silent"] <= report["predicted"]["answers"] * 1.2, json.dumps(report)
    site.settle(180)
