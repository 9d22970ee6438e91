# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one path against Pacemaker's real tools, offline on a CIB file."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
from typing import Any, Callable, Dict, List

import pytest
from clusters import Cluster, clone, primitive

from tandem_agent import requests
from tandem_agent.context import Context, Deadline
from tandem_agent.errors import AgentError
from tandem_agent.journal import Journal
from tandem_agent.model.fields import Fields
from tandem_agent.pacemaker.metadata import Metadata
from tandem_agent.pacemaker.runner import Runner
from tandem_agent.pacemaker.tools import Tools

AGENT = pathlib.Path(__file__).resolve().parents[3] / "roles" / "agent" / "files"
VIP = {
    "id": "vip",
    "agent": "ocf:heartbeat:IPaddr2",
    "params": {"ip": "192.0.2.10", "cidr_netmask": 24},
    "ops": [{"name": "monitor", "interval": "10s"}],
}
NO_FENCING = {"stonith-enabled": False}


class Site:
    """An agent on a CIB file."""

    def __init__(self, bin_directory: str, file: str, journal: pathlib.Path) -> None:
        self.file = pathlib.Path(file)
        environment = {"CIB_file": file}
        self.runner = Runner([bin_directory, "/usr/bin", "/bin"], environment)
        self.tools = Tools(self.runner)
        self.journal = Journal(str(journal))
        self.events: List[str] = []

    def context(self) -> Context:
        return Context(
            self.runner, self.tools, Metadata(self.tools), self.journal, Deadline(60),
            emit=lambda event, _data: self.events.append(event), node="c1",
        )  # fmt: skip

    def call(self, operation: Callable[[Context, Fields], Dict[str, Any]], **params: Any) -> Dict[str, Any]:
        return operation(self.context(), Fields(params, "params", []))

    def plan(self, document: Dict[str, Any], **more: Any) -> Dict[str, Any]:
        return self.call(requests.plan, document=document, **more)

    def apply(self, document: Dict[str, Any], **more: Any) -> Dict[str, Any]:
        return self.call(requests.apply, document=document, **more)


@pytest.fixture
def site(any_suite: str, cib_file: str, tmp_path: pathlib.Path) -> Site:
    made = Site(any_suite, cib_file, tmp_path / "journal")
    made.apply({"properties": NO_FENCING})
    return made


def refused(call: Callable[[], Any]) -> AgentError:
    with pytest.raises(AgentError) as caught:
        call()
    return caught.value


def test_a_plan_predicts_what_applying_then_does_and_changes_nothing(site: Site) -> None:
    before = site.file.read_bytes()
    planned = site.plan({"resources": [VIP]})
    assert site.file.read_bytes() == before
    done = site.apply({"resources": [VIP]})
    for part in ("changed", "plan", "diff"):
        assert planned[part] == done[part]
    assert planned["preview"]["actions"] == done["preview"]["actions"] != []
    assert site.apply({"resources": [VIP]})["changed"] is False


