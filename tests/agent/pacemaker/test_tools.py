# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real tools, offline, in every version that is unpacked: 2.0.5, 2.1.5, 3.0.0."""

from __future__ import annotations

import os
import pathlib
import re
import stat
import time

import pytest

from tandem_agent.errors import AgentError
from tandem_agent.pacemaker.runner import Runner
from tandem_agent.pacemaker.tools import PatchRefused, Tools

pytestmark = pytest.mark.offline
DUMMY = '<primitive id="r{n}" class="ocf" provider="pacemaker" type="Dummy"/>'
NO_STONITH = (
    '<crm_config><cluster_property_set id="cib-bootstrap-options">'
    '<nvpair id="s" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>'
)


@pytest.fixture
def tools(any_suite: str, cib_file: str) -> Tools:
    return Tools(Runner([any_suite], {"CIB_file": cib_file}))


def with_resources(cib: str, count: int) -> str:
    resources = "".join(DUMMY.format(n=number) for number in range(count))
    cib = cib.replace("<resources/>", f"<resources>{resources}</resources>")
    return cib.replace("<crm_config/>", NO_STONITH).replace('epoch="5" num_updates="2"', 'epoch="6" num_updates="0"')


def test_query_reads_the_file(tools: Tools) -> None:
    assert tools.offline
    assert b'uname="c1"' in tools.query_cib()


