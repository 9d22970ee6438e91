# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one path to its end, on a played cluster: settling, and what happened against what was foreseen."""

from __future__ import annotations

import pathlib
import re
import threading
import time
from types import SimpleNamespace
from typing import Any, Dict, List

import pytest
from clusters import Cluster, bundle, clone, location, primitive
from played import PlayedTools

from tandem_agent import requests
from tandem_agent.cib.tree import parse
from tandem_agent.context import Context, Deadline
from tandem_agent.errors import AgentError
from tandem_agent.journal import Journal
from tandem_agent.model.fields import Fields
from tandem_agent.pacemaker.history import places
from tandem_agent.pacemaker.metadata import Metadata
from tandem_agent.pacemaker.runner import Runner
from tandem_agent.pacemaker.settle import POLL, settle

pytestmark = pytest.mark.offline
Json = Dict[str, Any]
DUMMY = {"agent": "ocf:pacemaker:Dummy", "ops": [{"name": "monitor", "interval": "10s"}]}


class Played:
    """An agent in a played cluster."""

    def __init__(self, suite: str, directory: pathlib.Path, cluster: Cluster) -> None:
        self.tools = PlayedTools(suite, directory / "cib.xml", cluster.text())
        self.journal = Journal(str(directory / "journal"))
        self.events: List[Json] = []

    def context(self) -> Context:
        return Context(
            self.tools.runner, self.tools, Metadata(self.tools), self.journal, Deadline(60),
            emit=lambda _event, data: self.events.append(dict(data)), node="c1",
        )  # fmt: skip

    def apply(self, document: Json, **more: Any) -> Json:
        params = Fields({"document": document, **more}, "params", [])
        return requests.apply(self.context(), params)


def web() -> Cluster:
    """A pair on which `web` runs on c1 and `ping` on both."""
    resources = primitive("web"), clone("pings", primitive("ping"))
    return Cluster(*resources).ran("web", "c1").ran("ping", "c1").ran("ping", "c2").probed_all()


def test_a_new_resource_starts_as_foreseen(any_suite: str, tmp_path: pathlib.Path) -> None:
    played = Played(any_suite, tmp_path, web())
    done = played.apply({"resources": [{"id": "vip", **DUMMY}]})
    assert done["settled"]["state"] == "settled" and done["warnings"] == []
    assert done["preview"]["matched"] is True and done["preview"]["mismatch"] == []
    kept = played.journal.history(1)[0]["preview"]
    assert kept["matched"] is True and kept["actions"] == [f"start vip on {done['preview']['actions'][0]['node']}"]
    assert any("start vip" in line or "probes" in line for event in played.events for line in event["pending"])


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"constraints": [{"kind": "location", "resource": "web", "node": "c1", "score": "-INFINITY"}]}, ["move"]),
        ({"nodes": [{"id": "c1", "standby": True}]}, ["stop", "move"]),
        ({"resources": [{"id": "web", "state": "absent"}]}, ["stop"]),
        ({"properties": {"stop-all-resources": True}}, ["stop", "stop", "stop"]),
        ({"resources": [{"id": "box", "kind": "group", "members": ["a", "b"]}, {"id": "a", **DUMMY}, {"id": "b", **DUMMY}]},
         ["start", "start"]),
    ],
    ids=["move", "standby", "remove", "stop all", "group"],
)  # fmt: skip
def test_each_change_comes_as_foreseen(any_suite: str, tmp_path: pathlib.Path, document: Json, told: List[str]) -> None:
    done = Played(any_suite, tmp_path, web()).apply(document, allow=["stop"])
    assert [action["action"] for action in done["preview"]["actions"]] == told
    assert (done["preview"]["matched"], done["preview"]["mismatch"]) == (True, [])


def test_a_failed_start_is_told_and_the_journal_has_no_verdict(bookworm: str, tmp_path: pathlib.Path) -> None:
    played = Played(bookworm, tmp_path, web())
    played.tools.failing = ["vip_start_0@c1=5", "vip_start_0@c2=5"]
    with pytest.raises(AgentError) as caught:
        played.apply({"resources": [{"id": "vip", **DUMMY}]})
    assert caught.value.code == "settle.failed" and "vip start on c" in caught.value.message
    assert played.journal.history(1)[0]["preview"]["matched"] is None