def test_no_change_runs_no_tool_but_the_query(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.apply({"resources": [VIP]})
    calls: List[str] = []
    real = Runner.run

    def counted(self: Runner, argv: Any, *more: Any, **options: Any) -> Any:
        calls.append(argv[0])
        return real(self, argv, *more, **options)

    monkeypatch.setattr(Runner, "run", counted)
    assert not site.apply({"resources": [VIP]})["changed"]
    assert calls == ["cibadmin"]


def test_what_was_made_by_hand_is_restored_and_named(site: Site) -> None:
    site.apply({"resources": [VIP]})
    site.file.write_text(
        site.file.read_text().replace('name="cidr_netmask" value="24"', 'name="cidr_netmask" value="25"')
    )
    assert [entry["summary"] for entry in site.plan({"resources": [VIP]})["plan"]] == [
        "update primitive vip: params.cidr_netmask 25 -> 24"
    ]
    assert site.apply({"resources": [VIP]})["changed"]
    assert 'name="cidr_netmask" value="24"' in site.file.read_text()


def test_all_faults_at_once_with_their_paths(site: Site) -> None:
    wrong = {
        "resources": [
            {"id": "vip", "agent": "ocf:heartbeat:IPaddr2", "params": {"ipp": "x"}},
            {"id": "g", "kind": "group", "members": ["nobody"]},
        ],
        "constraints": [{"kind": "colocation", "resource": "vip", "with": "web"}],
    }
    before = site.file.read_bytes()
    error = refused(lambda: site.apply(wrong))
    assert error.code == "document.invalid"
    paths = [fault["path"] for fault in error.details["faults"]]
    assert "document.resources[1].members[0]" in paths and "document.constraints[0].with" in paths
    params = [fault["message"] for fault in error.details["faults"] if fault["path"] == "document.resources[0].params"]
    assert any("ipp" in message for message in params) and any(
        "ip" in message and "required" in message for message in params
    )
    assert site.file.read_bytes() == before


def test_a_twice_declared_id_and_one_that_is_taken_are_faults(site: Site) -> None:
    assert "second time" in refused(lambda: site.plan({"resources": [VIP, VIP]})).message
    taken = dict(VIP, id="cib-bootstrap-options")
    assert "taken" in refused(lambda: site.plan({"resources": [taken]})).message


def bundle(name: str, port: int, network: str = "host") -> List[Dict[str, Any]]:
    return [
        {"id": f"in-{name}", "agent": "ocf:pacemaker:Dummy"},
        {
            "id": name, "kind": "bundle", "resource": f"in-{name}", "network": {"control_port": port},
            "container": {"type": "podman", "image": "localhost/x:latest", "network": network},
        },
    ]  # fmt: skip


def test_two_bundles_in_the_hosts_network_cannot_have_one_control_port(site: Site) -> None:
    site.apply({"resources": bundle("db", 3123)})
    error = refused(lambda: site.apply({"resources": bundle("web", 3123)}))
    assert error.details["faults"] == [
        {
            "path": "document.resources[1].network.control_port",
            "message": "3123 is the control port of db too, and both are in the host's network; give one another port",
        }
    ]
    assert site.apply({"resources": bundle("web", 3124)})["changed"]
    assert site.apply({"resources": bundle("other", 3123, network="bridge")})["changed"], "a network of its own"


def test_the_guard_refuses_a_stop_nobody_asked_for(site: Site) -> None:
    site.apply({"resources": [VIP]})
    _run_everything(site)
    stop_all = {"properties": {"stop-all-resources": True}}
    error = refused(lambda: site.plan(stop_all))
    assert error.code == "preview.refused" and "stop vip" in error.message and "allow: stop" in error.message
    assert site.plan(stop_all, allow=["stop"])["changed"]
    assert site.plan({"resources": [{"id": "vip", "state": "absent"}]})["changed"]  # named: no need to allow


def test_without_a_preview_a_check_tells_the_plan_and_a_run_needs_leave_for_anything(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_argv: Any, **_options: Any) -> bytes:
        raise AgentError("tool.timeout", "crm_simulate gave no answer within 20 s")

    monkeypatch.setattr(Tools, "graph", slow)
    monkeypatch.setattr(Tools, "offline", False)  # where nothing runs, nothing can be hurt
    planned = site.plan({"resources": [VIP]})
    assert planned["changed"] and planned["preview"]["available"] is False
    error = refused(lambda: site.apply({"resources": [VIP]}, wait=0))
    assert error.code == "preview.refused" and "crm_simulate gave no answer" in error.message
    assert "(allow: fence, stop)" in error.message and 'id="vip"' not in site.file.read_text()
    assert site.apply({"resources": [VIP]}, wait=0, allow=["stop", "fence"])["changed"]


def test_a_move_is_told_and_needs_no_leave(site: Site) -> None:
    site.apply({"resources": [VIP]})
    _run_everything(site)
    where = site.plan({"constraints": [{"kind": "location", "resource": "vip", "node": "c1", "score": "-INFINITY"}]})
    assert [action["action"] for action in where["preview"]["actions"]] == ["move"]


def _run_everything(site: Site) -> None:
    """Let the simulator carry out what is pending, so that resources run in the file's status."""
    ran = site.file.with_suffix(".ran")
    completed = site.runner.run(
        ["crm_simulate", "--simulate", f"--xml-file={site.file}", f"--save-output={ran}"], environment={"CIB_file": ""}
    )
    assert completed.rc == 0, completed.stderr
    site.file.write_bytes(ran.read_bytes())


def bump(site: Site, name: str) -> Callable[[], None]:
    def run() -> None:
        text = site.file.read_text()
        number = int(re.search(rf' {name}="(\d+)"', text).group(1))  # type: ignore[union-attr]
        site.file.write_text(re.sub(rf' {name}="\d+"', f' {name}="{number + 1}"', text, count=1))

    return run


def race(site: Site, monkeypatch: pytest.MonkeyPatch, happenings: List[Callable[[], None]]) -> None:
    """Let something happen to the CIB between the making of a patch and its use."""
    real = site.tools.diff

    def diff(original: bytes, candidate: bytes) -> bytes:
        made = real(original, candidate)
        if happenings:
            happenings.pop(0)()
        return made

    monkeypatch.setattr(site.tools, "diff", diff)


def test_moved_status_only_rebases_the_patch(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    race(site, monkeypatch, [bump(site, "num_updates")] * 3)
    assert site.apply({"resources": [VIP]})["changed"]
    assert "conflict" not in site.events and 'id="vip"' in site.file.read_text()


def test_moved_configuration_is_planned_anew_and_not_lost(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def by_hand() -> None:
        text = site.file.read_text().replace(
            "<resources/>",
            '<resources><primitive id="hand" class="ocf" provider="heartbeat" type="Dummy"/></resources>',
        )
        site.file.write_text(text)
        bump(site, "epoch")()

    race(site, monkeypatch, [by_hand])
    assert site.apply({"resources": [VIP]})["changed"]
    assert site.events.count("conflict") == 1
    assert 'id="hand"' in site.file.read_text() and 'id="vip"' in site.file.read_text()


def test_endless_conflict_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    race(site, monkeypatch, [bump(site, "epoch")] * 50)
    error = refused(lambda: site.apply({"resources": [VIP]}))
    assert error.code == "cib.conflict" and error.retryable
    assert 'id="vip"' not in site.file.read_text()


def test_history_and_rollback(site: Site) -> None:
    done = site.apply({"resources": [VIP]})
    changed = site.apply({"resources": [dict(VIP, params={"ip": "192.0.2.11"})]})
    listed = site.call(requests.history)["transactions"]
    assert listed[0]["id"] == changed["transaction"] and "changes" not in listed[0]
    assert site.call(requests.rollback, transaction=changed["transaction"], plan_only=True)["changed"]
    site.call(requests.rollback, transaction=changed["transaction"])
    assert site.plan({"resources": [VIP]})["changed"] is False
    error = refused(lambda: site.call(requests.rollback, transaction=changed["transaction"]))
    assert "changed again since" in error.message
    site.call(requests.rollback, transaction=done["transaction"])
    assert 'id="vip"' not in site.file.read_text()
    assert refused(lambda: site.call(requests.rollback, transaction="../x")).code == "journal.unknown"


def test_export_applied_again_is_no_change(site: Site) -> None:
    site.apply({"resources": [VIP], "nodes": [{"id": "c2", "standby": True}]})
    exported = site.call(requests.export)["document"]
    assert not site.apply(exported)["changed"]


def test_an_unwritable_journal_is_a_warning_only(site: Site, tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    site.journal = Journal(str(tmp_path / "file" / "journal"))
    done = site.apply({"resources": [VIP]})
    assert done["changed"] and any("journal" in warning for warning in done["warnings"])


KILLER = """#!/bin/sh
n=$(($(cat {count}) + 1)); echo $n > {count}
[ {when} = before ] && [ $n = {at} ] && kill -KILL $PPID && exit 1
{real}/$(basename $0) "$@"; rc=$?
[ {when} = after ] && [ $n = {at} ] && kill -KILL $PPID
exit $rc
"""
DRIVER = """
import json, sys
from tandem_agent import requests
from tandem_agent.context import Context, Deadline
from tandem_agent.journal import Journal
from tandem_agent.model.fields import Fields
from tandem_agent.pacemaker.metadata import Metadata
from tandem_agent.pacemaker.runner import Runner
from tandem_agent.pacemaker.tools import Tools
runner = Runner([sys.argv[1], "/usr/bin", "/bin"], {"CIB_file": sys.argv[2]})
tools = Tools(runner)
context = Context(runner, tools, Metadata(tools), Journal(sys.argv[3]), Deadline(60), node="c1")
print(json.dumps(requests.apply(context, Fields({"document": json.loads(sys.argv[4])}, "params", []))["changed"]))
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_between_any_two_steps_it_is_the_old_or_the_new_and_the_same_call_finishes(
    bookworm: str, cib_file: str, tmp_path: pathlib.Path, when: str
) -> None:
    document = {"properties": NO_FENCING, "resources": [dict(VIP), {"id": "g", "kind": "group", "members": ["vip"]}]}
    bare = pathlib.Path(cib_file).read_bytes()
    killer, scratch = tmp_path / "killer", tmp_path / "scratch"
    killer.mkdir()
    scratch.mkdir()
    environment = dict(os.environ, PYTHONPATH=str(AGENT), TMPDIR=str(scratch))

    def run(directory: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-c", DRIVER, directory, cib_file, str(tmp_path / "journal"), json.dumps(document)]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)

    killed = 0
    for at in range(1, 30):
        pathlib.Path(cib_file).write_bytes(bare)
        (tmp_path / "count").write_text("0")
        for tool in os.listdir(bookworm):
            (killer / tool).write_text(KILLER.format(count=tmp_path / "count", when=when, at=at, real=bookworm))
            (killer / tool).chmod(0o755)
        first = run(str(killer))
        left = pathlib.Path(cib_file).read_text()
        assert ('id="vip"' in left) == ('id="g"' in left) == ("stonith-enabled" in left), left  # all of it or nothing
        if first.returncode == 0:
            break
        killed += 1
        again = run(bookworm)
        assert again.returncode == 0, again.stderr
        done = pathlib.Path(cib_file).read_text()
        assert 'id="vip"' in done and 'id="g"' in done
        assert run(bookworm).stdout.strip() == "false"
    assert os.listdir(str(scratch)) == []  # not even a killed agent leaves a copy of the CIB
    assert killed >= 6, "the agent was killed at fewer steps than the path has tools"


@pytest.mark.parametrize(("policy", "refused"), [(None, True), ("stop", True), ("ignore", False)])
def test_without_quorum_nothing_is_changed(
    bookworm: str, cib_file: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, policy: str, refused: bool
) -> None:
    text = pathlib.Path(cib_file).read_text()
    pathlib.Path(cib_file).write_text(text.replace('have-quorum="1"', 'have-quorum="0"'))
    site = Site(bookworm, cib_file, tmp_path / "journal")
    properties = {**NO_FENCING, **({"no-quorum-policy": policy} if policy else {})}
    assert site.plan({"properties": properties})["changed"], "a file is nobody's partition"
    monkeypatch.setattr(type(site.tools), "offline", False)
    if refused:
        with pytest.raises(AgentError) as caught:
            site.plan({"properties": properties})
        assert caught.value.code == "cib.no_quorum" and caught.value.retryable
    else:
        assert site.plan({"properties": properties})["changed"]


def test_a_clone_that_runs_on_two_nodes_can_be_removed(bookworm: str, cib_file: str, tmp_path: pathlib.Path) -> None:
    """Without its declaration it is one resource on two nodes, for crm_verify an error: of the status, not of what is declared."""
    cluster = Cluster(clone("x-k", primitive("x-s"))).ran("x-s", "c1").ran("x-s", "c2")
    pathlib.Path(cib_file).write_text(cluster.text())
    site = Site(bookworm, cib_file, tmp_path / "journal")
    done = site.apply({"resources": [{"id": "x-k", "kind": "clone", "state": "absent"}]})
    assert done["changed"] and {(one["action"], one["node"]) for one in done["preview"]["actions"]} == {
        ("stop", "c1"), ("stop", "c2"),
    }  # fmt: skip
