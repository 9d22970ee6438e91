# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every secret of the site is random, so each is its own canary: it must be where it belongs and nowhere else."""

from __future__ import annotations

import secrets
from typing import Any, Dict, Iterator

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


@pytest.fixture
def sealed(site: Pair, canaries: Dict[str, bytes]) -> Iterator[str]:
    """The standby, for whose fencing there is a device alone whose password Pacemaker keeps."""
    target = site.other()
    options = {
        "name": "sealed",
        "agent": "fence_ipmilan",
        "targets": [target],
        "params": {"ip": f"10.143.0.11{target[-1]}", "username": "tandem", "lanplus": True, "power_wait": 1},
        "secrets": {"password": canaries[f"BMC of {target}"].decode()},
        "levels": [{"level": 1, "devices": ["sealed"]}],
    }
    files = site.tasks(task("ha_stonith", **options, only="secrets"), hosts="controllers")
    assert files.ok and set(files.changed) == set(CONTROLLERS), files.text
    device = site.tasks(task("ha_stonith", **options))
    assert device.ok and device.changed, device.text
    again = site.tasks(task("ha_stonith", **options), hosts="controllers")
    assert again.ok and not again.changed, again.text
    yield target
    gone = site.tasks(task("ha_stonith", name="sealed", state="absent"), hosts="controllers")
    assert gone.ok, gone.text
    for node in CONTROLLERS:
        assert site.node(node, "find /var/lib/pacemaker/lrm/secrets/sealed -type f 2>/dev/null", code=None) == ""


def task(module: str, **options: Any) -> Dict[str, Any]:
    return {"name": "Declare", f"tandem.ha.{module}": options}


@pytest.mark.slow
def test_a_device_whose_password_pacemaker_keeps_fences(site: Pair, sealed: str, canaries: Dict[str, bytes]) -> None:
    assert 'name="password" value="lrm://"' in site.cib()
    proof = site.tasks({"name": "Ask", "tandem.ha.ha_info": {"gather": ["fencing"]}}, hosts=site.holder())
    assert proof.ok, proof.text
    report = site.drill(drill_target=sealed)
    assert report["measured"]["fenced"] > 0
    for node in CONTROLLERS:
        assert kept(site, node, spellings(canaries[f"BMC of {sealed}"])) == 0, node
