# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared by all tests of the agent: its source on the path, Pacemaker's real tools, a CIB to work on."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest
from hypothesis import HealthCheck, settings

# Whole documents take their time to be made up on a busy machine.
settings.register_profile("tandem", suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
settings.load_profile("tandem")

TOP = pathlib.Path(__file__).resolve().parents[2]
AGENT = TOP / "roles" / "agent" / "files"
if str(AGENT) not in sys.path:
    sys.path.insert(0, str(AGENT))

# Pacemaker 2.0.5, 2.1.5, 3.0.0; fewer where somebody says so, because the time of most tests is that of Pacemaker's tools.
SUITES = tuple(os.environ.get("TANDEM_SUITES", "bullseye bookworm trixie").split())

EMPTY_CIB = """<cib crm_feature_set="3.3.0" validate-with="pacemaker-3.4" epoch="5" num_updates="2" admin_epoch="0"\
 have-quorum="1" dc-uuid="1"><configuration><crm_config/><nodes><node id="1" uname="c1"/><node id="2" uname="c2"/></nodes>\
<resources/><constraints/></configuration><status>{states}</status></cib>"""

NODE_STATE = """<node_state id="{id}" uname="{name}" in_ccm="true" crmd="online" join="member" expected="member">\
<lrm id="{id}"><lrm_resources/></lrm></node_state>"""


def tools_of(suite: str) -> str:
    """The directory of one suite's unpacked tools. A missing one fails the test and says what to do."""
    directory = TOP / ".build" / "pacemaker" / suite / "bin"
    if not (directory / "cibadmin").exists():
        pytest.fail(f"Pacemaker's tools of {suite} are missing; make them with: tests/gates/pacemaker-tools {suite}")
    return str(directory)


@pytest.fixture(scope="session")
def bookworm() -> str:
    """The tools of Pacemaker 2.1.5, which every machine that runs `make test` has."""
    return tools_of("bookworm")


@pytest.fixture(params=SUITES)
def any_suite(request: pytest.FixtureRequest) -> str:
    """The tools of each suite."""
    return tools_of(request.param)


@pytest.fixture
def cib_text() -> str:
    """A CIB without resources: two nodes, both online."""
    states = "".join(NODE_STATE.format(id=number, name=name) for number, name in ((1, "c1"), (2, "c2")))
    return EMPTY_CIB.format(states=states)


@pytest.fixture
def cib_file(tmp_path: pathlib.Path, cib_text: str) -> str:
    """That CIB as a file which CIB_file may name."""
    path = tmp_path / "cib.xml"
    path.write_text(cib_text)
    os.chmod(str(path), 0o600)
    return str(path)