def test_a_missing_file_is_unavailable(any_suite: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(AgentError) as caught:
        Tools(Runner([any_suite], {"CIB_file": str(tmp_path / "no.xml")})).query_cib()
    assert caught.value.code == "cib.unavailable"
    assert "no.xml" in caught.value.message


@pytest.mark.parametrize("call", ["query_cib", "monitor", "node_names"])
def test_a_stopped_cluster_is_unavailable(any_suite: str, call: str) -> None:
    with pytest.raises(AgentError) as caught:
        getattr(Tools(Runner([any_suite], {})), call)()
    assert caught.value.code == "cib.unavailable"
    assert "systemctl start corosync pacemaker" in caught.value.message


def test_a_patch_made_from_a_difference_applies_once(tools: Tools, cib_text: str) -> None:
    candidate = with_resources(cib_text, 3)
    patch = tools.diff(cib_text.encode(), candidate.encode())
    assert b"<version>" in patch
    tools.patch(patch)
    assert b'id="r2"' in tools.query_cib()
    with pytest.raises(PatchRefused) as caught:
        tools.patch(patch)
    assert caught.value.rc == 103


def test_equal_cibs_have_no_difference(tools: Tools, cib_text: str) -> None:
    assert tools.diff(cib_text.encode(), cib_text.encode()) == b""


def test_a_patch_is_refused_when_only_status_moved(tools: Tools, cib_text: str, cib_file: str) -> None:
    patch = tools.diff(cib_text.encode(), with_resources(cib_text, 1).encode())
    pathlib.Path(cib_file).write_text(cib_text.replace('num_updates="2"', 'num_updates="9"'))
    with pytest.raises(PatchRefused):
        tools.patch(patch)


def test_a_patch_against_the_schema_shows_no_cib(tools: Tools, cib_text: str) -> None:
    candidate = with_resources(cib_text, 1).replace('type="Dummy"', 'type="Dummy" canary="hunter2"')
    with pytest.raises(AgentError) as caught:
        tools.patch(tools.diff(cib_text.encode(), candidate.encode()))
    assert caught.value.code == "cib.schema"
    assert "hunter2" not in str(caught.value.message) + str(caught.value.details)


def test_garbage_is_no_patch(tools: Tools) -> None:
    with pytest.raises(AgentError):
        tools.patch(b"<diff")


def test_verify_accepts_what_is_fine(tools: Tools, cib_text: str) -> None:
    assert tools.verify(with_resources(cib_text, 3).encode()) == ([], [])


def test_verify_names_schema_errors_plainly(tools: Tools, cib_text: str) -> None:
    wrong = with_resources(cib_text, 1).replace(
        "<constraints/>", '<constraints><rsc_order id="o" first="no" then="r0"/></constraints>'
    )
    verdict = tools.verify(wrong.replace('type="Dummy"', 'type="Dummy" bogus="1"').encode())
    text = "\n".join(verdict.errors)
    assert 'unknown ID "no"' in text
    assert "fd/" not in text and "-V" not in text and "Errors found" not in text


def test_verify_tells_errors_from_warnings(tools: Tools, cib_text: str) -> None:
    needs = '<meta_attributes id="m"><nvpair id="m1" name="requires" value="fencing"/></meta_attributes></primitive>'
    candidate = with_resources(cib_text, 1)
    warned = tools.verify(candidate.replace('type="Dummy"/>', f'type="Dummy">{needs}').encode())
    assert not warned.errors
    assert "r0 requires fencing but fencing is disabled" in "\n".join(warned.warnings)
    refused = tools.verify(candidate.replace('value="false"', 'value="true"').encode())
    assert any("STONITH" in line for line in refused.errors)


def test_the_graph_of_many_new_resources_is_quick(tools: Tools, cib_text: str) -> None:
    started = time.monotonic()
    graph = tools.graph(with_resources(cib_text, 200).encode())
    assert time.monotonic() - started < 3  # 0.05 to 0.1 s on an idle machine
    assert graph.startswith(b"<transition_graph")
    assert len(re.findall(rb'operation="start"[^>]*>\s*<primitive', graph)) == 200


def test_the_graph_leaves_nothing_behind(
    any_suite: str, cib_file: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    tools = Tools(Runner([any_suite], {"CIB_file": cib_file, "CIB_shadow_dir": "/nonexistent"}))
    tools.graph(tools.query_cib())
    assert os.listdir(str(scratch)) == []


def test_a_graph_that_takes_too_long_is_cut_and_cleaned_up(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    fake = tmp_path / "crm_simulate"
    fake.write_text(
        f'#!/bin/sh\necho copy > "$CIB_shadow_dir/shadow.1"\nstat -c %a "$CIB_shadow_dir" > {tmp_path}/mode\nsleep 60\n'
    )
    fake.chmod(0o755)
    with pytest.raises(AgentError) as caught:
        Tools(Runner([str(tmp_path)], {})).graph(b"<cib/>", timeout=0.5)
    assert caught.value.code == "tool.timeout"
    assert (tmp_path / "mode").read_text().strip() == "700"
    assert os.listdir(str(scratch)) == []


def test_monitor_and_metadata_and_versions(tools: Tools) -> None:
    assert b'<node name="c1"' in tools.monitor()
    assert b'<parameter name="state"' in tools.metadata("ocf:pacemaker:Dummy")
    assert b"passwd_script" in tools.metadata("stonith:fence_ipmilan")
    with pytest.raises(AgentError):
        tools.metadata("ocf:heartbeat:DoesNotExist")
    versions = tools.versions()
    assert re.match(r"[23]\.\d+\.\d+", versions["pacemaker"] or "")
    assert re.match(r"3\.\d+\.\d+", versions["corosync"] or "")


def test_offline_without_any_tool(cib_file: str, tmp_path: pathlib.Path) -> None:
    runner = Runner([], {"CIB_file": cib_file})
    runner.search_path = [str(tmp_path)]
    tools = Tools(runner)
    assert tools.query_cib() == pathlib.Path(cib_file).read_bytes()
    verdict = tools.verify(b"<cib/>")
    assert not verdict.errors and "not checked" in verdict.warnings[0]
    with pytest.raises(AgentError) as caught:
        tools.graph(b"<cib/>")
    assert caught.value.code == "tool.missing"
    assert tools.versions() == {"pacemaker": None, "corosync": None}


def test_no_quorum_and_failed_fencing_have_codes(tmp_path: pathlib.Path) -> None:
    for name, text in (("cibadmin", "exit 106"), ("stonith_admin", "echo 'no device for c2' >&2; exit 105")):
        fake = tmp_path / name
        fake.write_text(f"#!/bin/sh\n{text}\n")
        fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    tools = Tools(Runner([str(tmp_path)], {}))
    with pytest.raises(AgentError) as caught:
        tools.patch(b"<diff/>")
    assert caught.value.code == "cib.no_quorum"
    with pytest.raises(AgentError) as caught:
        tools.fence_reboot("c2", 5)
    assert caught.value.code == "fence.failed" and "no device for c2" in caught.value.message
