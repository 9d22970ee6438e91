# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every secret of the site is random, so each is its own canary: it must be where it belongs and nowhere else."""

from __future__ import annotations

import secrets
from typing import Dict

import pytest
from canaries import Watcher, kept, secrets_of, spellings
from pair import CONTROLLERS, Outcome, Pair

CONTROL = "canary-" + secrets.token_hex(8)  # planted where it must be found, so that finding nothing means something


@pytest.fixture
def canaries(site: Pair) -> Dict[str, bytes]:
    return secrets_of(site)


def test_no_process_is_told_a_secret_while_a_node_is_fenced(site: Pair, canaries: Dict[str, bytes]) -> None:
    with Watcher({**canaries, "control": CONTROL.encode()}) as watcher:
        site.node("w1", f"python3 -c 'import time; time.sleep(1)' {CONTROL}")
        site.node(
            "c1", "rm /etc/tandem/fencing/fence-c1"
        )  # something to do for the run; the device runs on the other node
        run = site.site("-vvv", "--diff")
        report = site.drill()
    assert run.ok, run.text
    assert report["measured"]["fenced"] > 0
    assert {line.split(":")[0] for line in watcher.seen} == {"control"}, watcher.seen
    assert report["silent"] < 1.0, "the standby was fenced, and the address did not notice"


def test_no_secret_is_shown_or_kept(site: Pair, converged: Outcome, canaries: Dict[str, bytes]) -> None:
    again = site.site("-vvv", "--diff", "--check")
    for name, secret in canaries.items():
        assert secret.decode() not in converged.text, f"{name} is in the output of the first run, with -vvv --diff"
        assert secret.decode() not in again.text, f"{name} is in the output of a check with -vvv --diff"
    site.node("w1", f"logger {CONTROL}")
    assert kept(site, "w1", {CONTROL}) > 0, "the search finds what is there"
    for node in (*CONTROLLERS, "w1"):
        found = {name for name, secret in canaries.items() if kept(site, node, spellings(secret))}
        assert found == set(), f"{node}: a secret is where it does not belong"


def test_the_password_files_are_roots_alone(site: Pair) -> None:
    for node in CONTROLLERS:
        listing = site.node(node, "stat -c '%a %U %n' /etc/tandem/fencing /etc/tandem/fencing/*").split("\n")
        assert [line.split()[:2] for line in listing if line] == [["700", "root"]] * 3, listing


def test_no_temporary_file_stays_behind(site: Pair) -> None:
    others = (
        "find /tmp /var/tmp /dev/shm -iname '*ansible*' -o -name 'tandem*'; find /run -name '*drill*' -o -name canaries"
    )
    own = "find /root/.ansible/tmp /root/.ansible_async -mindepth 1 2>/dev/null"
    for node in (*CONTROLLERS, "w1"):
        assert site.node(node, f"{others}; {own}", code=None).strip() == ""
