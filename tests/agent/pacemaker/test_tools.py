# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real tools, offline, in every version that is unpacked: 2.0.5, 2.1.5, 3.0.0."""

from __future__ import annotations

import pathlib
import re
import stat
import time
from typing import Callable, Sequence
from xml.etree import ElementTree

import pytest

from tandem_agent.cib.tree import parse, serialize, version_of
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


@pytest.mark.parametrize(
    ("value", "kept_by"),
    [
        ("plain <&\"'> \\n", ("bullseye", "bookworm", "trixie")),
        ("\u00e9\u2028", ("bookworm", "trixie")),
        ("two\nlines", ("trixie",)),
        ("a\ttab", ("trixie",)),
        ("a\rreturn", ("trixie",)),
        ("\x7f", ("trixie",)),
        ("\u00e9\n", ("trixie",)),
    ],
    ids=ascii,
)
def test_values_that_pacemaker_would_write_down_as_something_else(
    tools: Tools, any_suite: str, cib_text: str, value: str, kept_by: Sequence[str]
) -> None:
    candidate = ElementTree.fromstring(with_resources(cib_text, 1))
    for element in candidate.iter("primitive"):
        element.set("description", value)
    lost = tools.lost(cib_text.encode(), serialize(candidate))
    assert lost == ([] if any(suite in any_suite for suite in kept_by) else ["r0, description"])
    changed = serialize(candidate).replace(b'epoch="6"', b'epoch="7"')
    assert tools.lost(serialize(candidate), changed) == []  # what was there already is not this change's fault


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


def test_the_graph_needs_no_room_on_any_disk(any_suite: str, cib_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told no other place, the tool copies the CIB into a file, which a kill would leave there."""
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
    tools = Tools(Runner([any_suite], {"CIB_file": cib_file, "CIB_shadow_dir": "/nonexistent"}))
    assert tools.graph(tools.query_cib()).startswith(b"<transition_graph")


def test_a_graph_that_takes_too_long_is_cut(tmp_path: pathlib.Path) -> None:
    fake = tmp_path / "crm_simulate"
    fake.write_text("#!/bin/sh\nsleep 60\n")
    fake.chmod(0o755)
    with pytest.raises(AgentError) as caught:
        Tools(Runner([str(tmp_path)], {})).graph(b"<cib/>", timeout=0.5)
    assert caught.value.code == "tool.timeout"


@pytest.fixture
def newer(any_suite: str, cib_text: str, cib_file: str) -> Tools:
    """Tools that know less than who wrote the CIB."""
    pathlib.Path(cib_file).write_text(cib_text.replace('crm_feature_set="3.3.0"', 'crm_feature_set="99.1"'))
    return Tools(Runner([any_suite], {"CIB_file": cib_file}))


def refused_as_newer(call: Callable[[], object]) -> None:
    with pytest.raises(AgentError) as caught:
        call()
    assert caught.value.code == "cib.newer"
    assert re.search(
        r"feature set is 99\.1, and Pacemaker on this host knows no more than 3\.\d+", caught.value.message
    )
    assert "update Pacemaker on this host, or run this on a node" in caught.value.message


def test_a_file_of_a_newer_pacemaker_is_told_before_anything_is_tried(newer: Tools, cib_file: str) -> None:
    before = pathlib.Path(cib_file).read_bytes()
    refused_as_newer(lambda: newer.verify(newer.query_cib()))
    assert pathlib.Path(cib_file).read_bytes() == before


def test_exit_code_76_is_told(newer: Tools, any_suite: str) -> None:
    """Where nobody looked before: on a live cluster. 3.0 patches such a file and leaves it to its daemons to refuse."""
    cib = newer.query_cib()
    patch = newer.diff(cib, cib.replace(b'epoch="5"', b'epoch="6"').replace(b'uname="c2"', b'uname="c3"'))
    if "trixie" in any_suite:
        newer.patch(patch)
    else:
        refused_as_newer(lambda: newer.patch(patch))


def test_status_of_a_newer_cib(newer: Tools, any_suite: str) -> None:
    """crm_mon 3.0.0 aborts, 2.x does what it can."""
    if "trixie" in any_suite:
        refused_as_newer(newer.monitor)
    else:
        assert b'<node name="c1"' in newer.monitor()


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda cib: b"", "no element found"),
        (lambda cib: cib[:-9], "unclosed token"),
        (lambda cib: cib + cib, "junk after document"),
        (lambda cib: cib.replace(b"<status>", b"<status>\0"), "holds a NUL"),
        (lambda cib: cib.replace(b"<status>", b"<status>\x1b"), "invalid token"),
        (lambda cib: cib.replace(b"<status>", b"<status>\xff"), "invalid token"),
        (lambda cib: BOMB + cib.replace(b"<status>", b"<status>&b;"), "document type"),
        (lambda cib: BOMB + cib.replace(b'dc-uuid="1"', b'dc-uuid="&b;"'), "document type"),
        (lambda cib: b'<!DOCTYPE cib SYSTEM "crm.dtd" [ ]>' + cib, "document type"),
        (lambda cib: b'<!DOCTYPE cib SYSTEM "crm.dtd">' * 2 + cib, "document type"),
        (lambda cib: b'<!DOCTYPE cib SYSTEM "crm.dtd">' + cib.replace(b'dc-uuid="1"', b'dc-uuid="&b;"'), "undefined entity"),
        (lambda cib: cib.replace(b"<status>", b"<status>&a;"), "undefined entity"),
        (lambda cib: cib.decode().encode("utf-16"), "UTF-16"),
        (lambda cib: b'<?xml version="1.0" encoding="shift_jis"?>' + cib, "encodings"),
        (lambda cib: b'<?xml version="1.0" encoding="klingon"?>' + cib, "encoding"),
        (lambda cib: cib.replace(b"<status>", b"<status>" + b"<a>" * 5000 + b"</a>" * 5000), "256 elements"),
        (lambda cib: cib.replace(b"pacemaker-3.4", b"pacemaker-99.9"), "does not fit its schema pacemaker-99.9"),
        (lambda cib: cib.replace(b'dc-uuid="1"', b'dc-uuid="' + b"x" * 11_000_000 + b'"'), "does not fit"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_not_repaired(
    tools: Tools, cib_file: str, damage: Callable[[bytes], bytes], message: str
) -> None:
    """The tools of 2.x would drop what they do not understand and call it well; the next patch would save what is left."""
    damaged = damage(pathlib.Path(cib_file).read_bytes())
    pathlib.Path(cib_file).write_bytes(damaged)
    with pytest.raises(AgentError) as caught:
        tools.query_cib()
    assert caught.value.code == "cib.schema"
    assert message in caught.value.message and cib_file in caught.value.message
    assert pathlib.Path(cib_file).read_bytes() == damaged


def test_a_file_without_end(any_suite: str) -> None:
    with pytest.raises(AgentError, match="has more than") as caught:
        Tools(Runner([any_suite], {"CIB_file": "/dev/zero"})).query_cib()
    assert caught.value.code == "cib.unavailable"


def test_what_harms_no_file(tools: Tools, cib_file: str) -> None:
    text = pathlib.Path(cib_file).read_bytes()
    pathlib.Path(cib_file).write_bytes(b"\xef\xbb\xbf" + text.replace(b">", b">\r\n"))
    assert b'uname="c1"' in tools.query_cib()


def test_the_version_alone_is_little(tools: Tools) -> None:
    alone = parse(tools.query_version())
    assert version_of(alone) == version_of(parse(tools.query_cib())) and len(alone) == 0
    assert version_of(parse(tools.query_version("c1"))) == version_of(alone)


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