def test_what_happens_unforeseen_is_a_mismatch(bookworm: str, tmp_path: pathlib.Path) -> None:
    def restarted(text: str) -> str:
        """Somebody restarts web."""
        start = re.search(r'<lrm_rsc_op id="web_last_0".*?/>', text)
        assert start is not None
        return text.replace(start.group(), re.sub(r'call-id="\d+"', 'call-id="99"', start.group()))

    played = Played(bookworm, tmp_path, web())
    played.tools.afterwards = restarted
    done = played.apply({"properties": {"cluster-recheck-interval": "5min"}, "resources": [{"id": "vip", **DUMMY}]})
    assert done["preview"]["matched"] is False
    assert done["preview"]["mismatch"] == ["web was restarted on c1, which was not foreseen"]
    assert done["preview"]["mismatch"][0] in done["warnings"]
    assert played.journal.history(1)[0]["preview"]["mismatch"] == done["preview"]["mismatch"]


def test_where_others_changed_the_configuration_nothing_is_claimed(bookworm: str, tmp_path: pathlib.Path) -> None:
    def moved(text: str) -> str:
        ran = text.replace('id="web_last_0"', 'id="web_last_0" x="1"').replace('call-id="1"', 'call-id="98"', 1)
        epoch = int(re.search(r' epoch="(\d+)"', text).group(1))  # type: ignore[union-attr]
        return ran.replace(' x="1"', "").replace(f' epoch="{epoch}"', f' epoch="{epoch + 1}"')

    played = Played(bookworm, tmp_path, web())
    played.tools.afterwards = moved
    done = played.apply({"resources": [{"id": "vip", **DUMMY}]})
    assert done["preview"]["matched"] is None
    assert done["preview"]["mismatch"][0] == "the configuration was changed again meanwhile, which may be why"


def test_what_cannot_run_is_told_at_once(any_suite: str, tmp_path: pathlib.Path) -> None:
    played = Played(any_suite, tmp_path, web())
    started = time.monotonic()
    done = played.apply(
        {
            "resources": [{"id": "vip", **DUMMY}],
            "constraints": [
                {"kind": "location", "resource": "vip", "node": node, "score": "-INFINITY"} for node in ("c1", "c2")
            ],
        }
    )
    assert time.monotonic() - started < 10 and done["settled"]["waited"] < 5
    assert done["warnings"] == [
        "vip runs nowhere: not on c1: location-vip-c1--INFINITY keeps it away; not on c2: location-vip-c2--INFINITY keeps it away"
    ]
    assert done["preview"]["matched"] is True


def test_the_second_run_says_again_what_cannot_run(bookworm: str, tmp_path: pathlib.Path) -> None:
    played = Played(bookworm, tmp_path, web())
    document = {
        "resources": [{"id": "vip", **DUMMY}],
        "constraints": [
            {"kind": "location", "resource": "vip", "node": node, "score": "-INFINITY"} for node in ("c1", "c2")
        ],
    }
    first, second = played.apply(document), played.apply(document)
    assert first["changed"] and not second["changed"]
    assert first["warnings"] == second["warnings"] != []


def marred() -> Cluster:
    """As `web()`, but a start of web failed on c1 before the one that went well, and one of ping on c2."""
    failed = Cluster(primitive("web"), clone("pings", primitive("ping"))).ran("web", "c1", rc=1, reason="killed")
    failed.ran("ping", "c2", rc=1).set("c2", **{"fail-count-ping#start_0": "1"})
    failed.set("c1", **{"fail-count-web#start_0": "2"})
    return failed.ran("web", "c1").ran("ping", "c1").ran("ping", "c2").probed_all()


def test_what_failed_of_the_resources_that_are_named_comes_with_each_answer(
    any_suite: str, tmp_path: pathlib.Path
) -> None:
    played = Played(any_suite, tmp_path, marred())
    counted = [{"resource": "web", "node": "c1", "count": 2, "threshold": 1000000}]
    unchanged: Json = {"resources": [{"id": "web", "agent": "ocf:pacemaker:Dummy"}]}
    changing: Json = {"resources": [{"id": "web", "meta": {"priority": "2"}}]}
    for effect in (requests.plan, requests.apply):
        for document in (unchanged, changing):
            more = {"wait": 0} if effect is requests.apply else {}
            done = effect(played.context(), Fields({"document": document, **more}, "params", []))
            assert done["changed"] is (document is changing), done
            assert [(one["resource"], one["node"], one["reason"]) for one in done["failures"]] == [
                ("web", "c1", "killed")
            ]
            assert done["fail_counts"] == counted
    gone = played.apply({"resources": [{"id": "web", "state": "absent"}]}, allow=["stop"], wait=0)
    assert gone["failures"] == gone["fail_counts"] == []


