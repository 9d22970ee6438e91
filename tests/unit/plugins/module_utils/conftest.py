# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scripted agent for the tests of the client and of what is built on it."""

import pytest
from ansible_collections.tandem.ha.tests.unit.plugins.module_utils.scripted import ScriptedAgent


@pytest.fixture
def socket_path(tmp_path):
    """Where the scripted agent listens."""
    return str(tmp_path / "agent.sock")


@pytest.fixture
def agent(socket_path):
    """Starts an agent with a script; a request too many or too few fails the test."""
    started = []

    def start(*answers):
        started.append(ScriptedAgent(socket_path, answers))
        return started[-1]

    yield start
    for one in started:
        one.close()
