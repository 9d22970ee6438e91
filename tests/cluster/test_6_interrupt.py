# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent killed in the middle of an apply: the old configuration or the new one, and the same call again finishes."""

from __future__ import annotations

import threading
from typing import Any, Dict

import pytest
from pair import Pair

KILL = (
    "i=0; while [ $i -lt 200 ]; do pid=$(systemctl show -p MainPID --value tandem-agent.service);"
    ' [ "$pid" != 0 ] && sleep {delay} && kill -9 $pid && exit 0; i=$((i+1)); sleep 0.02; done'
)
IDS = [f"dummy-{number}" for number in range(3)]


def document(state: str) -> Dict[str, Any]:
    resources = [
        {"id": name, "agent": "ocf:pacemaker:Dummy"} if state == "present" else {"id": name, "state": state}
        for name in IDS
    ]
    return {"name": "Declare", "tandem.ha.ha_config": {"resources": resources}}


@pytest.mark.parametrize("delay", [0.02, 0.15, 0.4])
def test_the_agent_killed_during_an_apply(site: Pair, delay: float) -> None:
    site.node("c1", "systemctl stop tandem-agent.service", code=None)
    killer = threading.Thread(target=site.node, args=("c1", KILL.format(delay=delay)), kwargs={"code": None})
    killer.start()
    run = site.tasks(document("present"))
    killer.join()
    assert "status=9/KILL" in site.node("c1", "journalctl --no-pager -u tandem-agent.service --since -60s"), (
        "it was not killed"
    )
    there = [name for name in IDS if f'id="{name}"' in site.cib()]
    assert there in ([], IDS), "a part of a transaction is in the configuration"
    assert "Traceback" not in run.text, run.text
    again = site.tasks(document("present"))
    assert again.ok, again.text
    assert all(f'id="{name}"' in site.cib() for name in IDS)
    assert site.node("c1", "crm_verify --live-check -V") == ""
    gone = site.tasks(document("absent"))
    assert gone.ok and not any(f'id="{name}"' in site.cib() for name in IDS), gone.text


def test_a_dead_agent_is_not_noticed_by_the_cluster(site: Pair) -> None:
    holder = site.holder()
    for node in ("c1", "c2"):
        site.node(node, "systemctl stop tandem-agent.socket tandem-agent.service")
    try:
        assert site.well()
        assert site.holder() == holder
        run = site.tasks(document("present"))
        assert run.rc != 0 and "tandem.ha.agent" in run.text, "the message names the remedy"
    finally:
        again = site.site()
        assert again.ok, again.text