def test_after_a_change_the_answer_counts_what_is_left(bookworm: str, tmp_path: pathlib.Path) -> None:
    counting = web().set("c1", **{"fail-count-web#start_0": "2"}).set("c2", **{"fail-count-ping#start_0": "1"})
    done = Played(bookworm, tmp_path, counting).apply({"resources": [{"id": "web", "meta": {"priority": "2"}}]})
    assert done["settled"]["state"] == "settled" and done["failures"] == []
    assert [(one["resource"], one["count"]) for one in done["fail_counts"]] == [("web", 2)]


def test_a_secret_in_what_an_agent_said_is_not_told(bookworm: str, tmp_path: pathlib.Path) -> None:
    secret = {"id": "web", "params": {"passwd": "killed"}}
    done = Played(bookworm, tmp_path, marred()).apply({"resources": [secret]}, wait=0)
    assert [one["reason"] for one in done["failures"]] == ["********"]


def test_without_waiting_nothing_is_known(bookworm: str, tmp_path: pathlib.Path) -> None:
    done = Played(bookworm, tmp_path, web()).apply({"resources": [{"id": "vip", **DUMMY}]}, wait=0)
    assert done["settled"]["state"] == "not_waited" and done["preview"]["matched"] is None


def test_a_bundle_that_is_named_may_stop_with_all_it_is_made_of(any_suite: str, tmp_path: pathlib.Path) -> None:
    cluster = Cluster(bundle("box", primitive("inner")))
    played = Played(any_suite, tmp_path, cluster)
    played.tools.play()
    done = played.apply({"resources": [{"id": "box", "kind": "bundle", "state": "stopped"}]})
    stopped = {action["resource"] for action in done["preview"]["actions"]}
    assert {"inner", "box-podman-0", "box-0"} <= stopped and done["preview"]["matched"] is True


def test_a_guest_node_and_what_runs_on_it_go_with_its_machine(any_suite: str, tmp_path: pathlib.Path) -> None:
    on_guest = location("on-guest", "app", "lxc1", "INFINITY")
    played = Played(
        any_suite, tmp_path, Cluster(primitive("vm", remote_node="lxc1"), primitive("app"), constraints=on_guest)
    )
    played.tools.play()
    running = places(parse(played.tools.path.read_bytes()))
    host = "c1" if "vm" in running.get("c1", {}) else "c2"
    away = {"kind": "location", "resource": "vm", "node": host, "score": "-INFINITY"}
    done = played.apply({"constraints": [away]})
    told = {(action["action"], action["resource"], action["node"]) for action in done["preview"]["actions"]}
    other = "c2" if host == "c1" else "c1"
    assert ("move", "vm", other) in told and ("restart", "app", "lxc1") in told
    assert (done["preview"]["matched"], done["preview"]["mismatch"]) == (True, [])
    with pytest.raises(AgentError) as caught:
        played.apply({"properties": {"stop-all-resources": True}})
    judged = [reason.split()[3] for reason in caught.value.details["refused"]]
    assert judged == ["lxc1", "vm"], "the machine is judged, not what is inside"


def test_idleness_is_seen_at_the_next_look(
    bookworm: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measured from the moment at which the last operation ends. What the tools take on a busy machine is not ours."""
    inside: List[float] = []
    real = Runner.run

    def timed(self: Runner, *argv: Any, **options: Any) -> Any:
        started = time.monotonic()
        try:
            return real(self, *argv, **options)
        finally:
            inside.append(time.monotonic() - max(started, ended[0] if ended else started))

    monkeypatch.setattr(Runner, "run", timed)
    ended: List[float] = []
    tools = PlayedTools(bookworm, tmp_path / "cib.xml", web().ran("vip", "c1", status=-1).text())
    done = tmp_path / "done.xml"
    done.write_text(web().text().replace('num_updates="2"', 'num_updates="3"'))

    def end() -> None:
        time.sleep(0.73)
        inside.clear()
        ended.append(time.monotonic())
        done.replace(tools.path)

    thread = threading.Thread(target=end)
    thread.start()
    settle(SimpleNamespace(tools=tools, deadline=Deadline(30), emit=lambda *_told: None), {"web"}, 20, [])  # type: ignore[arg-type]
    seen = time.monotonic() - ended[0]
    thread.join()
    assert len(inside) <= 4, "one look that came too early, then the CIB, the scheduler and crm_mon"
    assert seen - sum(inside) < POLL + 0.1, (seen, inside)
