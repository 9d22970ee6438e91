# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One agent for all tests; each test gets an empty cluster."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Iterator

import pytest
from harness import TOOLS, TOP, Agent, Ansible


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """The agent's process."""
    if not (TOOLS / "cibadmin").exists():
        pytest.fail("Pacemaker's tools are missing; make them with: tests/gates/pacemaker-tools bookworm")
    subprocess.run([str(TOP / "tests" / "gates" / "link-collection")], check=True)
    agent = Agent(tmp_path_factory.mktemp("agent"))
    yield agent
    agent.stop()


@pytest.fixture
def agent(serving: Agent) -> Agent:
    serving.reset()
    return serving


@pytest.fixture
def ansible(tmp_path: Path, agent: Agent) -> Ansible:
    return Ansible(tmp_path, agent)
