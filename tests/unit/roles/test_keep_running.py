# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first process of HAProxy's container: what dies is started again, what is told to end ends."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest
from ansible_collections.tandem.ha.tests.unit.plugins.modules.speaking import PLUGINS

PROGRAM = PLUGINS.parent / "roles" / "image" / "files" / "haproxy" / "keep-running"
# Says that it is there, and what it hears; ends when it is told to.
CHILD = "echo up $$; trap 'echo heard' USR2; trap 'echo bye; exit 3' TERM; while :; do sleep 0.05; done"


@pytest.fixture
def running():
    process = subprocess.Popen([PROGRAM, "sh", "-c", CHILD], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield process
    process.terminate()  # which is handed on
    process.communicate(timeout=5)


def child_of(process):
    """The number of the command that has just been started."""
    word, number = process.stdout.readline().split()
    assert word == "up"
    time.sleep(0.1)  # until it has set its traps
    return int(number)


def test_what_is_killed_is_started_again(running):
    first = child_of(running)
    subprocess.run(["kill", "-KILL", str(first)], check=True)
    second = child_of(running)
    assert second != first
    assert running.poll() is None


def test_a_reload_is_handed_on_and_ends_nothing(running):
    child_of(running)
    running.send_signal(signal.SIGUSR2)
    assert running.stdout.readline() == "heard\n"
    assert running.poll() is None


def test_what_is_asked_to_end_ends_with_its_own_code(running):
    child_of(running)
    running.send_signal(signal.SIGTERM)
    assert running.wait(5) == 3
    assert running.stdout.read() == "bye\n"


def test_what_cannot_run_is_left_to_the_cluster():
    done = subprocess.run(
        [PROGRAM, "sh", "-c", "echo again; exit 7"], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 7
    assert done.stdout.split() == ["again"] * 6
    assert "sh died 6 times in a minute, the last time with 7" in done.stderr


def test_without_a_command_it_says_so():
    done = subprocess.run([PROGRAM], capture_output=True, text=True, timeout=5, check=False)
    assert (done.returncode, done.stderr) == (2, "keep-running: needs a command\n")
