# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands before the agent of Redis: all but one notification reaches it, with its environment and its exit code."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.tandem.ha.tests.unit.plugins.modules.speaking import PLUGINS

PROGRAM = PLUGINS.parent / "roles" / "image" / "files" / "redis" / "redis"
BEHIND = "/usr/lib/tandem/heartbeat/redis"


@pytest.fixture
def called(tmp_path: Path):
    agent = tmp_path / "agent"
    agent.write_text('#!/bin/sh\necho "$*" "$OCF_RESKEY_config"\nexit 8\n')
    agent.chmod(0o755)
    text = PROGRAM.read_text()
    assert text.count(BEHIND) == 1
    program = tmp_path / "redis"
    program.write_text(text.replace(BEHIND, str(agent)))
    program.chmod(0o755)

    def call(*words: str, **environment: str) -> tuple[int, str]:
        done = subprocess.run(
            [program, *words], env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout.strip()

    return call


def notified(kind: str, operation: str) -> dict[str, str]:
    return {"OCF_RESKEY_CRM_meta_notify_type": kind, "OCF_RESKEY_CRM_meta_notify_operation": operation}


def test_a_replica_is_not_held_when_the_primary_is_gone(called):
    assert called("notify", **notified("post", "demote")) == (0, "")


@pytest.mark.parametrize(
    ("kind", "operation"), [("pre", "demote"), ("post", "promote"), ("post", "start"), ("post", "stop")]
)
def test_all_other_notifications_reach_the_agent(called, kind, operation):
    assert called("notify", **notified(kind, operation)) == (8, "notify")


def test_an_action_reaches_the_agent_as_it_was_called(called):
    assert called("monitor", OCF_RESKEY_config="/etc/redis/redis.conf") == (8, "monitor /etc/redis/redis.conf")
    assert called("demote", **notified("post", "demote")) == (8, "demote")
    assert called() == (8, "")
