# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every secret of the site is random, so each is its own canary: it must be where it belongs and nowhere else."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from pathlib import Path
from typing import Dict, Self, Set

import pytest
from pair import CONTROLLERS, Pair

STATE = Path("/var/lib/tandem-lab")
# Everything a node writes that somebody may read: journal, logs, saved scheduler inputs, the CIB, what processes were told.
SEARCH = (
    "{ journalctl --no-pager -o cat; cat /var/log/*.log /var/log/*/*.log /var/log/syslog;"
    " bzcat /var/lib/pacemaker/pengine/*.bz2; cat /var/lib/pacemaker/cib/*.xml /var/lib/pacemaker/cib/*.raw;"
    " find /var/lib/tandem /tmp /var/tmp /root/.ansible /root/.ansible_async -type f -exec cat {} +; } 2>/dev/null"
    " | grep -caF -f /run/canaries"
)
CONTROL = "canary-" + secrets.token_hex(8)  # planted where it must be found, so that finding nothing means something


@pytest.fixture
def canaries(site: Pair) -> Dict[str, bytes]:
    """The site's secrets, in every spelling in which they could escape."""
    state = STATE / site.name
    found = {f"BMC of {name}": (state / "bmc" / f"{name}.password").read_bytes().strip() for name in CONTROLLERS}
    found["hacluster"] = (state / "hacluster.password").read_bytes().split()[0]
    for key in ("corosync", "pacemaker"):
        text = site.node("c1", f"base64 -w 0 < /etc/{key}/authkey").strip()
        found[f"key of {key}"] = text.encode()
    return found


class Watcher(threading.Thread):
    """Reads the command lines of all processes of this machine, the nodes' included, again and again."""

    def __init__(self, canaries: Dict[str, bytes]) -> None:
        super().__init__(daemon=True)
        self.canaries = canaries
        self.seen: Set[str] = set()
        self.rounds = 0
        self.ending = threading.Event()

    def run(self) -> None:
        while not self.ending.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    line = path.read_bytes()
                except OSError:
                    continue  # it has ended meanwhile
                self.seen.update(f"{name}: {line[:60]!r}" for name, secret in self.canaries.items() if secret in line)
            self.rounds += 1
            time.sleep(0.005)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_fault: object) -> None:
        self.ending.set()
        self.join()


def test_no_secret_leaves_its_place(site: Pair, canaries: Dict[str, bytes]) -> None:
    control = {"control": CONTROL.encode()}
    with Watcher({**canaries, **control}) as watcher:
        site.node("w1", f"sleep 2 & python3 -c 'import time; time.sleep(1)' {CONTROL}; logger {CONTROL}")
        # With something to do in it: the devices' files are written and the devices asked again.
        site.node("c1", "rm -r /etc/tandem/fencing")
        run = site.site("-vvv", "--diff")
        for node in CONTROLLERS:
            for _time in range(5):
                site.node(node, f"stonith_admin --query {node} --timeout 20", code=None)
    assert run.ok, run.text
    assert {line.split(":")[0] for line in watcher.seen} == {"control"}, watcher.seen
    for name, secret in canaries.items():
        assert secret.decode() not in run.text, f"{name} is in the output of ansible-playbook -vvv --diff"
    assert search(site, "w1", {CONTROL}) > 0, "the search finds what is there"
    for node in (*CONTROLLERS, "w1"):
        found = {name for name, secret in canaries.items() if search(site, node, spellings(secret.decode()))}
        assert found == set(), f"{node}: a secret is where it does not belong"


def search(site: Pair, node: str, words: Set[str]) -> int:
    """In how many lines of everything that the node keeps one of the words stands. They go by standard input."""
    site.node(node, "umask 077; cat > /run/canaries", stdin="\n".join(words) + "\n")
    try:
        return int(site.node(node, SEARCH, code=None).strip())
    finally:
        site.node(node, "rm /run/canaries")


def spellings(secret: str) -> Set[str]:
    """A secret as it is, and as base64 of it. The three alignments of a longer text would need more; these suffice for fields."""
    return {secret, base64.b64encode(secret.encode()).decode()}


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
